#include "logforest/forest/serialize.hpp"

#include <cmath>
#include <limits>
#include <numeric>

#include "logforest/base/container.hpp"

namespace logforest::forest {
namespace {

constexpr std::string_view kKind = "isolation_forest";
constexpr std::uint32_t kVersion = 1;
constexpr std::uint8_t kInner = 1;
constexpr std::uint8_t kMissingLeft = 2;

[[noreturn]] void damaged(const char* what) {
  throw ModelError(std::string("the model is damaged: ") + what);
}

struct Arrays {
  std::vector<std::uint32_t> sample_sizes, node_counts, values;
  std::vector<std::uint8_t> marks;
  std::vector<float> thresholds;
};

// Rebuilds the tree of nodes [begin, end); `threshold` runs over the inner nodes of the forest.
std::shared_ptr<const Tree> rebuild(const Arrays& a, std::size_t begin, std::size_t end,
                                    std::uint32_t sample_size, std::size_t& threshold) {
  auto tree = std::make_shared<Tree>();
  const std::size_t n = end - begin;
  tree->feature.assign(n, kLeaf);
  tree->threshold.assign(n, 0.0F);
  tree->right.assign(n, 0);
  tree->missing_left.assign(n, 0);
  tree->samples.assign(n, 0);
  tree->sample_size = sample_size;
  std::vector<std::size_t> open;  // inner nodes whose right child is still to come
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint8_t mark = a.marks[begin + i];
    if (mark == 0) {
      tree->samples[i] = a.values[begin + i];
      if (i + 1 == n) break;
      if (open.empty()) damaged("a tree ends before its last node");
      tree->right[open.back()] = static_cast<std::uint32_t>(i + 1);
      open.pop_back();
      continue;
    }
    if (mark != kInner && mark != (kInner | kMissingLeft)) damaged("a node of unknown kind");
    if (threshold >= a.thresholds.size()) damaged("a threshold is missing");
    tree->feature[i] = a.values[begin + i];
    if (tree->feature[i] == kLeaf) damaged("a feature index is out of range");
    tree->threshold[i] = a.thresholds[threshold++];
    tree->missing_left[i] = (mark & kMissingLeft) != 0 ? 1 : 0;
    open.push_back(i);
  }
  if (!open.empty() || !tree->is_leaf(n - 1)) damaged("a tree is incomplete");
  for (std::size_t i = n; i-- > 0;) {
    if (tree->is_leaf(i)) continue;
    const std::uint64_t rows = std::uint64_t{tree->samples[i + 1]} + tree->samples[tree->right[i]];
    if (rows > std::numeric_limits<std::uint32_t>::max()) damaged("row counts are too large");
    tree->samples[i] = static_cast<std::uint32_t>(rows);
  }
  return tree;
}

}  // namespace

std::string save_forest(const IsolationForest& forest, std::string_view meta,
                        std::span<const float> recent_rows, std::span<const double> recent_scores) {
  Arrays a;
  for (const auto& tree : forest.trees()) {
    a.sample_sizes.push_back(tree->sample_size);
    a.node_counts.push_back(static_cast<std::uint32_t>(tree->size()));
    for (std::size_t i = 0; i < tree->size(); ++i) {
      const bool leaf = tree->is_leaf(i);
      a.values.push_back(leaf ? tree->samples[i] : tree->feature[i]);
      a.marks.push_back(leaf ? 0 : tree->missing_left[i] != 0 ? kInner | kMissingLeft : kInner);
      if (!leaf) a.thresholds.push_back(tree->threshold[i]);
    }
  }
  ByteWriter out;
  out.put_text(meta);
  out.put(forest.features());
  out.put_array(a.sample_sizes.data(), a.sample_sizes.size());
  out.put_array(a.node_counts.data(), a.node_counts.size());
  out.put_array(a.marks.data(), a.marks.size());
  out.put_array(a.values.data(), a.values.size());
  out.put_array(a.thresholds.data(), a.thresholds.size());
  out.put_array(recent_rows.data(), recent_rows.size());
  out.put_array(recent_scores.data(), recent_scores.size());
  return seal(kKind, kVersion, out.bytes());
}

SavedForest load_forest(std::string_view bytes) {
  ByteReader in(open_sealed(bytes, kKind, kVersion).payload);
  std::string meta(in.get_text());
  const auto features = in.get<std::uint32_t>();
  Arrays a;
  in.get_array(a.sample_sizes);
  in.get_array(a.node_counts);
  in.get_array(a.marks);
  in.get_array(a.values);
  in.get_array(a.thresholds);
  std::vector<float> rows;
  std::vector<double> scores;
  in.get_array(rows);
  in.get_array(scores);
  if (!in.done()) damaged("data after the end");
  if (a.node_counts.size() != a.sample_sizes.size() || a.marks.size() != a.values.size()) {
    damaged("arrays of different lengths");
  }
  const auto total = std::accumulate(a.node_counts.begin(), a.node_counts.end(), std::uint64_t{0});
  if (total != a.marks.size()) damaged("node counts do not add up");
  if (features == 0 || rows.size() % features != 0) damaged("rows that do not fit the features");
  for (const float v : rows) {
    if (std::isinf(v)) damaged("a value is infinite");
  }
  for (const double v : scores) {
    if (!(v >= 0.0 && v <= 1.0)) damaged("a score is out of range");
  }
  std::vector<std::shared_ptr<const Tree>> trees;
  trees.reserve(a.node_counts.size());
  std::size_t begin = 0;
  std::size_t threshold = 0;
  for (std::size_t t = 0; t < a.node_counts.size(); ++t) {
    if (a.node_counts[t] == 0) damaged("a tree has no nodes");
    const std::size_t end = begin + a.node_counts[t];
    trees.push_back(rebuild(a, begin, end, a.sample_sizes[t], threshold));
    check_tree(*trees.back(), features);
    begin = end;
  }
  if (threshold != a.thresholds.size()) damaged("thresholds are left over");
  return {IsolationForest(std::move(trees), features), std::move(meta), std::move(rows),
          std::move(scores)};
}

}  // namespace logforest::forest
