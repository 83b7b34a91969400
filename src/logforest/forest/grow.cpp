#include "logforest/forest/grow.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "logforest/base/error.hpp"
#include "logforest/base/parallel.hpp"
#include "logforest/forest/random.hpp"

namespace logforest::forest {
namespace {

// A set of numbers below n for Floyd's sampling, emptied per tree: a bitmap, or open addressing
// where that would be too large.
class IndexSet {
 public:
  void reset(std::uint32_t n, std::size_t expected) {
    bitmap_ = n <= kBitmapLimit;
    if (bitmap_) {
      bits_.assign(n / 64 + 1, 0);
    } else {
      slots_.assign(std::bit_ceil(expected * 2 + 2), kEmpty);
      mask_ = slots_.size() - 1;
    }
  }
  bool insert(std::uint32_t key) noexcept {
    if (bitmap_) {
      std::uint64_t& word = bits_[key / 64];
      const std::uint64_t bit = std::uint64_t{1} << (key % 64);
      const bool fresh = (word & bit) == 0;
      word |= bit;
      return fresh;
    }
    for (std::size_t i = mix64(key) & mask_;; i = (i + 1) & mask_) {
      if (slots_[i] == key) return false;
      if (slots_[i] == kEmpty) {
        slots_[i] = key;
        return true;
      }
    }
  }

 private:
  static constexpr std::uint32_t kEmpty = 0xffffffffU;
  static constexpr std::uint32_t kBitmapLimit = 1U << 15;
  bool bitmap_ = true;
  std::vector<std::uint64_t> bits_;
  std::vector<std::uint32_t> slots_;
  std::size_t mask_ = 0;
};

// k distinct numbers below n, uniformly (Floyd; Bentley, CACM 30(9), 1987).
void draw_distinct(Random& random, std::uint32_t n, std::uint32_t k, IndexSet& seen,
                   std::vector<std::uint32_t>& out) {
  out.resize(k);
  if (k == n) {
    std::iota(out.begin(), out.end(), 0U);
    return;
  }
  seen.reset(n, k);
  for (std::uint32_t i = 0; i < k; ++i) {
    const std::uint32_t limit = n - k + i;
    const auto pick = static_cast<std::uint32_t>(random.below(std::uint64_t{limit} + 1));
    out[i] = seen.insert(pick) ? pick : limit;
    if (out[i] == limit) seen.insert(limit);
  }
}

// Working memory of one thread.
struct Scratch {
  IndexSet seen;
  std::vector<std::uint32_t> rows, spill, features;
  std::vector<float> values;
  std::vector<std::pair<double, std::uint32_t>> keys;
};

template <class T>
class Grower {
 public:
  Grower(Matrix<T> x, const GrowOptions& options, std::span<const double> cumulative)
      : x_(x), options_(options), cumulative_(cumulative) {}

  Tree grow(std::uint64_t number, Scratch& s) {
    random_ = Random::for_tree(options_.seed, number);
    s_ = &s;
    draw_rows();
    draw_features();
    tree_ = Tree{};
    tree_.sample_size = options_.sample_size;
    const auto psi = static_cast<std::uint32_t>(s.rows.size());
    s.values.resize(psi);
    s.spill.resize(psi);
    max_depth_ = std::bit_width(std::max(psi, 2U) - 1U);  // ceil(log2(psi))
    const std::size_t guess = std::min<std::size_t>(std::size_t{2} * psi, 160);
    tree_.feature.reserve(guess);
    tree_.threshold.reserve(guess);
    tree_.right.reserve(guess);
    tree_.missing_left.reserve(guess);
    tree_.samples.reserve(guess);
    split(0, psi, 0, static_cast<std::uint32_t>(s.features.size()));
    return std::move(tree_);
  }

 private:
  void draw_rows() {
    const auto n = static_cast<std::uint32_t>(x_.rows);
    const std::uint32_t k = options_.sample_size;
    auto& rows = s_->rows;
    if (options_.weights.empty()) {
      if (!options_.bootstrap) {
        draw_distinct(random_, n, k, s_->seen, rows);
        return;
      }
      rows.resize(k);
      for (auto& row : rows) row = static_cast<std::uint32_t>(random_.below(n));
      return;
    }
    rows.resize(k);
    if (options_.bootstrap) {
      for (auto& row : rows) {
        const double u = random_.uniform() * cumulative_.back();
        const auto it = std::upper_bound(cumulative_.begin(), cumulative_.end(), u);
        row = static_cast<std::uint32_t>(std::min(it, cumulative_.end() - 1) - cumulative_.begin());
      }
      return;
    }
    // Weighted without replacement: the k smallest exponential keys (Efraimidis, Spirakis 2006).
    auto& keys = s_->keys;
    keys.clear();
    for (std::uint32_t i = 0; i < n; ++i) {
      const double u = 1.0 - random_.uniform();
      if (options_.weights[i] > 0) keys.emplace_back(-std::log(u) / options_.weights[i], i);
    }
    std::nth_element(keys.begin(), keys.begin() + (k - 1), keys.end());
    for (std::uint32_t i = 0; i < k; ++i) rows[i] = keys[i].second;
    std::sort(rows.begin(), rows.end());
  }

  void draw_features() {
    const auto d = static_cast<std::uint32_t>(x_.columns);
    const std::uint32_t k = options_.features == 0 ? d : options_.features;
    draw_distinct(random_, d, k, s_->seen, s_->features);
  }

  // Appends the subtree over rows[begin, end); features[0, candidates) may still vary there.
  void split(std::uint32_t begin, std::uint32_t end, std::uint32_t depth,
             std::uint32_t candidates) {
    const std::uint32_t n = end - begin;
    const std::size_t node = tree_.size();
    tree_.feature.push_back(kLeaf);
    tree_.threshold.push_back(0.0F);
    tree_.right.push_back(0);
    tree_.missing_left.push_back(0);
    tree_.samples.push_back(n);
    if (n <= 1 || depth >= max_depth_) return;

    auto& features = s_->features;
    Range range;
    std::uint32_t feature = 0;
    for (;; --candidates) {
      if (candidates == 0) return;
      const auto pick = static_cast<std::uint32_t>(random_.below(candidates));
      feature = features[pick];
      range = load(feature, begin, end);
      if (range.low < range.high || (range.missing > 0 && range.missing < n)) break;
      std::swap(features[pick], features[candidates - 1]);
    }

    float threshold = range.low;
    bool missing_left = false;
    if (range.low < range.high) {
      const double low = range.low;
      const double high = range.high;
      threshold = static_cast<float>(low + random_.uniform() * (high - low));
      if (!(threshold < range.high)) threshold = range.low;
      if (range.missing > 0) missing_left = (random_.next() & 1U) != 0;
    }
    const std::uint32_t middle = partition(begin, end, threshold, missing_left);
    if (range.missing == 0) missing_left = middle - begin > end - middle;

    tree_.feature[node] = feature;
    tree_.threshold[node] = threshold;
    tree_.missing_left[node] = missing_left ? 1 : 0;
    split(begin, middle, depth + 1, candidates);
    tree_.right[node] = static_cast<std::uint32_t>(tree_.size());
    split(middle, end, depth + 1, candidates);
  }

  struct Range {
    float low = std::numeric_limits<float>::infinity();
    float high = -std::numeric_limits<float>::infinity();
    std::uint32_t missing = 0;
  };

  // Reads the feature of the node's rows as float32 and finds its range.
  Range load(std::uint32_t feature, std::uint32_t begin, std::uint32_t end) {
    const T* const column = x_.data + feature;
    const std::uint32_t* const rows = s_->rows.data();
    float* const values = s_->values.data();
    Range range;
    for (std::uint32_t i = begin; i < end; ++i) {
      const auto v = static_cast<float>(column[rows[i] * x_.columns]);
      values[i] = v;
      range.low = v < range.low ? v : range.low;
      range.high = v > range.high ? v : range.high;
      range.missing += v != v;
    }
    if ((std::isinf(range.low) || std::isinf(range.high)) && range.missing < end - begin) {
      throw ModelError(kInfinityMessage);
    }
    return range;
  }

  // Stable; returns the first row of the right child.
  std::uint32_t partition(std::uint32_t begin, std::uint32_t end, float threshold,
                          bool missing_left) {
    std::uint32_t* const rows = s_->rows.data();
    std::uint32_t* const spill = s_->spill.data();
    const float* const values = s_->values.data();
    std::uint32_t left = begin;
    std::uint32_t right = 0;
    for (std::uint32_t i = begin; i < end; ++i) {
      const bool go_left = missing_left ? !(values[i] > threshold) : values[i] <= threshold;
      const std::uint32_t row = rows[i];
      rows[left] = row;
      spill[right] = row;
      left += go_left;
      right += !go_left;
    }
    std::copy_n(spill, right, rows + left);
    return left;
  }

  Matrix<T> x_;
  const GrowOptions& options_;
  std::span<const double> cumulative_;
  Random random_{0};
  Scratch* s_ = nullptr;
  Tree tree_;
  std::uint32_t max_depth_ = 0;
};

template <class T>
void check_options(const Matrix<T>& x, const GrowOptions& o) {
  if (x.rows == 0 || x.columns == 0)
    throw ConfigError("a forest needs at least one row and column");
  if (x.rows >= kLeaf || x.columns >= kLeaf) {
    throw ConfigError("a forest takes fewer than 4,294,967,295 rows and columns");
  }
  constexpr std::size_t kSmall = 1U << 16;  // cells worth reading in full
  if (x.rows * x.columns <= kSmall && std::any_of(x.data, x.data + x.rows * x.columns, [](T v) {
        return std::isinf(static_cast<float>(v));
      })) {
    throw ModelError(kInfinityMessage);
  }
  if (o.sample_size == 0) throw ConfigError("max_samples must draw at least one row");
  if (!o.bootstrap && o.sample_size > x.rows) {
    throw ConfigError("max_samples is larger than the number of rows");
  }
  if (o.features > x.columns)
    throw ConfigError("max_features is larger than the number of columns");
  if (!o.weights.empty()) {
    if (o.weights.size() != x.rows) throw ConfigError("sample_weight needs one weight per row");
    std::size_t positive = 0;
    for (const double w : o.weights) {
      if (!(w >= 0.0) || !std::isfinite(w)) {
        throw ConfigError("sample_weight must be finite and not negative");
      }
      positive += w > 0.0;
    }
    if (positive == 0) throw ConfigError("sample_weight is zero for every row");
    if (!o.bootstrap && positive < o.sample_size) {
      throw ConfigError("sample_weight is positive for fewer rows than max_samples draws");
    }
  }
}

}  // namespace

template <class T>
std::vector<std::shared_ptr<const Tree>> grow_trees(Matrix<T> x, std::uint64_t first,
                                                    std::size_t count, const GrowOptions& options) {
  check_options(x, options);
  std::vector<double> cumulative;
  if (options.bootstrap && !options.weights.empty()) {
    cumulative.resize(x.rows);
    std::partial_sum(options.weights.begin(), options.weights.end(), cumulative.begin());
  }
  std::vector<std::shared_ptr<const Tree>> trees(count);
  const std::size_t threads =
      std::min(resolve_threads(options.threads), std::max<std::size_t>(count, 1));
  std::vector<Scratch> scratch(threads);
  constexpr std::size_t kTreesPerTask = 4;
  parallel_for((count + kTreesPerTask - 1) / kTreesPerTask, threads,
               [&](std::size_t task, std::size_t worker) {
                 Grower<T> grower(x, options, cumulative);
                 const std::size_t end = std::min(count, (task + 1) * kTreesPerTask);
                 for (std::size_t i = task * kTreesPerTask; i < end; ++i) {
                   trees[i] = std::make_shared<const Tree>(grower.grow(first + i, scratch[worker]));
                 }
               });
  return trees;
}

template std::vector<std::shared_ptr<const Tree>> grow_trees(Matrix<float>, std::uint64_t,
                                                             std::size_t, const GrowOptions&);
template std::vector<std::shared_ptr<const Tree>> grow_trees(Matrix<double>, std::uint64_t,
                                                             std::size_t, const GrowOptions&);

}  // namespace logforest::forest
