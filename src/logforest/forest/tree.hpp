// One isolation tree as grown, imported or read from a file. Immutable once made.
//
// Nodes are stored in preorder: the root is node 0, the left child of inner node i is i + 1 and its
// right child is right[i] > i + 1. A row goes left when x[feature] <= threshold, right when it is
// greater; a missing value (NaN) goes left only if missing_left is set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace logforest::forest {

inline constexpr std::uint32_t kLeaf = 0xffffffffU;

struct Tree {
  std::vector<std::uint32_t> feature;      // kLeaf for leaves
  std::vector<float> threshold;            // 0 for leaves
  std::vector<std::uint32_t> right;        // 0 for leaves
  std::vector<std::uint8_t> missing_left;  // 0 or 1
  std::vector<std::uint32_t> samples;      // training rows that passed through the node
  std::uint32_t sample_size = 0;           // psi: c(psi) normalises this tree's path lengths

  [[nodiscard]] std::size_t size() const noexcept { return feature.size(); }
  [[nodiscard]] bool is_leaf(std::size_t node) const noexcept { return feature[node] == kLeaf; }
};

// c(n): the mean depth of an unsuccessful search in a random binary search tree of n keys (Liu,
// Ting, Zhou, ICDM 2008, equation 1, with the harmonic number as ln(n - 1) + Euler's gamma).
[[nodiscard]] double average_path_length(std::uint32_t n) noexcept;

// Depth of every node, root = 0, into `out`.
void node_depths(const Tree& tree, std::vector<std::uint32_t>& out);

// Path length of every leaf divided by c(psi), 0 at inner nodes: depth + c(rows in the leaf), or 1
// when c(psi) is 0 (a tree of a single row says nothing).
void normalised_paths(const Tree& tree, const std::vector<std::uint32_t>& depths,
                      std::vector<double>& out);

// Throws ModelError unless the arrays describe one proper binary tree over `features` features:
// children after their parent, every node reached once, thresholds finite, counts that add up.
void check_tree(const Tree& tree, std::uint32_t features);

}  // namespace logforest::forest
