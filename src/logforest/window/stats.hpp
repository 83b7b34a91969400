// What a window keeps of the response times in it: count, exact sums, minimum, maximum, sketch.
//
// Values are rounded to 2^-20 ms (about a nanosecond) and clamped to 2^31 ms (24 days) for the
// sums, which are integers: any order of additions and merges gives the same bits. Minimum,
// maximum and sketch see the value itself. NaN and infinities are not counted.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "logforest/window/sketch.hpp"

namespace logforest::window {

__extension__ using Int128 = __int128;
__extension__ using UInt128 = unsigned __int128;

class Stats {
 public:
  void add(double ms) {
    if (!(std::abs(ms) <= std::numeric_limits<double>::max())) return;
    ms += 0.0;  // -0 becomes 0: minimum and maximum must not depend on the order
    constexpr double limit = static_cast<double>(std::int64_t{1} << 51);
    const double scaled = ms * kScale;
    const double rounded = std::nearbyint(scaled < -limit  ? -limit
                                          : scaled > limit ? limit
                                                           : scaled);
    const auto units = static_cast<std::int64_t>(rounded);
    ++count_;
    sum_ += units;
    add_squares(static_cast<UInt128>(static_cast<Int128>(units) * units));
    if (ms < min_) min_ = ms;
    if (ms > max_) max_ = ms;
    sketch_.add(ms);
  }
  void merge(const Stats& other);

  [[nodiscard]] std::int64_t count() const noexcept { return count_; }
  [[nodiscard]] double sum() const noexcept;             // ms
  [[nodiscard]] double sum_of_squares() const noexcept;  // ms^2
  // The following need count() > 0.
  [[nodiscard]] double min() const noexcept { return min_; }
  [[nodiscard]] double max() const noexcept { return max_; }
  [[nodiscard]] double mean() const noexcept;
  [[nodiscard]] double quantile(double q) const noexcept;
  // Sample standard deviation (n - 1), as pandas, Polars and SQL's stddev; needs count() > 1.
  [[nodiscard]] double stddev() const noexcept;

  // Appends the state: version byte, then little-endian base-128 numbers; a few bytes a bin.
  void serialise(std::string& out) const;
  // Throws ConfigError when the bytes are damaged.
  [[nodiscard]] static Stats parse(std::string_view bytes);

 private:
  static constexpr double kScale = 1 << 20;

  void add_squares(UInt128 n) noexcept {
    sumsq_ = sumsq_ > ~UInt128{0} - n ? ~UInt128{0} : sumsq_ + n;  // saturates
  }

  std::int64_t count_ = 0;
  Int128 sum_ = 0;
  UInt128 sumsq_ = 0;
  double min_ = std::numeric_limits<double>::infinity();
  double max_ = -std::numeric_limits<double>::infinity();
  Sketch sketch_;
};

}  // namespace logforest::window
