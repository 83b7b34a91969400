#include "logforest/window/sketch.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace logforest::window {

namespace {

// Lower bounds of the bins of the octave [1, 2], found by bisection of the cubic: the same doubles
// everywhere.
constexpr std::array<double, Sketch::kPerOctave + 1> make_bounds() {
  std::array<double, Sketch::kPerOctave + 1> bounds{};
  for (std::size_t j = 0; j < bounds.size(); ++j) {
    const double wanted = static_cast<double>(j) / Sketch::kPerOctave;
    double low = 0.0;
    double high = 1.0;
    for (int step = 0; step < 60; ++step) {
      const double s = (low + high) / 2;
      const double log2 = ((s * (6.0 / 35.0) - 0.6) * s + 10.0 / 7.0) * s;
      (log2 < wanted ? low : high) = s;
    }
    bounds[j] = 1.0 + high;
  }
  bounds.front() = 1.0;
  return bounds;
}
constexpr auto kBounds = make_bounds();
constexpr std::uint32_t kSlack = 16;  // bins added on growth, so that neighbours fit

}  // namespace

double Sketch::value_of(std::uint32_t bin) noexcept {
  if (bin == 0) return 0.0;
  const auto octave = static_cast<int>((bin - 1) / kPerOctave);
  const std::size_t j = (bin - 1) % kPerOctave;
  // The value with the same relative distance to both bounds.
  const double middle = 2 * kBounds[j] * kBounds[j + 1] / (kBounds[j] + kBounds[j + 1]);
  return std::ldexp(middle, octave + kMinExponent);
}

void Sketch::add_outside(std::uint32_t bin, std::uint64_t n) {
  const std::uint32_t low = bin < kSlack ? 0 : bin - kSlack;
  const std::uint32_t high = std::min(kBins, bin + kSlack);
  if (counts_.empty()) {
    first_ = low;
    counts_.resize(high - low);
  } else if (bin < first_) {
    counts_.insert(counts_.begin(), first_ - low, 0);
    first_ = low;
  } else {
    counts_.resize(high - first_);
  }
  counts_[bin - first_] += n;
}

void Sketch::merge(const Sketch& other) {
  other.for_each([this](std::uint32_t bin, std::uint64_t n) { add_bin(bin, n); });
}

double Sketch::quantile(double q, std::uint64_t count) const noexcept {
  const auto rank = static_cast<std::uint64_t>(q * static_cast<double>(count - 1));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen > rank) return value_of(first_ + static_cast<std::uint32_t>(i));
  }
  return 0.0;
}

}  // namespace logforest::window
