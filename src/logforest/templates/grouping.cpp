#include "logforest/templates/grouping.hpp"

#include <algorithm>
#include <unordered_map>

namespace logforest::templates {

Grouping::Grouping(const Shapes& shapes, const Thresholds& thresholds) {
  Rounds rounds(shapes, thresholds);
  rounds.run();
  std::vector<std::uint64_t> keys(shapes.size());
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = rounds.key(i);
  holes_ = rounds.take_holes();
  collect(shapes, keys);
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    if (!holes_[i].empty()) patterns_.add(shapes.codes(i), holes_[i], of_[i]);
  }
  patterns_.finish();
}

void Grouping::collect(const Shapes& shapes, std::span<const std::uint64_t> keys) {
  std::unordered_map<std::uint64_t, std::int64_t> smallest;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto [at, added] = smallest.try_emplace(keys[i], shapes[i].id);
    if (!added) at->second = std::min(at->second, shapes[i].id);
  }
  ids_.reserve(smallest.size());
  for (const auto& [key, id] : smallest) ids_.push_back(id);
  std::sort(ids_.begin(), ids_.end());
  of_.resize(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto at = std::lower_bound(ids_.begin(), ids_.end(), smallest[keys[i]]);
    of_[i] = static_cast<std::uint32_t>(at - ids_.begin());
  }
}

std::vector<Group> Grouping::summarise(const Shapes& shapes) const {
  std::vector<Group> groups(ids_.size());
  for (std::size_t i = 0; i < of_.size(); ++i) {
    const Shape& s = shapes[i];
    Group& g = groups[of_[i]];
    if (g.shapes == 0) g = {ids_[of_[i]], static_cast<std::uint32_t>(i), 0, 0, kNoTime, kNoTime};
    const Shape& main = shapes[g.main_shape];
    if (s.count > main.count || (s.count == main.count && s.id < main.id)) {
      g.main_shape = static_cast<std::uint32_t>(i);
    }
    ++g.shapes;
    g.count += s.count;
    if (s.first_seen != kNoTime && (g.first_seen == kNoTime || s.first_seen < g.first_seen)) {
      g.first_seen = s.first_seen;
    }
    g.last_seen = std::max(g.last_seen, s.last_seen);
  }
  return groups;
}

std::int64_t Grouping::match(std::span<const Code> codes) const {
  const Patterns::Match found = patterns_.find(codes);
  return found.holes == nullptr ? -1 : static_cast<std::int64_t>(found.value);
}

}  // namespace logforest::templates
