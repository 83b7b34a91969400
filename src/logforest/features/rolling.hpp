// Time-decayed sums: each observation weighs exp(-(age)/tau). Two of them merge exactly (decay to
// one reference time, add), which ordinary rolling windows do not.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

namespace logforest::features {

// Weighted moments of one quantity. All sums share the reference time of their DecayClock.
struct Moments {
  double weight = 0.0;
  double sum = 0.0;
  double squares = 0.0;

  void scale(double factor) noexcept {
    weight *= factor;
    sum *= factor;
    squares *= factor;
  }
  void add(double value, double w) noexcept {
    weight += w;
    sum += w * value;
    squares += w * value * value;
  }
  void add(const Moments& other, double factor) noexcept {
    weight += factor * other.weight;
    sum += factor * other.sum;
    squares += factor * other.squares;
  }
  // NaN before `least` observations' worth of weight.
  [[nodiscard]] double mean(double least = 0.5) const noexcept {
    return weight < least ? std::numeric_limits<double>::quiet_NaN() : sum / weight;
  }
  [[nodiscard]] double deviation(double least = 1.5) const noexcept {
    if (weight < least) return std::numeric_limits<double>::quiet_NaN();
    const double m = sum / weight;
    const double variance = squares / weight - m * m;
    return variance > 0.0 ? std::sqrt(variance) : 0.0;
  }
};

// What is carried per service from record to record.
struct ServiceState {
  std::int64_t last_us = std::numeric_limits<std::int64_t>::min();  // latest record so far
  Moments response_ms;
  Moments log_response;
  Moments error;

  [[nodiscard]] bool seen() const noexcept {
    return last_us != std::numeric_limits<std::int64_t>::min();
  }
  // Moves the reference time to `us` if that is later; returns the weight of a record at `us`.
  double advance(std::int64_t us, double inverse_tau_us) noexcept {
    if (!seen()) {
      last_us = us;
      return 1.0;
    }
    // In double: stamps of hostile logs may be further apart than an int64 difference holds.
    const double age = static_cast<double>(us) - static_cast<double>(last_us);
    if (age == 0.0) return 1.0;
    const double factor = std::exp(-std::abs(age) * inverse_tau_us);
    if (age < 0.0) return factor;  // late: the record itself is discounted
    response_ms.scale(factor);
    log_response.scale(factor);
    error.scale(factor);
    last_us = us;
    return 1.0;
  }
  void merge(const ServiceState& other, double inverse_tau_us) noexcept {
    if (!other.seen()) return;
    const double weight = advance(other.last_us, inverse_tau_us);
    response_ms.add(other.response_ms, weight);
    log_response.add(other.log_response, weight);
    error.add(other.error, weight);
  }
};

}  // namespace logforest::features
