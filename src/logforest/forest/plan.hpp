// A forest laid out for the kernels, in both forms (see kernels.hpp).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "logforest/forest/kernels.hpp"
#include "logforest/forest/tree.hpp"

namespace logforest::forest {

struct Plan {
  double unit = 0.0;         // value of one fixed-point step, divided by the number of trees
  double baseline = 0.0;     // mean over trees of the expected normalised path
  std::uint64_t steps = 0;   // depths of all trees: the cost of a walk
  std::uint64_t splits = 0;  // the cost of dense evaluation
  std::vector<WalkNode> nodes;
  std::vector<std::uint32_t> roots;
  std::vector<std::uint32_t> depths;  // of the deepest leaf of each tree
  std::vector<double> delta;          // change of the expected path on entering a node, / trees
  std::vector<DenseOp> ops;           // empty if a tree is too deep for the slots
  std::vector<std::uint32_t> ends;    // end of each tree in ops
};

[[nodiscard]] std::unique_ptr<const Plan> make_plan(
    std::span<const std::shared_ptr<const Tree>> trees);

}  // namespace logforest::forest
