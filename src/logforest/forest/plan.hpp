// A forest laid out for the kernels.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "logforest/forest/kernels.hpp"
#include "logforest/forest/tree.hpp"

namespace logforest::forest {

struct Plan {
  double unit = 0.0;      // value of one fixed-point step, divided by the number of trees
  double baseline = 0.0;  // mean over trees of the expected normalised path
  std::vector<WalkNode> nodes;
  std::vector<std::uint32_t> roots;
  std::vector<std::uint32_t> depths;  // of the deepest leaf of each tree
  std::vector<double> delta;          // change of the expected path on entering a node, / trees
};

[[nodiscard]] std::unique_ptr<const Plan> make_plan(
    std::span<const std::shared_ptr<const Tree>> trees);

}  // namespace logforest::forest
