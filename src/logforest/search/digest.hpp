// Digest of the messages of a segment: which of its records can hold a term, without reading them.
//
// Numbers make messages differ and are what filters are good at. So every run of [0-9a-f] with a
// digit, other than three digits alone (status and exit codes), becomes one byte, which leaves far
// fewer distinct texts, and those compress well. A digest
// has these texts, and for each record (in the order of its id) which of them it has and when it
// was. A term is looked up in the texts; at its ends it may have been cut out of such a run, so
// that up to four spellings of it are possible. What a digest says is never too little: a record
// that holds the term is always among those it names.
#pragma once

#include <zstd.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace logforest::search {

// Folded text (fold.hpp) with every run of [0-9a-f] that holds a digit as one byte 0x01, unless it
// is three digits.
void without_numbers(std::string_view folded, std::string& out);

// Whatever it returns: a text that holds `term` holds, without numbers, one of them. None: cannot
// tell (the term is empty or all of it could be part of a number).
[[nodiscard]] std::vector<std::string> spellings(std::string_view term);

class DigestBuilder {
 public:
  explicit DigestBuilder(std::size_t rows);
  void add(std::int64_t time, std::string_view folded);
  // Records go by ascending id. Empty if the digest would be too large to be worth it. The
  // builder is empty afterwards.
  [[nodiscard]] std::string finish(std::span<const std::int64_t> ids);

 private:
  [[nodiscard]] std::uint32_t code_of(std::string_view text);
  void compress(std::string_view raw, std::string& out);

  std::size_t bytes_ = 0;  // of messages
  std::string texts_;      // each ends with NUL
  std::vector<std::uint32_t> begins_;
  std::vector<std::uint32_t> slots_;  // code + 1 by hash
  std::vector<std::uint16_t> codes_;
  std::vector<std::int64_t> times_;
  std::string reduced_;
  std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> zstd_;
};

struct Hit {
  std::int64_t time;
  std::int64_t id;
  std::int32_t peers;  // records of the segment with the same time
};

// Looks for records that may hold all of some terms. Const use from several threads is fine.
class DigestSearch {
 public:
  explicit DigestSearch(std::span<const std::string> terms);
  // False: every record may hold the terms.
  [[nodiscard]] bool tells() const noexcept { return !terms_.empty(); }
  // Records in order of id, or nullopt if the digest does not tell: absent, damaged, or not of the
  // records of `runs` (pairs of first and last id, int64 little-endian).
  [[nodiscard]] std::optional<std::vector<Hit>> find(std::string_view digest,
                                                     std::string_view runs) const;

 private:
  std::vector<std::vector<std::string>> terms_;  // spellings of each
};

}  // namespace logforest::search
