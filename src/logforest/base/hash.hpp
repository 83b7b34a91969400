// Stable 64-bit hashing: equal on every machine, process and release (template fingerprints and
// file formats depend on it). The mixer is splitmix64 (Steele, Lea, Flood 2014).
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace logforest {

[[nodiscard]] constexpr std::uint64_t mix64(std::uint64_t x) noexcept {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9ULL;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebULL;
  x ^= x >> 31;
  return x;
}

[[nodiscard]] inline std::uint64_t load_le64(const char* p) noexcept {
  std::uint64_t v;
  std::memcpy(&v, p, sizeof v);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  v = __builtin_bswap64(v);
#endif
  return v;
}

namespace detail {
// `tail(p, n)`: where the last n < 16 bytes, which are at p, stand with zeros behind them.
template <class Tail>
[[nodiscard]] inline std::uint64_t hash_with(std::string_view s, std::uint64_t seed,
                                             Tail&& tail) noexcept {
  constexpr std::uint64_t k0 = 0x9e3779b97f4a7c15ULL;
  constexpr std::uint64_t k1 = 0xe7037ed1a0b428dbULL;
  const auto fold = [](std::uint64_t a, std::uint64_t b) noexcept {
    const auto m = static_cast<unsigned __int128>(a) * b;
    return static_cast<std::uint64_t>(m) ^ static_cast<std::uint64_t>(m >> 64);
  };
  std::uint64_t h = seed ^ k0;
  const char* p = s.data();
  std::size_t n = s.size();
  while (n >= 16) {
    h = fold(load_le64(p) ^ k0 ^ h, load_le64(p + 8) ^ k1);
    p += 16;
    n -= 16;
  }
  p = tail(p, n);
  h = fold(load_le64(p) ^ k1 ^ h, load_le64(p + 8) ^ k0);
  return mix64(h ^ s.size());
}
}  // namespace detail

// 128-bit multiply folding, 16 bytes a step; not cryptographic. Use a random seed where an
// attacker may choose keys (hash flooding), seed 0 where the value is stored.
[[nodiscard]] inline std::uint64_t hash_bytes(std::string_view s, std::uint64_t seed = 0) noexcept {
  char tail[16] = {};
  return detail::hash_with(s, seed, [&](const char* p, std::size_t n) noexcept {
    if (n > 0) std::memcpy(tail, p, n);
    return static_cast<const char*>(tail);
  });
}

// hash_bytes(s) of a text with 16 zeros behind it.
[[nodiscard]] inline std::uint64_t hash_padded(std::string_view s) noexcept {
  return detail::hash_with(s, 0, [](const char* p, std::size_t) noexcept { return p; });
}

}  // namespace logforest
