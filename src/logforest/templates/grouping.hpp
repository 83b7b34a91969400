// Groups shapes into templates: a pure function of the set of shapes, so the order in which they
// arrived cannot matter.
//
// Idea: take two shapes that are equal but for one word. The words found at that place, over all
// shapes, form a column. A column with enough different words is a variable: those words become
// wildcards, the shapes become equal, and the next round looks again, until nothing changes.
// How many words are enough depends on what they look like and on what stands before them; words
// that proved variable behind one word need no such number behind the same word elsewhere.
// (Frequent-pattern ideas: Brain, Yu et al., IEEE TSC 2023; Drain, He et al., ICWS 2017.)
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "logforest/templates/shapes.hpp"

namespace logforest::templates {

// How many different words make a column variable. The first that applies counts.
struct Thresholds {
  int first = 10;      // the first token of a message
  int upper = 8;       // words in capitals: states, methods, levels
  int assigned = 4;    // after "="
  int named = 3;       // after a noun that announces a name: "user", "host", "file"
  int identifier = 4;  // words with inner punctuation or capitals
  int plain = 6;
  int wildcard_credit = 2;  // less, if the column holds a wildcard too

  // The family of thresholds for a given `plain`; 6 is the default.
  static Thresholds from_plain(int plain) noexcept;
};

struct Group {
  std::int64_t id = 0;           // the smallest fingerprint of its shapes
  std::uint32_t main_shape = 0;  // the most frequent shape, whose example shows the template
  std::uint32_t shapes = 0;
  std::int64_t count = 0;
  std::int64_t first_seen = kNoTime, last_seen = kNoTime;
};

class Grouping {
 public:
  Grouping() = default;
  Grouping(const Shapes& shapes, const Thresholds& thresholds);

  // Ids of the groups, ascending; group_of gives places in it.
  [[nodiscard]] const std::vector<std::int64_t>& ids() const noexcept { return ids_; }
  // Counts and times of the groups now, in the order of ids().
  [[nodiscard]] std::vector<Group> summarise(const Shapes& shapes) const;
  [[nodiscard]] std::uint32_t group_of(std::size_t shape) const noexcept { return of_[shape]; }
  // Token positions of a shape that became wildcards.
  [[nodiscard]] std::vector<std::uint32_t> holes(std::size_t shape) const;
  // The group whose pattern a shape not in the state fits (fewest holes first), or -1.
  [[nodiscard]] std::int64_t match(std::span<const Code> codes) const;

 private:
  void index_patterns(const Shapes& shapes);
  void collect(const Shapes& shapes, std::span<const std::uint64_t> keys);

  std::vector<std::int64_t> ids_;
  std::vector<std::uint32_t> of_;
  std::vector<std::uint8_t> hole_bits_;  // a byte a token, shapes one after the other
  std::vector<std::size_t> hole_begin_;
  std::unordered_map<std::uint64_t, std::uint32_t> patterns_;
  std::unordered_map<std::uint32_t, std::vector<std::vector<std::uint32_t>>> hole_sets_;
};

}  // namespace logforest::templates
