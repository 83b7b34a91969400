#include "logforest/forest/tree.hpp"

#include <array>
#include <cmath>
#include <numbers>

#include "logforest/base/error.hpp"

namespace logforest::forest {

namespace {
double compute_path_length(std::uint32_t n) noexcept {
  if (n <= 1) return 0.0;
  if (n == 2) return 1.0;
  const double m = static_cast<double>(n) - 1.0;
  return 2.0 * (std::log(m) + std::numbers::egamma) - 2.0 * m / static_cast<double>(n);
}
}  // namespace

double average_path_length(std::uint32_t n) noexcept {
  static const auto table = [] {
    std::array<double, 512> t{};
    for (std::uint32_t i = 0; i < t.size(); ++i) t[i] = compute_path_length(i);
    return t;
  }();
  return n < table.size() ? table[n] : compute_path_length(n);
}

void node_depths(const Tree& tree, std::vector<std::uint32_t>& out) {
  out.assign(tree.size(), 0);
  for (std::size_t i = 0; i < tree.size(); ++i) {
    if (!tree.is_leaf(i)) out[i + 1] = out[tree.right[i]] = out[i] + 1;
  }
}

void normalised_paths(const Tree& tree, const std::vector<std::uint32_t>& depths,
                      std::vector<double>& out) {
  const double c = average_path_length(tree.sample_size);
  const double factor = c > 0.0 ? 1.0 / c : 0.0;
  out.assign(tree.size(), 0.0);
  for (std::size_t i = 0; i < tree.size(); ++i) {
    if (!tree.is_leaf(i)) continue;
    out[i] = c > 0.0 ? (depths[i] + average_path_length(tree.samples[i])) * factor : 1.0;
  }
}

void check_tree(const Tree& tree, std::uint32_t features) {
  const auto fail = [](const char* what) {
    throw ModelError(std::string("the model is damaged: ") + what);
  };
  const std::size_t n = tree.size();
  if (n == 0 || tree.threshold.size() != n || tree.right.size() != n ||
      tree.missing_left.size() != n || tree.samples.size() != n) {
    fail("a tree has no nodes or arrays of different lengths");
  }
  if (tree.sample_size == 0) fail("a tree was grown on no rows");
  // Preorder: the subtree of node i is [i, end of i). `open` holds the right children still due.
  std::vector<std::uint32_t> open;
  for (std::size_t i = 0; i < n; ++i) {
    if (tree.is_leaf(i)) {
      if (i + 1 == n) break;
      if (open.empty() || open.back() != i + 1) fail("a child index is out of order");
      open.pop_back();
      continue;
    }
    if (tree.feature[i] >= features) fail("a feature index is out of range");
    if (!std::isfinite(tree.threshold[i])) fail("a threshold is not finite");
    if (tree.missing_left[i] > 1) fail("a missing-value flag is neither 0 nor 1");
    if (tree.right[i] <= i + 1 || tree.right[i] >= n) fail("a child index is out of range");
    const std::uint64_t children = std::uint64_t{tree.samples[i + 1]} + tree.samples[tree.right[i]];
    if (children != tree.samples[i]) fail("row counts do not add up");
    open.push_back(tree.right[i]);
  }
  if (!open.empty() || !tree.is_leaf(n - 1)) fail("a tree is incomplete");
}

}  // namespace logforest::forest
