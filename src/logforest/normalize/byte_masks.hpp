// Bit masks over a text, 64 bytes a word of bits: which bytes belong to words, and which may start
// or reveal a variable part (kWord and kTrigger of chars.hpp).
#pragma once

#include <cstddef>
#include <cstdint>

namespace logforest::normalize {

// Reads exactly `size` bytes and writes (size + 63) / 64 entries of each mask; bits behind the end
// are 0. The fastest kernel of this machine is taken at run time; all give the same bits.
void byte_masks(const char* data, std::size_t size, std::uint64_t* words,
                std::uint64_t* triggers) noexcept;
// The same; may read up to 63 bytes behind the text.
void byte_masks_padded(const char* data, std::size_t size, std::uint64_t* words,
                       std::uint64_t* triggers) noexcept;

namespace detail {
using ByteMasksKernel = void (*)(const char*, std::size_t, std::uint64_t*, std::uint64_t*) noexcept;
void byte_masks_portable(const char* data, std::size_t size, std::uint64_t* words,
                         std::uint64_t* triggers) noexcept;
#if defined(__x86_64__)
void byte_masks_v3(const char* data, std::size_t size, std::uint64_t* words,
                   std::uint64_t* triggers) noexcept;
void byte_masks_padded_v3(const char* data, std::size_t size, std::uint64_t* words,
                          std::uint64_t* triggers) noexcept;
#endif
}  // namespace detail

}  // namespace logforest::normalize
