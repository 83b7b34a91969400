#include "logforest/forest/isolation_forest.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <new>
#include <numbers>
#include <string>
#include <type_traits>

#include "logforest/base/error.hpp"
#include "logforest/base/parallel.hpp"
#include "logforest/forest/plan.hpp"

namespace logforest::forest {
namespace {

constexpr std::size_t kRowsPerTask = 1024;  // a multiple of kBlockRows
constexpr std::size_t kMostDenseColumns = 256;
constexpr std::size_t kStackColumns = 256;
constexpr std::size_t kFewRows = 24;  // below this a walk is done before dense has filled a vector

struct Free {
  void operator()(void* p) const noexcept { std::free(p); }
};

// Aligned buffers of one thread.
struct Workspace {
  Workspace(std::size_t rows, std::size_t columns, bool dense) {
    const std::size_t cells = rows * columns;
    const std::size_t words = cells + (dense ? kMostSlots * kBlockRows : 0);
    const std::size_t bytes = (words * 4 + kBlockAlign - 1) / kBlockAlign * kBlockAlign;
    memory.reset(std::aligned_alloc(kBlockAlign, bytes));
    if (!memory) throw std::bad_alloc();
    x = static_cast<float*>(memory.get());
    slots = dense ? static_cast<std::uint32_t*>(memory.get()) + cells : nullptr;
  }
  std::unique_ptr<void, Free> memory;
  float* x;
  std::uint32_t* slots;
};

bool use_dense(const Plan& plan, const KernelTable& k, std::size_t rows, std::size_t columns) {
  return !plan.ops.empty() && rows >= kFewRows && columns <= kMostDenseColumns &&
         plan.splits <= plan.steps * k.dense_gain;
}

// Dense kernels evaluate up to 64 rows more than there are: gives those lanes a value.
void pad_block(float* x, std::size_t rows, std::size_t columns) {
  constexpr std::size_t kPad = 64;
  if (rows % kPad == 0) return;
  for (std::size_t f = 0; f < columns; ++f) {
    std::fill_n(x + f * kBlockRows + rows / kPad * kPad, kPad, 0.0F);
  }
}

// Both return whether a value is missing and throw if one is infinite.
bool is_missing(unsigned found) {
  if ((found & 2U) != 0) throw ModelError(kInfinityMessage);
  return (found & 1U) != 0;
}
template <class T>
bool load_block(const KernelTable& k, const T* x, std::size_t cells, float* out) {
  if constexpr (std::is_same_v<T, double>) {
    return is_missing(k.load_double(x, cells, out));
  } else {
    return is_missing(k.load_float(x, cells, out));
  }
}
template <class T>
bool transpose_block(const KernelTable& k, const T* x, std::size_t rows, std::size_t columns,
                     float* out) {
  if constexpr (std::is_same_v<T, double>) {
    return is_missing(k.transpose_double(x, rows, columns, out));
  } else {
    return is_missing(k.transpose_float(x, rows, columns, out));
  }
}

template <class T>
void check_matrix(const Matrix<T>& x, std::uint32_t features) {
  if (x.columns != features) {
    throw ModelError("X has " + std::to_string(x.columns) +
                     " features, but the forest is expecting " + std::to_string(features) +
                     " features as input");
  }
}

}  // namespace

IsolationForest::IsolationForest(std::vector<std::shared_ptr<const Tree>> trees,
                                 std::uint32_t features)
    : trees_(std::move(trees)), features_(features) {
  if (trees_.empty()) throw ModelError("a forest needs at least one tree");
  if (features_ == 0) throw ModelError("a forest needs at least one feature");
  plan_ = make_plan(trees_);
}

IsolationForest::IsolationForest(const IsolationForest& old, std::size_t drop,
                                 std::span<const std::shared_ptr<const Tree>> added)
    : features_(old.features_) {
  const std::size_t kept = old.trees_.size() - std::min(drop, old.trees_.size());
  trees_.assign(old.trees_.end() - static_cast<std::ptrdiff_t>(kept), old.trees_.end());
  trees_.insert(trees_.end(), added.begin(), added.end());
  if (trees_.empty()) throw ModelError("a forest needs at least one tree");
  plan_ = make_plan(trees_, old.plan_.get(), kept);
}

IsolationForest::~IsolationForest() = default;
IsolationForest::IsolationForest(IsolationForest&&) noexcept = default;
IsolationForest& IsolationForest::operator=(IsolationForest&&) noexcept = default;

double IsolationForest::baseline() const noexcept { return std::exp2(-plan_->baseline); }

template <class T>
void IsolationForest::score(Matrix<T> x, std::span<double> out, int threads, double factor,
                            double shift) const {
  check_matrix(x, features_);
  const KernelTable& k = kernels();
  const Plan& plan = *plan_;
  const auto finish = [&](std::size_t at, std::size_t n, const std::uint32_t* sums) {
    for (std::size_t i = 0; i < n; ++i) {
      out[at + i] = factor * std::exp2(-(sums[i] * plan.unit)) - shift;
    }
  };
  const auto walk = [&](std::size_t at, std::size_t n, float* rows, std::uint32_t* sums) {
    const bool missing = load_block(k, x.row(at), n * x.columns, rows);
    std::fill_n(sums, n, 0U);
    k.walk(plan.nodes.data(), plan.roots.data(), plan.depths.data(), plan.roots.size(), rows, n,
           x.columns, missing, sums);
  };
  if (x.rows == 1 && x.columns <= kStackColumns) {  // nothing but the work: latency counts
    float row[kStackColumns];
    std::uint32_t sum = 0;
    walk(0, 1, row, &sum);
    finish(0, 1, &sum);
    return;
  }
  const bool dense = use_dense(plan, k, x.rows, x.columns);
  const std::size_t tasks = (x.rows + kRowsPerTask - 1) / kRowsPerTask;
  const std::size_t workers = tasks <= 1 ? 1 : std::min(resolve_threads(threads), tasks);
  const std::size_t block = dense ? kBlockRows : std::min(kBlockRows, x.rows);
  std::vector<Workspace> spaces;
  spaces.reserve(workers);
  for (std::size_t i = 0; i < workers; ++i) spaces.emplace_back(block, x.columns, dense);
  parallel_for(tasks, workers, [&](std::size_t task, std::size_t worker) {
    const Workspace& space = spaces[worker];
    alignas(kBlockAlign) std::uint32_t sums[kBlockRows];
    const std::size_t end = std::min(x.rows, (task + 1) * kRowsPerTask);
    for (std::size_t at = task * kRowsPerTask; at < end; at += kBlockRows) {
      const std::size_t n = std::min(kBlockRows, end - at);
      if (dense) {
        pad_block(space.x, n, x.columns);
        const bool missing = transpose_block(k, x.row(at), n, x.columns, space.x);
        std::fill_n(sums, kBlockRows, 0U);
        k.dense(plan.ops.data(), plan.ends.data(), plan.ends.size(), space.x, n, missing,
                space.slots, sums);
      } else {
        walk(at, n, space.x, sums);
      }
      finish(at, n, sums);
    }
  });
}

template <class T>
void IsolationForest::explain(Matrix<T> x, std::span<double> out, int threads) const {
  check_matrix(x, features_);
  const KernelTable& k = kernels();
  const Plan& plan = *plan_;
  const double base = std::exp2(-plan.baseline);
  // The shares of a block stay in the first-level cache while all trees add to them.
  constexpr std::size_t kRows = 64;
  const std::size_t tasks = (x.rows + kRows - 1) / kRows;
  const std::size_t workers = tasks <= 1 ? 1 : std::min(resolve_threads(threads), tasks);
  std::vector<Workspace> spaces;
  spaces.reserve(workers);
  for (std::size_t i = 0; i < workers; ++i) {
    spaces.emplace_back(std::min(kRows, x.rows), x.columns, false);
  }
  parallel_for(tasks, workers, [&](std::size_t task, std::size_t worker) {
    const Workspace& space = spaces[worker];
    const std::size_t at = task * kRows;
    const std::size_t n = std::min(kRows, x.rows - at);
    load_block(k, x.row(at), n * x.columns, space.x);
    double* const shares = out.data() + at * x.columns;
    std::fill_n(shares, n * x.columns, 0.0);
    std::uint32_t sums[kRows] = {};
    k.explain(plan.nodes.data(), plan.roots.data(), plan.depths.data(), plan.roots.size(),
              plan.delta.data(), space.x, n, x.columns, sums, shares);
    for (std::size_t r = 0; r < n; ++r) {
      // From path length to score; near the baseline the factor is the derivative.
      const double path = sums[r] * plan.unit;
      const double gap = path - plan.baseline;
      const double factor =
          std::abs(gap) > 1e-7 ? (std::exp2(-path) - base) / gap : -std::numbers::ln2 * base;
      for (std::size_t f = 0; f < x.columns; ++f) shares[r * x.columns + f] *= factor;
    }
  });
}

template void IsolationForest::score(Matrix<float>, std::span<double>, int, double, double) const;
template void IsolationForest::score(Matrix<double>, std::span<double>, int, double, double) const;
template void IsolationForest::explain(Matrix<float>, std::span<double>, int) const;
template void IsolationForest::explain(Matrix<double>, std::span<double>, int) const;

}  // namespace logforest::forest
