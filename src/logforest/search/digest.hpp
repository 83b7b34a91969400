// Digest of the messages of a segment: which of its records can hold a term, without reading them.
//
// It has the distinct texts without their numbers (numbers.hpp) and rare words (words.hpp), which
// are few, the rare words, and for each record (in the order of its id) which text it has, its
// short numbers and rare words, and when it was. A term is looked up in the texts, then its numbers
// and rare words in the records that have them. What a digest says is never too little: a record
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

#include "logforest/search/numbers.hpp"
#include "logforest/search/words.hpp"

namespace logforest::search {

class DigestBuilder {
 public:
  explicit DigestBuilder(std::size_t rows);
  void add(std::int64_t time, std::string_view folded);
  // Records go by ascending id. Empty if the digest would be too large to be worth it. The
  // builder is empty afterwards.
  [[nodiscard]] std::string finish(std::span<const std::int64_t> ids);

 private:
  [[nodiscard]] std::uint32_t code_of(std::string_view text);
  [[nodiscard]] std::vector<NumberCode> marks_by_text(std::span<const std::uint32_t> order) const;
  [[nodiscard]] bool compress(std::string_view raw, std::string& out);

  std::size_t bytes_ = 0;  // of messages
  std::string texts_;      // each ends with NUL
  std::vector<std::uint32_t> begins_;
  std::vector<std::uint32_t> slots_;  // code + 1 by hash
  std::vector<std::uint16_t> codes_;
  std::vector<NumberCode> numbers_;  // of all records, one after the other
  std::vector<std::uint32_t> number_begins_;
  std::vector<std::int64_t> times_;
  std::string reduced_;
  WordSplitter splitter_;
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
  std::vector<std::vector<Pattern>> terms_;
  bool marks_ = false;  // whether a term has a byte that is a mark now and was not in version 2
};

}  // namespace logforest::search
