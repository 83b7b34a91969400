// A quantile sketch of positive numbers with a relative error of 1 %: DDSketch (Masson, Rim, Lee,
// VLDB 2019) with the cubically interpolated logarithm of its reference implementation.
//
// The bins are fixed: 35 an octave from 2^-20 to 2^44, one more for everything at or below 2^-20
// (zero and negative values too). Two values in one bin differ by at most a factor of
// e^0.02, so the middle of a bin is within tanh(0.01) < 1 % of each. Nothing ever collapses, so
// merging is addition: associative, commutative and exact. Only +, *, / of IEEE doubles are used,
// so the bins are equal on every machine.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace logforest::window {

class Sketch {
 public:
  static constexpr int kPerOctave = 35;
  static constexpr int kMinExponent = -20;
  static constexpr int kMaxExponent = 44;
  static constexpr std::uint32_t kBins = (kMaxExponent - kMinExponent) * kPerOctave + 1;
  static constexpr double kRelativeError = 0.01;

  // The bin of a value that is not NaN; bin 0 is at or below 2^-20.
  [[nodiscard]] static std::uint32_t bin_of(double x) noexcept {
    constexpr double lowest = 1.0 / (1 << -kMinExponent);
    if (!(x > lowest)) return 0;
    const auto bits = std::bit_cast<std::uint64_t>(x);
    const int exponent = static_cast<int>(bits >> 52) - 1023;
    if (exponent >= kMaxExponent) return kBins - 1;
    const double s = std::bit_cast<double>((bits & ((std::uint64_t{1} << 52) - 1)) |
                                           (std::uint64_t{1023} << 52)) -
                     1.0;
    const double log2 = ((s * (6.0 / 35.0) - 0.6) * s + 10.0 / 7.0) * s;
    // log2 is in [0, 1); rounding at its upper end must not leave the octave.
    const int in_octave = static_cast<int>(log2 * kPerOctave);
    return static_cast<std::uint32_t>((exponent - kMinExponent) * kPerOctave +
                                      (in_octave < kPerOctave ? in_octave : kPerOctave - 1) + 1);
  }
  // A value within 1 % of every value of the bin; 0 for bin 0.
  [[nodiscard]] static double value_of(std::uint32_t bin) noexcept;

  void add(double x) { add_bin(bin_of(x), 1); }
  void add_bin(std::uint32_t bin, std::uint64_t n) {
    const std::uint32_t at = bin - first_;  // wraps when below
    if (at >= counts_.size()) [[unlikely]]
      return add_outside(bin, n);
    counts_[at] += n;
  }
  void merge(const Sketch& other);

  // The value of rank floor(q * (count - 1)); q in [0, 1], count > 0 the number of values added.
  [[nodiscard]] double quantile(double q, std::uint64_t count) const noexcept;

  // Calls f(bin, n) for each bin that holds something, in order.
  template <class F>
  void for_each(F&& f) const {
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      if (counts_[i] != 0) f(first_ + static_cast<std::uint32_t>(i), counts_[i]);
    }
  }

 private:
  void add_outside(std::uint32_t bin, std::uint64_t n);

  std::uint32_t first_ = 0;  // the bin of counts_[0]
  std::vector<std::uint64_t> counts_;
};

}  // namespace logforest::window
