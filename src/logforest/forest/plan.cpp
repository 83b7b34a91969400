#include "logforest/forest/plan.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "logforest/base/error.hpp"

namespace logforest::forest {
namespace {

// Breadth first with siblings adjacent; returns, per position, the node of the tree.
std::vector<std::uint32_t> walking_order(const Tree& tree, std::vector<std::uint32_t>& child) {
  std::vector<std::uint32_t> order{0};
  order.reserve(tree.size());
  child.assign(tree.size(), 0);
  for (std::uint32_t at = 0; at < order.size(); ++at) {
    const std::uint32_t node = order[at];
    child[at] = at;
    if (tree.is_leaf(node)) continue;
    child[at] = static_cast<std::uint32_t>(order.size());
    order.push_back(node + 1);
    order.push_back(tree.right[node]);
  }
  return order;
}

}  // namespace

std::unique_ptr<const Plan> make_plan(std::span<const std::shared_ptr<const Tree>> trees) {
  auto plan = std::make_unique<Plan>();
  const auto count = static_cast<double>(trees.size());
  std::vector<std::vector<double>> paths;
  paths.reserve(trees.size());
  std::size_t nodes = 0;
  double longest = 2.0;  // of a usual tree; a fixed floor keeps the unit the same as trees change
  for (const auto& tree : trees) {
    paths.push_back(normalised_paths(*tree));
    longest = std::max(longest, *std::max_element(paths.back().begin(), paths.back().end()));
    nodes += tree->size();
  }
  if (nodes >= kLeaf) throw ModelError("the forest has too many nodes");
  const int bits = static_cast<int>(std::floor(std::log2(4294967295.0 / (count * (longest + 1e-3)))));
  if (bits < 0) throw ModelError("the forest has too many trees or paths that are too long");
  const double scale = std::ldexp(1.0, bits);
  plan->unit = 1.0 / (scale * count);

  plan->nodes.reserve(nodes);
  plan->delta.reserve(nodes);
  std::vector<std::uint32_t> child;
  for (std::size_t t = 0; t < trees.size(); ++t) {
    const Tree& tree = *trees[t];
    const auto base = static_cast<std::uint32_t>(plan->nodes.size());
    const auto depth = node_depths(tree);
    plan->roots.push_back(base);
    plan->depths.push_back(*std::max_element(depth.begin(), depth.end()));

    // Expected path below each node, weighted by training rows; children follow their parent.
    std::vector<double> expected(tree.size());
    for (std::size_t i = tree.size(); i-- > 0;) {
      if (tree.is_leaf(i)) {
        expected[i] = std::round(paths[t][i] * scale) / scale;
        continue;
      }
      const std::size_t right = tree.right[i];
      expected[i] = tree.samples[i] == 0
                        ? 0.5 * (expected[i + 1] + expected[right])
                        : (expected[i + 1] * tree.samples[i + 1] +
                           expected[right] * tree.samples[right]) / tree.samples[i];
    }
    plan->baseline += expected[0] / count;

    const auto order = walking_order(tree, child);
    std::vector<double> delta(tree.size(), 0.0);
    for (std::size_t at = 0; at < order.size(); ++at) {
      const std::uint32_t node = order[at];
      WalkNode out{};
      out.child = base + child[at];
      if (tree.is_leaf(node)) {
        out.bits = static_cast<std::uint32_t>(std::llround(paths[t][node] * scale));
      } else {
        out.bits = std::bit_cast<std::uint32_t>(tree.threshold[node]);
        out.feature = tree.feature[node];
        out.flags = 1U | (tree.missing_left[node] != 0 ? 2U : 0U);
        delta[child[at]] = (expected[node + 1] - expected[node]) / count;
        delta[child[at] + 1] = (expected[tree.right[node]] - expected[node]) / count;
      }
      plan->nodes.push_back(out);
    }
    plan->delta.insert(plan->delta.end(), delta.begin(), delta.end());
  }
  return plan;
}

}  // namespace logforest::forest
