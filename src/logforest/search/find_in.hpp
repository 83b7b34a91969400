// Where a text stands in another one.
#pragma once

#include <bit>
#include <cstring>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace logforest::search {

// As text.find(needle, from), sixteen places at a time: those where its first and last byte fit.
// The needle is not empty.
[[nodiscard]] inline std::size_t find_in(std::string_view text, std::string_view needle,
                                         std::size_t from) noexcept {
#ifdef __SSE2__
  constexpr std::size_t kLanes = 16;
  const std::size_t last = needle.size() - 1;
  const __m128i first_byte = _mm_set1_epi8(needle.front());
  const __m128i last_byte = _mm_set1_epi8(needle.back());
  const auto load = [&](std::size_t at) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
  };
  for (; from + last + kLanes <= text.size(); from += kLanes) {
    const __m128i fits = _mm_and_si128(_mm_cmpeq_epi8(load(from), first_byte),
                                       _mm_cmpeq_epi8(load(from + last), last_byte));
    for (auto places = static_cast<unsigned>(_mm_movemask_epi8(fits)); places != 0;
         places &= places - 1) {
      const std::size_t at = from + static_cast<std::size_t>(std::countr_zero(places));
      if (std::memcmp(text.data() + at, needle.data(), needle.size()) == 0) return at;
    }
  }
#endif
  return text.find(needle, from);
}

}  // namespace logforest::search
