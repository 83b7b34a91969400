// AVX2: set membership of 32 bytes by two table look-ups a set (the low nibble selects a row of
// bits, the high nibble one bit of it).
#include "logforest/normalize/byte_masks.hpp"

#if defined(__x86_64__)
#include <immintrin.h>

#include "logforest/normalize/chars.hpp"

namespace logforest::normalize::detail {

namespace {

struct Row {
  alignas(16) std::uint8_t bits[16];
};

constexpr Row make_row(std::uint8_t wanted) noexcept {
  Row row{};
  for (unsigned c = 0; c < 128; ++c) {
    if ((kClasses[c] & wanted) != 0) {
      row.bits[c & 15] = static_cast<std::uint8_t>(row.bits[c & 15] | (1U << (c >> 4)));
    }
  }
  return row;
}
constexpr Row kWordRow = make_row(kWord);
constexpr Row kTriggerRow = make_row(kTrigger);

struct Tables {
  __m256i word;
  __m256i trigger;
  __m256i high;
};

inline std::uint32_t members(__m256i rows, __m256i bit) noexcept {
  const __m256i none = _mm256_cmpeq_epi8(_mm256_and_si256(rows, bit), _mm256_setzero_si256());
  return ~static_cast<std::uint32_t>(_mm256_movemask_epi8(none));
}

inline void half(const char* p, const Tables& t, std::uint32_t& w, std::uint32_t& g) noexcept {
  const __m256i c = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  const __m256i nibble = _mm256_set1_epi8(15);
  const __m256i lo = _mm256_and_si256(c, nibble);
  const __m256i hi = _mm256_and_si256(_mm256_srli_epi16(c, 4), nibble);
  const __m256i bit = _mm256_shuffle_epi8(t.high, hi);
  // Bytes above 0x7f have no bit in the tables; they are words and never triggers.
  w = members(_mm256_shuffle_epi8(t.word, lo), bit) |
      static_cast<std::uint32_t>(_mm256_movemask_epi8(c));
  g = members(_mm256_shuffle_epi8(t.trigger, lo), bit);
}

inline void block(const char* p, const Tables& t, std::uint64_t* words,
                  std::uint64_t* triggers) noexcept {
  std::uint32_t w0 = 0, w1 = 0, g0 = 0, g1 = 0;
  half(p, t, w0, g0);
  half(p + 32, t, w1, g1);
  *words = w0 | static_cast<std::uint64_t>(w1) << 32;
  *triggers = g0 | static_cast<std::uint64_t>(g1) << 32;
}

inline __m256i both(const Row& row) noexcept {
  return _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(row.bits)));
}

inline Tables tables() noexcept {
  return {both(kWordRow), both(kTriggerRow),
          _mm256_setr_epi8(1, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0,  //
                           1, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0)};
}

}  // namespace

void byte_masks_v3(const char* data, std::size_t size, std::uint64_t* words,
                   std::uint64_t* triggers) noexcept {
  const Tables t = tables();
  std::size_t i = 0;
  for (; i + 64 <= size; i += 64) block(data + i, t, words++, triggers++);
  if (i < size) {
    alignas(32) char tail[64] = {};  // 0 is neither word nor trigger
    __builtin_memcpy(tail, data + i, size - i);
    block(tail, t, words, triggers);
  }
}

void byte_masks_padded_v3(const char* data, std::size_t size, std::uint64_t* words,
                          std::uint64_t* triggers) noexcept {
  if (size == 0) return;
  const Tables t = tables();
  for (std::size_t i = 0; i < size; i += 64) block(data + i, t, words++, triggers++);
  const std::uint64_t inside = ~std::uint64_t{0} >> ((64 - size % 64) % 64);
  words[-1] &= inside;
  triggers[-1] &= inside;
}

}  // namespace logforest::normalize::detail
#endif
