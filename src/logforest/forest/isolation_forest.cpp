#include "logforest/forest/isolation_forest.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <type_traits>

#include "logforest/base/error.hpp"
#include "logforest/base/parallel.hpp"
#include "logforest/forest/plan.hpp"

namespace logforest::forest {
namespace {

constexpr std::size_t kRowsPerTask = 1024;  // a multiple of kBlockRows

template <class T>
unsigned load_block(const KernelTable& k, const T* x, std::size_t cells, float* out) {
  if constexpr (std::is_same_v<T, double>) {
    return k.load_double(x, cells, out);
  } else {
    return k.load_float(x, cells, out);
  }
}

template <class T>
void check_matrix(const Matrix<T>& x, std::uint32_t features) {
  if (x.columns != features) {
    throw ModelError("X has " + std::to_string(x.columns) + " features, but the forest is expecting " +
                     std::to_string(features) + " features as input");
  }
}

}  // namespace

IsolationForest::IsolationForest(std::vector<std::shared_ptr<const Tree>> trees,
                                 std::uint32_t features)
    : trees_(std::move(trees)), features_(features) {
  if (trees_.empty()) throw ModelError("a forest needs at least one tree");
  if (features_ == 0) throw ModelError("a forest needs at least one feature");
  for (const auto& tree : trees_) check_tree(*tree, features_);
  plan_ = make_plan(trees_);
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
  const std::size_t tasks = (x.rows + kRowsPerTask - 1) / kRowsPerTask;
  const std::size_t workers = tasks <= 1 ? 1 : std::min(resolve_threads(threads), tasks);
  const std::size_t block = std::min(kBlockRows, x.rows);
  std::vector<float> scratch(workers * block * x.columns);
  parallel_for(tasks, workers, [&](std::size_t task, std::size_t worker) {
    float* const rows = scratch.data() + worker * block * x.columns;
    std::uint32_t sums[kBlockRows];
    const std::size_t end = std::min(x.rows, (task + 1) * kRowsPerTask);
    for (std::size_t at = task * kRowsPerTask; at < end; at += kBlockRows) {
      const std::size_t n = std::min(kBlockRows, end - at);
      const unsigned found = load_block(k, x.row(at), n * x.columns, rows);
      if ((found & 2U) != 0) throw ModelError(kInfinityMessage);
      std::fill_n(sums, n, 0U);
      k.walk(plan.nodes.data(), plan.roots.data(), plan.depths.data(), plan.roots.size(), rows, n,
             x.columns, (found & 1U) != 0, sums);
      for (std::size_t i = 0; i < n; ++i) {
        out[at + i] = factor * std::exp2(-(sums[i] * plan.unit)) - shift;
      }
    }
  });
}

template <class T>
void IsolationForest::explain(Matrix<T> x, std::span<double> out, int threads) const {
  check_matrix(x, features_);
  const KernelTable& k = kernels();
  const Plan& plan = *plan_;
  const double base = std::exp2(-plan.baseline);
  const std::size_t tasks = (x.rows + kBlockRows - 1) / kBlockRows;
  const std::size_t workers = tasks <= 1 ? 1 : std::min(resolve_threads(threads), tasks);
  const std::size_t block = std::min(kBlockRows, x.rows);
  std::vector<float> scratch(workers * block * x.columns);
  parallel_for(tasks, workers, [&](std::size_t task, std::size_t worker) {
    float* const rows = scratch.data() + worker * block * x.columns;
    const std::size_t at = task * kBlockRows;
    const std::size_t n = std::min(kBlockRows, x.rows - at);
    const unsigned found = load_block(k, x.row(at), n * x.columns, rows);
    if ((found & 2U) != 0) throw ModelError(kInfinityMessage);
    double* const to = out.data() + at * x.columns;
    std::fill_n(to, n * x.columns, 0.0);
    for (std::size_t r = 0; r < n; ++r) {
      const float* const row = rows + r * x.columns;
      double* const share = to + r * x.columns;
      std::uint32_t sum = 0;
      for (const std::uint32_t root : plan.roots) {
        std::uint32_t node = root;
        while ((plan.nodes[node].flags & 1U) != 0) {
          const WalkNode& w = plan.nodes[node];
          const float v = row[w.feature];
          const bool right = v > std::bit_cast<float>(w.bits) || (v != v && (w.flags & 2U) == 0);
          node = w.child + right;
          share[w.feature] += plan.delta[node];
        }
        sum += plan.nodes[node].bits;
      }
      // From path length to score; near the baseline the factor is the derivative.
      const double path = sum * plan.unit;
      const double gap = path - plan.baseline;
      const double factor = std::abs(gap) > 1e-7 ? (std::exp2(-path) - base) / gap
                                                 : -std::log(2.0) * base;
      for (std::size_t f = 0; f < x.columns; ++f) share[f] *= factor;
    }
  });
}

template void IsolationForest::score(Matrix<float>, std::span<double>, int, double, double) const;
template void IsolationForest::score(Matrix<double>, std::span<double>, int, double, double) const;
template void IsolationForest::explain(Matrix<float>, std::span<double>, int) const;
template void IsolationForest::explain(Matrix<double>, std::span<double>, int) const;

}  // namespace logforest::forest
