#include "logforest/forest/plan.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "logforest/base/error.hpp"

namespace logforest::forest {
namespace {

// Working memory, reused from tree to tree.
struct Scratch {
  std::vector<std::uint32_t> depths, values, order, child;
  std::vector<double> paths, expected;
};

// Breadth first with siblings adjacent: order[position] = node of the tree, child[position] =
// position of the left child (of a leaf: its own).
void walking_order(const Tree& tree, Scratch& s) {
  s.order.assign(1, 0);
  s.child.resize(tree.size());
  for (std::uint32_t at = 0; at < s.order.size(); ++at) {
    const std::uint32_t node = s.order[at];
    s.child[at] = at;
    if (tree.is_leaf(node)) continue;
    s.child[at] = static_cast<std::uint32_t>(s.order.size());
    s.order.push_back(node + 1);
    s.order.push_back(tree.right[node]);
  }
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

// Mean normalised path below every node over the training rows; leaves have `values` / scale.
void expected_paths(const Tree& tree, double unit, Scratch& s) {
  auto& out = s.expected;
  out.resize(tree.size());
  for (std::size_t i = tree.size(); i-- > 0;) {  // children follow their parent
    if (tree.is_leaf(i)) {
      out[i] = s.values[i] * unit;
      continue;
    }
    const std::size_t right = tree.right[i];
    const double below = out[i + 1] * tree.samples[i + 1] + out[right] * tree.samples[right];
    out[i] = tree.samples[i] == 0 ? 0.5 * (out[i + 1] + out[right]) : below / tree.samples[i];
  }
}

// Appends one tree to the plan, whose scale and count are set.
void append(Plan& plan, const Tree& tree, double scale, Scratch& s) {
  node_depths(tree, s.depths);
  normalised_paths(tree, s.depths, s.paths);
  s.values.resize(tree.size());
  for (std::size_t i = 0; i < tree.size(); ++i) {
    // Half up, on every machine.
    // NOLINTNEXTLINE(bugprone-incorrect-roundings)
    s.values[i] = static_cast<std::uint32_t>(s.paths[i] * scale + 0.5);
  }
  expected_paths(tree, 1.0 / scale, s);
  walking_order(tree, s);
  const auto base = static_cast<std::uint32_t>(plan.nodes.size());
  plan.roots.push_back(base);
  plan.depths.push_back(*std::max_element(s.depths.begin(), s.depths.end()));
  plan.expected.push_back(s.expected[0]);

  plan.nodes.resize(base + tree.size());
  plan.delta.resize(base + tree.size(), 0.0);
  const double share = 1.0 / plan.count;
  for (std::size_t at = 0; at < tree.size(); ++at) {
    const std::uint32_t node = s.order[at];
    WalkNode& out = plan.nodes[base + at];
    out.child = base + s.child[at];
    if (tree.is_leaf(node)) {
      out.bits = s.values[node];
      continue;
    }
    out.bits = std::bit_cast<std::uint32_t>(tree.threshold[node]);
    out.feature = tree.feature[node];
    out.flags = 1U | (tree.missing_left[node] != 0 ? 2U : 0U);
    plan.delta[out.child] = (s.expected[node + 1] - s.expected[node]) * share;
    plan.delta[out.child + 1] = (s.expected[tree.right[node]] - s.expected[node]) * share;
  }
  if (plan.shallow && plan.depths.back() < kMostSlots) {
    DenseCompiler(tree, s.values, plan).run();
  } else {
    plan.shallow = false;
  }
}

// Copies the last `kept` trees of `old`, which has the same scale and count.
void keep(Plan& plan, const Plan& old, std::size_t kept) {
  const auto from = static_cast<std::ptrdiff_t>(old.roots.size() - kept);
  const std::uint32_t node = old.roots[from];
  plan.nodes.assign(old.nodes.begin() + node, old.nodes.end());
  for (auto& n : plan.nodes) n.child -= node;
  plan.delta.assign(old.delta.begin() + node, old.delta.end());
  plan.roots.assign(old.roots.begin() + from, old.roots.end());
  for (auto& root : plan.roots) root -= node;
  plan.depths.assign(old.depths.begin() + from, old.depths.end());
  plan.expected.assign(old.expected.begin() + from, old.expected.end());
  const std::uint32_t op = from == 0 ? 0 : old.ends[from - 1];
  plan.ops.assign(old.ops.begin() + op, old.ops.end());
  plan.ends.assign(old.ends.begin() + from, old.ends.end());
  for (auto& end : plan.ends) end -= op;
}

}  // namespace

std::unique_ptr<const Plan> make_plan(std::span<const std::shared_ptr<const Tree>> trees,
                                      const Plan* old, std::size_t kept) {
  auto plan = std::make_unique<Plan>();
  plan->count = static_cast<double>(trees.size());
  Scratch scratch;
  std::size_t nodes = 0;
  double longest = 2.0;  // of a usual tree; a fixed floor keeps the unit the same as trees change
  for (std::size_t t = 0; t < trees.size(); ++t) {
    if (t < kept) {
      plan->longest.push_back(old->longest[old->longest.size() - kept + t]);
    } else {
      node_depths(*trees[t], scratch.depths);
      normalised_paths(*trees[t], scratch.depths, scratch.paths);
      plan->longest.push_back(*std::max_element(scratch.paths.begin(), scratch.paths.end()));
    }
    longest = std::max(longest, plan->longest.back());
    nodes += trees[t]->size();
  }
  if (nodes >= kLeaf) throw ModelError("the forest has too many nodes");
  plan->bits =
      static_cast<int>(std::floor(std::log2(4294967295.0 / (plan->count * (longest + 1e-3)))));
  if (plan->bits < 0) throw ModelError("the forest has too many trees or paths that are too long");
  const double scale = std::ldexp(1.0, plan->bits);
  plan->unit = 1.0 / (scale * plan->count);

  plan->nodes.reserve(nodes);
  plan->delta.reserve(nodes);
  plan->ops.reserve(nodes / 3);
  if (kept > 0 && (old->bits != plan->bits || old->count != plan->count || !old->shallow)) kept = 0;
  if (kept > 0) keep(*plan, *old, kept);
  for (std::size_t t = kept; t < trees.size(); ++t) append(*plan, *trees[t], scale, scratch);
  for (std::size_t t = 0; t < trees.size(); ++t) {
    plan->baseline += plan->expected[t] / plan->count;
    plan->steps += plan->depths[t];
  }
  plan->splits = nodes / 2;
  // Staying at a leaf adds delta[0], so the first root's must be 0 after trees were dropped too.
  plan->delta[0] = 0.0;
  if (!plan->shallow) {
    plan->ops = {};
    plan->ends = {};
  }
  return plan;
}

}  // namespace logforest::forest
