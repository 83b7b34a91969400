// RFC 8259 scanning: every byte that is passed over is validated, except UTF-8, which the reader
// has checked. Source: RFC 8259 sections 2 to 7.
//
// The text ends at `end`; a control character follows somewhere in the padding behind it, so that
// string scans stop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "logforest/base/byte_buffer.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace logforest::parse {

namespace json {

[[nodiscard]] inline bool is_digit(char c) noexcept {
  return static_cast<unsigned char>(c - '0') < 10;
}

// The first byte from p on that is '"', '\\' or a control character; reads up to 31 bytes on.
[[nodiscard]] inline const char* find_special(const char* p) noexcept {
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i slash = _mm_set1_epi8('\\');
  const __m128i control = _mm_set1_epi8(0x1f);
  const auto marks = [&](const char* at) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i hit =
        _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash)),
                     _mm_cmpeq_epi8(_mm_min_epu8(v, control), v));
    return static_cast<unsigned>(_mm_movemask_epi8(hit));
  };
  // Two at once: most texts end in them, whatever their length.
  for (;; p += 32) {
    const unsigned mask = marks(p) | marks(p + 16) << 16;
    if (mask != 0) return p + __builtin_ctz(mask);
  }
#else
  while (static_cast<unsigned char>(*p) >= 0x20 && *p != '"' && *p != '\\') ++p;
  return p;
#endif
}

[[nodiscard]] inline const char* skip_space(const char* p, const char* end) noexcept {
  while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n')) ++p;
  return p;
}

// From behind the opening quote to the closing quote; on a fault sets `ok` to false and returns
// where it is.
[[nodiscard]] inline const char* scan_string(const char* p, bool& escaped, bool& ok) noexcept;
[[nodiscard]] const char* scan_string_escaped(const char* p, bool& ok) noexcept;

inline const char* scan_string(const char* p, bool& escaped, bool& ok) noexcept {
  p = find_special(p);
  escaped = false;
  if (*p == '"') [[likely]]
    return p;
  if (*p == '\\') {
    escaped = true;
    return scan_string_escaped(p, ok);
  }
  ok = false;
  return p;
}

// Behind an element of an array, or an object, that need not be valid: by its brackets and quotes
// alone. nullptr where its end is not in sight. For what was found to be broken.
[[nodiscard]] const char* element_end(const char* p, const char* end) noexcept;

// A number, from its first byte to behind its last; the same on a fault.
[[nodiscard]] inline const char* scan_number(const char* p, bool& ok) noexcept {
  if (*p == '-') ++p;
  if (*p == '0') {
    ++p;
  } else if (is_digit(*p)) {
    while (is_digit(*p)) ++p;
  } else {
    ok = false;
    return p;
  }
  if (*p == '.') {
    ++p;
    if (!is_digit(*p)) ok = false;
    while (is_digit(*p)) ++p;
  }
  if ((*p | 0x20) == 'e') {
    ++p;
    if (*p == '+' || *p == '-') ++p;
    if (!is_digit(*p)) ok = false;
    while (is_digit(*p)) ++p;
  }
  return p;
}

// What bounds a value that is skipped.
struct Limits {
  std::size_t depth = 0;   // containers that may still be opened, at most 4096
  std::size_t fields = 0;  // keys that may still come
};

enum class Fault : std::uint8_t { None, Syntax, Depth, Fields };

// Any value, validated: from its first byte to behind its last; on a fault where it is. Lowers
// limits.fields by the keys it saw.
[[nodiscard]] const char* skip_value(const char* p, const char* end, Limits& limits,
                                     Fault& fault) noexcept;

// The text of a validated string body, escapes resolved; a lone surrogate becomes U+FFFD.
[[nodiscard]] std::string_view unescape(std::string_view body, ByteBuffer& scratch);

}  // namespace json

}  // namespace logforest::parse
