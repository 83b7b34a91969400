// The forest's source of randomness: splitmix64 (Steele, Lea, Flood, OOPSLA 2014), one independent
// stream per tree, so that a tree depends on the seed and its own number only, never on threads.
#pragma once

#include <cstdint>

#include "logforest/base/hash.hpp"

namespace logforest::forest {

class Random {
 public:
  static constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15ULL;

  explicit Random(std::uint64_t state) noexcept : state_(state) {}
  [[nodiscard]] static Random for_tree(std::uint64_t seed, std::uint64_t tree) noexcept {
    return Random(mix64(mix64(seed + kGolden) + kGolden * (tree + 1)));
  }

  std::uint64_t next() noexcept { return mix64(state_ += kGolden); }
  // Uniform in [0, n); the bias of the multiply-shift is below n / 2^64.
  std::uint64_t below(std::uint64_t n) noexcept {
    return static_cast<std::uint64_t>((static_cast<unsigned __int128>(next()) * n) >> 64);
  }
  // Uniform in [0, 1) with 53 bits.
  double uniform() noexcept { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

 private:
  std::uint64_t state_;
};

}  // namespace logforest::forest
