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
  double count = 0.0;        // trees
  int bits = 0;              // a leaf's value is its normalised path times 2^bits
  double unit = 0.0;         // 2^-bits / trees
  double baseline = 0.0;     // mean over trees of the expected normalised path
  std::uint64_t steps = 0;   // depths of all trees: the cost of a walk
  std::uint64_t splits = 0;  // the cost of dense evaluation
  bool shallow = true;       // no tree is too deep for the dense form
  std::vector<WalkNode> nodes;
  std::vector<double> delta;          // change of the expected path on entering a node, / trees
  std::vector<std::uint32_t> roots;   // per tree, as all below
  std::vector<std::uint32_t> depths;  // of the deepest leaf
  std::vector<double> expected;       // normalised path at the root
  std::vector<double> longest;        // normalised path
  std::vector<DenseOp> ops;           // empty unless shallow
  std::vector<std::uint32_t> ends;    // end of each tree in ops
};

// With `old`, the first `kept` trees are the last `kept` of its trees and are copied over.
[[nodiscard]] std::unique_ptr<const Plan> make_plan(
    std::span<const std::shared_ptr<const Tree>> trees, const Plan* old = nullptr,
    std::size_t kept = 0);

}  // namespace logforest::forest
