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

// The operations of one tree in dense form. Recursion is bounded by kMostSlots.
class DenseCompiler {
 public:
  DenseCompiler(const Tree& tree, const std::vector<std::uint32_t>& values, Plan& plan)
      : tree_(tree), values_(values), plan_(plan) {}

  void run() {
    if (!tree_.is_leaf(0)) {
      emit(0, 0);
    } else {  // a lone leaf: a split between equals
      DenseOp op{};
      op.left[0] = op.right[0] = values_[0];
      plan_.ops.push_back(op);
    }
    plan_.ends.push_back(static_cast<std::uint32_t>(plan_.ops.size()));
  }

 private:
  [[nodiscard]] DenseSplit split_of(std::size_t node) const {
    const std::uint32_t flag = tree_.missing_left[node] != 0 ? kMissingLeftBit : 0U;
    return {tree_.threshold[node], tree_.feature[node] | flag};
  }

  // Fills one child of an operation; a Slot is computed into `slot`. Returns the kind.
  Operand child(std::size_t node, std::uint32_t slot, DenseSplit& pair, std::uint32_t* value) {
    if (tree_.is_leaf(node)) {
      value[0] = values_[node];
      return Operand::Constant;
    }
    if (tree_.is_leaf(node + 1) && tree_.is_leaf(tree_.right[node])) {
      pair = split_of(node);
      value[0] = values_[node + 1];
      value[1] = values_[tree_.right[node]];
      return Operand::Pair;
    }
    emit(node, slot);
    value[0] = slot;
    return Operand::Slot;
  }

  void emit(std::size_t node, std::uint32_t slot) {
    DenseOp op{};
    op.split = split_of(node);
    op.out = static_cast<std::uint16_t>(slot);
    const Operand left = child(node + 1, slot, op.pair[0], op.left);
    const Operand right =
        child(tree_.right[node], slot + (left == Operand::Slot ? 1 : 0), op.pair[1], op.right);
    op.kind = static_cast<std::uint8_t>(3 * static_cast<int>(left) + static_cast<int>(right));
    plan_.ops.push_back(op);
  }

  const Tree& tree_;
  const std::vector<std::uint32_t>& values_;
  Plan& plan_;
};

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
  const int bits =
      static_cast<int>(std::floor(std::log2(4294967295.0 / (count * (longest + 1e-3)))));
  if (bits < 0) throw ModelError("the forest has too many trees or paths that are too long");
  const double scale = std::ldexp(1.0, bits);
  plan->unit = 1.0 / (scale * count);

  plan->nodes.reserve(nodes);
  plan->delta.reserve(nodes);
  std::vector<std::uint32_t> child;
  std::vector<std::uint32_t> values;
  bool shallow = true;
  for (std::size_t t = 0; t < trees.size(); ++t) {
    const Tree& tree = *trees[t];
    const auto base = static_cast<std::uint32_t>(plan->nodes.size());
    const auto depth = node_depths(tree);
    plan->roots.push_back(base);
    plan->depths.push_back(*std::max_element(depth.begin(), depth.end()));
    plan->steps += plan->depths.back();
    plan->splits += tree.size() / 2;
    shallow = shallow && plan->depths.back() < kMostSlots;
    values.assign(tree.size(), 0);

    // Expected path below each node, weighted by training rows; children follow their parent.
    std::vector<double> expected(tree.size());
    for (std::size_t i = tree.size(); i-- > 0;) {
      if (tree.is_leaf(i)) {
        values[i] = static_cast<std::uint32_t>(std::llround(paths[t][i] * scale));
        expected[i] = values[i] / scale;
        continue;
      }
      const std::size_t right = tree.right[i];
      expected[i] =
          tree.samples[i] == 0
              ? 0.5 * (expected[i + 1] + expected[right])
              : (expected[i + 1] * tree.samples[i + 1] + expected[right] * tree.samples[right]) /
                    tree.samples[i];
    }
    plan->baseline += expected[0] / count;

    const auto order = walking_order(tree, child);
    std::vector<double> delta(tree.size(), 0.0);
    for (std::size_t at = 0; at < order.size(); ++at) {
      const std::uint32_t node = order[at];
      WalkNode out{};
      out.child = base + child[at];
      if (tree.is_leaf(node)) {
        out.bits = values[node];
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
    if (shallow) DenseCompiler(tree, values, *plan).run();
  }
  if (!shallow) {
    plan->ops = {};
    plan->ends = {};
  }
  return plan;
}

}  // namespace logforest::forest
