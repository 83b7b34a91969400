// AVX2 kernel of the prefilter: sets of bytes by two table look-ups, as in byte_masks_v3.cpp.
#include "logforest/normalize/mask_scan.hpp"

#if defined(__x86_64__)
#include <immintrin.h>

#include "logforest/normalize/mask_scan_impl.hpp"

namespace logforest::normalize::detail {

namespace {

struct alignas(16) ScanRow {
  std::uint8_t bits[16];
};

constexpr ScanRow make_scan_row(unsigned which) noexcept {
  ScanRow row{};
  for (unsigned c = 0; c < 128; ++c) {
    if (in_class(static_cast<unsigned char>(c), which))
      row.bits[c & 15] = static_cast<std::uint8_t>(row.bits[c & 15] | (1U << (c >> 4)));
  }
  return row;
}
template <unsigned Which>
constexpr ScanRow kScanRow = make_scan_row(Which);

struct Half {
  __m256i bytes, low, bit;
};

inline Half split(const char* p, __m256i high) noexcept {
  const __m256i c = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  const __m256i nibble = _mm256_set1_epi8(15);
  const __m256i hi = _mm256_and_si256(_mm256_srli_epi16(c, 4), nibble);
  return {c, _mm256_and_si256(c, nibble), _mm256_shuffle_epi8(high, hi)};
}

template <unsigned Which>
inline std::uint64_t in_set(const Half& a, const Half& b) noexcept {
  const __m256i rows = _mm256_broadcastsi128_si256(
      _mm_load_si128(reinterpret_cast<const __m128i*>(kScanRow<Which>.bits)));
  const auto half = [rows](const Half& h) noexcept {
    const __m256i none = _mm256_cmpeq_epi8(
        _mm256_and_si256(_mm256_shuffle_epi8(rows, h.low), h.bit), _mm256_setzero_si256());
    return ~static_cast<std::uint32_t>(_mm256_movemask_epi8(none));
  };
  return half(a) | static_cast<std::uint64_t>(half(b)) << 32;
}

inline std::uint64_t equal(const Half& a, const Half& b, char c) noexcept {
  const __m256i x = _mm256_set1_epi8(c);
  const auto half = [x](const Half& h) noexcept {
    return static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(h.bytes, x)));
  };
  return half(a) | static_cast<std::uint64_t>(half(b)) << 32;
}

inline std::uint64_t above_ascii(const Half& a, const Half& b) noexcept {
  const auto half = [](const Half& h) noexcept {
    return static_cast<std::uint32_t>(_mm256_movemask_epi8(h.bytes));
  };
  return half(a) | static_cast<std::uint64_t>(half(b)) << 32;
}

[[gnu::always_inline]] inline Bits classify_avx2(const char* p) noexcept {
  const __m256i high = _mm256_setr_epi8(1, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0,  //
                                        1, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0);
  const Half a = split(p, high);
  const Half b = split(p + 32, high);
  return {in_set<kScanWord>(a, b) | above_ascii(a, b),
          in_set<kScanDigit>(a, b),
          in_set<kScanHex>(a, b),
          in_set<kScanUpper>(a, b),
          in_set<kScanKeyEnd>(a, b),
          in_set<kScanGlue>(a, b),
          in_set<kScanSeparator>(a, b),
          in_set<kScanAt>(a, b),
          equal(a, b, '.'),
          in_set<kScanBlankDash>(a, b),
          in_set<kScanPlus>(a, b),
          equal(a, b, '/'),
          equal(a, b, ':'),
          in_set<kScanToken>(a, b),
          in_set<kScanWide>(a, b)};
}

}  // namespace

void mask_candidates_v3(const char* data, std::size_t size, unsigned wanted,
                        std::uint64_t* bits) noexcept {
  scan(data, size, wanted, bits, classify_avx2);
}

}  // namespace logforest::normalize::detail
#endif
