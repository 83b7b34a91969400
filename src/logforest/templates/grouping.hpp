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
#include <vector>

#include "logforest/templates/rounds.hpp"
#include "logforest/templates/shapes.hpp"

namespace logforest::templates {

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
  [[nodiscard]] const Holes& holes(std::size_t shape) const noexcept { return holes_[shape]; }
  // The group whose pattern a shape not in the state fits (fewest holes first), or -1.
  [[nodiscard]] std::int64_t match(std::span<const Code> codes) const;

 private:
  void collect(const Shapes& shapes, std::span<const std::uint64_t> keys);

  std::vector<std::int64_t> ids_;
  std::vector<std::uint32_t> of_;
  std::vector<Holes> holes_;
  Patterns patterns_;
};

}  // namespace logforest::templates
