// Search segments: for some thousand records, which ids they have and a filter of the pieces of
// text ("grams") that occur in their messages. A search reads the filters first and then only the
// records of segments that may match; what is found is compared in full, so a filter that says
// "perhaps" too often costs time, never a wrong result.
//
// Grams of the folded text: every one and two bytes; three with at most one digit; four letters in
// a row; six letters and digits in a row, or digits, points and colons, if there is a digit. The
// short ones tell words apart, the long ones identifiers and addresses, whose short pieces occur
// everywhere. The values of short columns (level, service, ...) are in it as well.
//
// A filter is a Bloom filter of 64-bit words, four bits of one word a gram (Putze, Sanders, Singler
// 2007), about ten bits a gram. Where a gram goes differs from segment to segment (salt): what
// collides in one does not in all.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "logforest/record/record_batch.hpp"
#include "logforest/search/digest.hpp"

namespace logforest::search {

struct Segment {
  std::int64_t min_time = 0;  // microseconds since 1970, UTC
  std::int64_t max_time = 0;
  std::int32_t rows = 0;
  std::int32_t words = 0;  // of the filter
  std::int32_t salt = 0;   // odd, at least 2^30
  std::string ids;         // runs of ids in ascending order: first and last, int64 little-endian
  std::string filter;      // words, big-endian
  std::string digest;      // of the messages (digest.hpp); empty: none
};

class SegmentBuilder {
 public:
  explicit SegmentBuilder(std::size_t rows);
  void add(std::int64_t id, std::int64_t time, std::string_view message);
  // A value of the record added last (or of the next one): see value_hash.
  void value(std::uint64_t hash);
  [[nodiscard]] std::size_t rows() const noexcept { return ids_.size(); }
  // The segment of what was added; the builder is empty afterwards.
  [[nodiscard]] Segment finish();

 private:
  static constexpr std::size_t kRecent = 4096;
  void grams(std::string_view text);
  void put(std::uint64_t hash);
  [[nodiscard]] std::size_t words_needed() const;

  std::vector<std::int64_t> ids_;
  std::int64_t min_time_ = 0;
  std::int64_t max_time_ = 0;
  std::size_t bytes_ = 0;                        // of messages
  std::vector<std::uint64_t> hashes_;            // with repeats
  std::vector<std::uint64_t> counter_;           // linear counting (Whang et al. 1990)
  std::array<std::uint64_t, kRecent> recent_{};  // endings whose grams are in already
  std::array<std::uint64_t, 1024> pairs_{};      // a bit for every two bytes that are in already
  std::string folded_;
  DigestBuilder digest_;
};

// Segments of about `rows` records each, all of the batch in order; none of an empty batch.
[[nodiscard]] std::vector<Segment> build_segments(const LogBatch& batch, std::size_t rows);

// A value of a column as a gram. Names are those of the columns; status codes are in by their
// first digit: status_class.
[[nodiscard]] std::uint64_t value_hash(std::string_view column, std::string_view value);
[[nodiscard]] constexpr int status_class(int status) noexcept {
  return status < 100 ? 0 : (status >= 900 ? 9 : status / 100);
}

// A segment that lacks any of these bits, in the word that place() tells, has no such record.
struct Probe {
  std::uint32_t hash;  // 31 bits
  std::uint64_t bits;
};
[[nodiscard]] constexpr std::size_t place(std::uint32_t hash, const Segment& segment) noexcept {
  const auto mixed =
      (std::uint64_t{hash} * static_cast<std::uint32_t>(segment.salt)) >> 20 & 0x7fffffff;
  return mixed * static_cast<std::uint32_t>(segment.words) >> 31;
}
[[nodiscard]] Probe probe_of(std::uint64_t hash) noexcept;
// Of the grams of a term: the most telling first, at most `most`; none for an empty term.
[[nodiscard]] std::vector<Probe> probes(std::string_view term, std::size_t most);
// Of a value: nothing else tells, so there are several.
[[nodiscard]] std::array<Probe, 3> value_probes(std::uint64_t value) noexcept;
[[nodiscard]] bool may_hold(const Segment& segment, const Probe& probe) noexcept;

}  // namespace logforest::search
