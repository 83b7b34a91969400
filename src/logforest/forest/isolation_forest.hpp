// Isolation Forest (Liu, Ting, Zhou, "Isolation Forest", ICDM 2008; "Isolation-Based Anomaly
// Detection", TKDD 6(1), 2012).
//
// Problem and notation. A tree over psi sampled rows splits at random until rows are alone. h_t(x)
// is the depth of the leaf that x reaches in tree t plus c(rows left in it), and the score is
//
//     s(x) = 2 ^ -( mean over t of h_t(x) / c(psi_t) )      in [0, 1], high = abnormal,
//
// which is 2^(-E[h] / c(psi)) when all trees have one sample size (they may differ while a stream
// warms up). 0.5 is the score of a row with an average path.
//
// Exactness. h_t / c(psi_t) of a leaf is kept as an unsigned integer in units of 2^-k, k chosen so
// that the sum over all trees fits 32 bits (k = 23 for 100 trees: an error below 2^-24 in the
// exponent). Sums of integers do not depend on order, hence scores are bit-equal for any kernel,
// thread count and batch size. Thresholds are float32 and rows are cast to float32, as scikit-learn
// casts its input; a float64 threshold t of an imported forest becomes the largest float32 <= t,
// which decides every float32 the same way.
//
// Explanations. Walking from the root to its leaf, the expected normalised path (over the training
// rows below a node) changes at each step by an amount that belongs to the feature split there. The
// amounts of a path add up to h_t(x)/c - E_t, E_t being the expectation at the root (Saabas 2014;
// Palczewska et al. 2013). Their means over trees are rescaled from path length to score by one
// factor per row (the rescale rule of DeepLIFT, Shrikumar et al. 2017), so that
//
//     sum over features of contribution(x, f) = s(x) - baseline,    baseline = 2 ^ -mean(E_t).
//
// A positive contribution makes the row more abnormal.
//
// Cost. Growing: O(trees psi log psi), whatever the number of rows. Scoring: see kernels.hpp.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "logforest/forest/grow.hpp"
#include "logforest/forest/tree.hpp"

namespace logforest::forest {

struct Plan;  // the trees laid out for the kernels

class IsolationForest {
 public:
  // The trees are well formed: grown here, or passed by check_tree. Throws ModelError if there are
  // none or too many.
  IsolationForest(std::vector<std::shared_ptr<const Tree>> trees, std::uint32_t features);
  // `old` without its first `drop` trees and with `added` ones at the end.
  IsolationForest(const IsolationForest& old, std::size_t drop,
                  std::span<const std::shared_ptr<const Tree>> added);
  ~IsolationForest();
  IsolationForest(IsolationForest&&) noexcept;
  IsolationForest& operator=(IsolationForest&&) noexcept;
  IsolationForest(const IsolationForest&) = delete;
  IsolationForest& operator=(const IsolationForest&) = delete;

  [[nodiscard]] std::uint32_t features() const noexcept { return features_; }
  [[nodiscard]] std::span<const std::shared_ptr<const Tree>> trees() const noexcept {
    return trees_;
  }
  [[nodiscard]] double baseline() const noexcept;

  // out[i] = factor * s(row i) - shift. Throws ModelError when the columns do not match or a value
  // is infinite; NaN is missing. threads <= 0: one per core. Safe to call from several threads.
  template <class T>
  void score(Matrix<T> x, std::span<double> out, int threads, double factor = 1.0,
             double shift = 0.0) const;

  // out[i * features + f] = contribution of feature f to the score of row i.
  template <class T>
  void explain(Matrix<T> x, std::span<double> out, int threads) const;

 private:
  std::vector<std::shared_ptr<const Tree>> trees_;
  std::uint32_t features_;
  std::unique_ptr<const Plan> plan_;
};

}  // namespace logforest::forest
