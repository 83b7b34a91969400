#include "logforest/normalize/byte_masks.hpp"

#include "logforest/normalize/chars.hpp"

namespace logforest::normalize {

namespace detail {
void byte_masks_portable(const char* data, std::size_t size, std::uint64_t* words,
                         std::uint64_t* triggers) noexcept {
  for (std::size_t begin = 0; begin < size; begin += 64) {
    const std::size_t n = size - begin < 64 ? size - begin : 64;
    std::uint64_t w = 0;
    std::uint64_t t = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const std::uint8_t k = kClasses[static_cast<unsigned char>(data[begin + i])];
      w |= static_cast<std::uint64_t>(k & kWord) << i;
      t |= static_cast<std::uint64_t>(k / kTrigger & 1U) << i;
    }
    *words++ = w;
    *triggers++ = t;
  }
}
}  // namespace detail

namespace {
struct Kernels {
  detail::ByteMasksKernel exact = detail::byte_masks_portable;
  detail::ByteMasksKernel padded = detail::byte_masks_portable;
};
Kernels choose() noexcept {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2"))
    return {detail::byte_masks_v3, detail::byte_masks_padded_v3};
#endif
  return {};
}
const Kernels kernels = choose();
}  // namespace

void byte_masks(const char* data, std::size_t size, std::uint64_t* words,
                std::uint64_t* triggers) noexcept {
  kernels.exact(data, size, words, triggers);
}
void byte_masks_padded(const char* data, std::size_t size, std::uint64_t* words,
                       std::uint64_t* triggers) noexcept {
  kernels.padded(data, size, words, triggers);
}

}  // namespace logforest::normalize
