#include "logforest/normalize/mask_scan.hpp"

#include <array>

#include "logforest/normalize/mask_scan_impl.hpp"

namespace logforest::normalize {

namespace detail {
namespace {
constexpr auto kTable = [] {
  std::array<std::uint16_t, 256> table{};
  for (unsigned c = 0; c < 256; ++c) {
    for (unsigned k = 0; k < kScanClasses; ++k) {
      if (in_class(static_cast<unsigned char>(c), k))
        table[c] = static_cast<std::uint16_t>(table[c] | (1U << k));
    }
  }
  return table;
}();

Bits classify_bytes(const char* p) noexcept {
  std::array<std::uint64_t, kScanClasses> bits{};
  for (unsigned i = 0; i < 64; ++i) {
    const std::uint64_t k = kTable[static_cast<unsigned char>(p[i])];
    for (unsigned c = 0; c < kScanClasses; ++c) bits[c] |= ((k >> c) & 1U) << i;
  }
  return {bits[0], bits[1], bits[2],  bits[3],  bits[4],  bits[5],  bits[6], bits[7],
          bits[8], bits[9], bits[10], bits[11], bits[12], bits[13], bits[14]};
}
}  // namespace

void mask_candidates_portable(const char* data, std::size_t size, unsigned wanted,
                              std::uint64_t* bits) noexcept {
  scan(data, size, wanted, bits, classify_bytes);
}
}  // namespace detail

namespace {
using Kernel = void (*)(const char*, std::size_t, unsigned, std::uint64_t*) noexcept;
Kernel choose() noexcept {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2"))
    return detail::mask_candidates_v3;
#endif
  return detail::mask_candidates_portable;
}
const Kernel kernel = choose();
}  // namespace

void mask_candidates(const char* data, std::size_t size, unsigned wanted,
                     std::uint64_t* bits) noexcept {
  kernel(data, size, wanted, bits);
}

}  // namespace logforest::normalize
