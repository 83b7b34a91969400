// The state of a miner: a multiset of message shapes. Counts add, times and examples take minima
// and maxima, so merging is commutative and associative and nothing depends on order.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "logforest/record/columns.hpp"
#include "logforest/templates/scanner.hpp"

namespace logforest::templates {

inline constexpr std::int64_t kNoTime = std::numeric_limits<std::int64_t>::min();
inline constexpr std::size_t kMaxExample = 1000;  // bytes kept of an example

// Token codes: 0 a wildcard, 1-127 a delimiter, from kFirstWord on a word of the dictionary.
using Code = std::int32_t;
inline constexpr Code kWildcard = 0;
inline constexpr Code kFirstWord = 128;
[[nodiscard]] constexpr bool is_word(Code c) noexcept { return c >= kFirstWord || c < 0; }

struct Shape {
  std::int64_t id = 0;  // fingerprint
  std::int64_t count = 0;
  std::int64_t first_seen = kNoTime;  // microseconds UTC
  std::int64_t last_seen = kNoTime;
  std::uint64_t example_hash = std::numeric_limits<std::uint64_t>::max();  // smallest seen
  std::uint32_t codes_begin = 0, codes_size = 0;
  std::string example;
};

class Shapes {
 public:
  // `text` is what the scanner read (user masks applied), `message` the original.
  void observe(std::int64_t id, const Scanner& scanner, std::string_view text,
               std::string_view message, std::int64_t time);
  void add(const Shapes& other);
  // For reading saved state: a shape with the texts of its tokens ("" is a wildcard).
  void add(Shape shape, std::span<const std::string_view> tokens);

  // Keeps the `keep` most frequent shapes (equal counts: the smaller id).
  void shrink(std::size_t keep);

  [[nodiscard]] std::size_t size() const noexcept { return shapes_.size(); }
  [[nodiscard]] const Shape& operator[](std::size_t i) const noexcept { return shapes_[i]; }
  [[nodiscard]] std::span<const Code> codes(std::size_t i) const noexcept {
    return {codes_.data() + shapes_[i].codes_begin, shapes_[i].codes_size};
  }
  // Empty for a wildcard.
  [[nodiscard]] std::string_view text_of(Code c) const noexcept;
  [[nodiscard]] const Dictionary& words() const noexcept { return words_; }
  static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
  [[nodiscard]] std::size_t find(std::int64_t id) const noexcept;
  // The codes of what the scanner holds; -1 for a word never seen.
  void lookup_codes(const Scanner& scanner, std::string_view text, std::vector<Code>& out) const;

  [[nodiscard]] std::int64_t lines() const noexcept { return lines_; }
  [[nodiscard]] std::int64_t dropped_lines() const noexcept { return dropped_lines_; }
  [[nodiscard]] std::int64_t dropped_shapes() const noexcept { return dropped_shapes_; }
  void set_totals(std::int64_t lines, std::int64_t dropped_lines,
                  std::int64_t dropped_shapes) noexcept;
  // Grows whenever the set of shapes changes (not the counts).
  [[nodiscard]] std::uint64_t version() const noexcept { return version_; }

 private:
  Shape& insert(std::int64_t id);
  void grow();
  static void merge_into(Shape& into, const Shape& from);

  std::vector<Shape> shapes_;
  std::vector<std::uint32_t> slots_;  // index + 1, open addressing by id
  std::vector<Code> codes_;
  Dictionary words_;
  std::int64_t lines_ = 0, dropped_lines_ = 0, dropped_shapes_ = 0;
  std::uint64_t version_ = 0;
};

}  // namespace logforest::templates
