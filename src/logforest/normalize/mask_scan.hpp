// The prefilter of masking: bits at positions where a matcher should look.
#pragma once

#include <cstddef>
#include <cstdint>

namespace logforest::normalize {

enum Candidates : unsigned {
  kFindAt = 1,        // @ and %40 between characters
  kFindDigits = 2,    // runs of 13 and more digits with single blanks or dashes
  kFindIban = 4,      // two capitals and two digits
  kFindWords = 8,     // runs of 15 and more bytes of credentials
  kFindSecrets = 16,  // = and : behind a name that ends like a secret's; ://; " --"
  kFindPhone = 32,    // + or ( before a digit
  kFindIp = 64,       // dots between digits, ::, runs of hex and colons
};

// Sets (size + 63) / 64 words of bits; reads exactly `size` bytes. All kernels give the same bits.
void mask_candidates(const char* data, std::size_t size, unsigned wanted,
                     std::uint64_t* bits) noexcept;

namespace detail {
void mask_candidates_portable(const char* data, std::size_t size, unsigned wanted,
                              std::uint64_t* bits) noexcept;
#if defined(__x86_64__)
void mask_candidates_v3(const char* data, std::size_t size, unsigned wanted,
                        std::uint64_t* bits) noexcept;
#endif
}  // namespace detail

}  // namespace logforest::normalize
