// Cuts a log message into words, delimiters and wildcards: the shape of the message.
//
// One pass, no allocation. A word that holds a digit is variable; so are the shapes named by Masks.
// Neighbouring wildcards fold into one ("10.0.0.1:80, 10.0.0.2:80" is one), and a bracket that
// holds nothing but a wildcard is optional. Two messages of one shape have one fingerprint.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace logforest::templates {

// Shapes treated as variable beside words with digits.
enum Mask : std::uint32_t {
  kMaskDate = 1U << 0,      // "Sun Jul 3 10:05:25 PDT 2005"
  kMaskQuantity = 1U << 1,  // the unit after a number: "93.0 B", "<1 sec"
  kMaskPath = 1U << 2,      // /var/log, ./a, C:\dir, com.app/.Main
  kMaskHost = 1U << 3,      // domain names, host:port, MAC and IPv6 addresses
  kMaskHex = 1U << 4,       // eight or more hex letters without a digit: "ffffffff"
  kMaskBoolean = 1U << 5,   // true, false, null, none after "=" or ":"
  kMaskAll = (1U << 6) - 1,
};

enum class Kind : std::uint8_t { Wildcard, Delimiter, Word };

struct Token {
  std::uint64_t hash;
  std::uint32_t begin, end;  // bytes of the message
  Kind kind;
};

struct Span {
  std::uint32_t begin, end;
};

inline constexpr std::size_t kMaxTokens = 256;  // the rest of a message is one wildcard
inline constexpr std::size_t kMaxScanBytes = std::size_t{8} * 1024;
inline constexpr char kUserMask = '\x1a';  // stands where a user's own mask matched

class Scanner {
 public:
  explicit Scanner(std::uint32_t masks = kMaskAll) noexcept : masks_(masks) {}

  // The fingerprint of the shape, in [0, 2^53); tokens() holds it until the next call.
  std::int64_t scan(std::string_view message) noexcept;

  [[nodiscard]] const Token* tokens() const noexcept { return tokens_.data(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  // As scan; also lists, in order, the bytes that were taken for variables.
  std::int64_t scan_with_spans(std::string_view message, std::vector<Span>& masked);

 private:
  void word(const char* p, const char* q, std::uint32_t seen) noexcept;
  void plain_word(const char* p, const char* q, std::uint32_t seen) noexcept;
  void split_leader(const char* p, const char* q) noexcept;
  const char* delimiter(const char* p) noexcept;
  const char* address(const char* p, const char* q, std::uint32_t seen) noexcept;
  bool date_word(const char* p, const char* q) noexcept;
  void emit_wildcard(const char* p, const char* q) noexcept;
  void emit_word(const char* p, const char* q) noexcept;
  void emit_delimiter(const char* p) noexcept;
  void push(std::uint64_t hash, const char* p, const char* q, Kind kind) noexcept;
  [[nodiscard]] bool delimiter_at(std::size_t i, char c) const noexcept {
    return tokens_[i].kind == Kind::Delimiter && base_[tokens_[i].begin] == c;
  }

  std::uint32_t masks_;
  std::size_t size_ = 0;
  const char* base_ = nullptr;
  const char* end_ = nullptr;
  const char* number_end_ = nullptr;  // where the last wildcard that began with a digit ended
  bool in_date_ = false;
  std::vector<Span>* spans_ = nullptr;
  std::array<Token, kMaxTokens + 2> tokens_;
};

// Hash of a wildcard and of a delimiter; words hash their bytes.
inline constexpr std::uint64_t kWildcardHash = 0x5bd1e995a4b2c3d7ULL;

}  // namespace logforest::templates
