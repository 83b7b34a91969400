// Masking of personal data and secrets in texts and records.
//
// A prefilter marks the few bytes at which something may be found (an @, a long run of digits, the
// separator behind a name that ends like a secret's); hand-written matchers decide there. Texts
// without a find are not copied. Masks are "<NAME>", or "<NAME:tag>" with a tag that is equal for
// equal values; they are never masked again, so masking twice changes nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "logforest/record/record_batch.hpp"

namespace logforest::normalize {

enum class IpRule : std::uint8_t { Off, Mask, Prefix };
enum class Replacement : std::uint8_t {
  Mask,       // <EMAIL>
  Hash,       // <EMAIL:16 hex digits>: SHA-256, cut to 64 bits; guessable where values are few
  Pseudonym,  // the same with HMAC-SHA-256 (RFC 2104) under a key: joins work, guessing does not
};

struct MaskRules {
  bool email = true;
  bool card = true;      // ISO 7812 prefixes and lengths, Luhn, spaces or dashes in groups
  bool iban = true;      // ISO 13616, mod 97
  bool token = true;     // JWT, keys of known issuers, Bearer ..., token/key/cookie pairs
  bool password = true;  // password=..., "secret": ..., --password x, user:password@ in URLs
  bool phone = false;    // +CC ... and (ddd) ddd-dddd
  IpRule ip = IpRule::Off;
  unsigned ipv4_prefix = 24;  // bits kept by IpRule::Prefix
  unsigned ipv6_prefix = 48;
  bool user_id = false;  // the whole column; e-mail and the like in it are masked anyway
  // Passwords and tokens are always masked plainly: even a keyed tag of a short secret is too much.
  Replacement replacement = Replacement::Mask;
  std::string key;  // of pseudonyms, at least 16 bytes
  // Name (capitals, digits, _) and RE2 pattern; applied after the rules above.
  std::vector<std::pair<std::string, std::string>> custom;
};

// Immutable after construction: any number of threads may share one.
class Masker {
 public:
  // Throws ConfigError: bad pattern, bad name, key missing or short, prefix out of range.
  explicit Masker(MaskRules rules);
  ~Masker();
  Masker(const Masker&) = delete;
  Masker& operator=(const Masker&) = delete;

  // False: nothing found, `out` untouched. True: `out` replaced by the masked text, which is
  // valid UTF-8 if `text` is.
  [[nodiscard]] bool mask(std::string_view text, std::string& out) const;
  // The same for a JSON text, which stays valid JSON: values of secret keys are replaced whole.
  [[nodiscard]] bool mask_json(std::string_view json, std::string& out) const;
  // message, endpoint, metadata, ip_address, user_id.
  void mask(RecordBatch& batch) const;
  void mask(RejectTable& rejects) const;

  [[nodiscard]] const MaskRules& rules() const noexcept { return rules_; }

 private:
  class Scan;
  struct Custom;
  void mask_lines(Utf8Column& column) const;  // texts that may be lines of one
  [[nodiscard]] bool mask_builtin(std::string_view text, std::string& out) const;
  [[nodiscard]] bool mask_stable(std::string_view text, std::string& out) const;
  [[nodiscard]] bool mask_custom(std::string& text) const;

  MaskRules rules_;
  unsigned candidates_;  // what the prefilter looks for
  std::vector<std::unique_ptr<Custom>> custom_;
};

}  // namespace logforest::normalize
