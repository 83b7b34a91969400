// Scans for lines with padding behind them (LineParser): they look at sixteen bytes at a time (or
// 64) and may read up to 63 bytes behind their end, so that short fields need no loop over their
// tail.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "logforest/base/utf8.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace logforest::parse::scan {

// Sixteen bytes, copied by two instructions where the processor can.
struct Piece {
  char bytes[16];
};
inline void copy_piece(char* to, const char* from) noexcept {
  Piece piece;
  std::memcpy(&piece, from, sizeof piece);
  std::memcpy(to, &piece, sizeof piece);
}

// Copies [from, from + n) to `to`, which has room for n + 15 bytes, and returns the end of it.
inline char* copy_padded(char* to, const char* from, std::size_t n) noexcept {
  copy_piece(to, from);
  for (std::size_t i = 16; i < n; i += 16) copy_piece(to + i, from + i);
  return to + n;
}
inline char* copy_padded(char* to, std::string_view text) noexcept {
  return copy_padded(to, text.data(), text.size());
}

template <std::size_t N>
char* literal(char* to, const char (&text)[N]) noexcept {
  std::memcpy(to, text, N - 1);
  return to + N - 1;
}

#if defined(__SSE2__)

using Bytes = __m128i;
[[nodiscard]] inline Bytes load(const char* p) noexcept {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}
[[nodiscard]] inline unsigned bits(Bytes v) noexcept {
  return static_cast<unsigned>(_mm_movemask_epi8(v));
}
[[nodiscard]] inline Bytes is(Bytes v, char c) noexcept {
  return _mm_cmpeq_epi8(v, _mm_set1_epi8(c));
}
[[nodiscard]] inline Bytes equal(Bytes a, Bytes b) noexcept { return _mm_cmpeq_epi8(a, b); }
[[nodiscard]] inline Bytes either(Bytes a, Bytes b) noexcept { return _mm_or_si128(a, b); }
// Unsigned: v <= c.
[[nodiscard]] inline Bytes at_most(Bytes v, char c) noexcept {
  return _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(c)), v);
}
// v - c, wrapping around.
[[nodiscard]] inline Bytes shifted(Bytes v, char c) noexcept {
  return _mm_sub_epi8(v, _mm_set1_epi8(c));
}
// Signed: bytes above 0x7f are below every other.
[[nodiscard]] inline Bytes below(Bytes v, char c) noexcept {
  return _mm_cmplt_epi8(v, _mm_set1_epi8(c));
}

#else

// Without such registers: the same, byte by byte.
struct Bytes {
  unsigned char at[16];
};
template <class F>
[[nodiscard]] inline Bytes each(F&& f) noexcept {
  Bytes out;
  for (unsigned i = 0; i < 16; ++i) out.at[i] = f(i) ? 0xff : 0;
  return out;
}
[[nodiscard]] inline Bytes load(const char* p) noexcept {
  Bytes out;
  std::memcpy(out.at, p, 16);
  return out;
}
[[nodiscard]] inline unsigned bits(const Bytes& v) noexcept {
  unsigned out = 0;
  for (unsigned i = 0; i < 16; ++i) out |= (v.at[i] >> 7U) << i;
  return out;
}
[[nodiscard]] inline Bytes is(const Bytes& v, char c) noexcept {
  return each([&](unsigned i) { return v.at[i] == static_cast<unsigned char>(c); });
}
[[nodiscard]] inline Bytes equal(const Bytes& a, const Bytes& b) noexcept {
  return each([&](unsigned i) { return a.at[i] == b.at[i]; });
}
[[nodiscard]] inline Bytes either(const Bytes& a, const Bytes& b) noexcept {
  return each([&](unsigned i) { return (a.at[i] | b.at[i]) != 0; });
}
[[nodiscard]] inline Bytes at_most(const Bytes& v, char c) noexcept {
  return each([&](unsigned i) { return v.at[i] <= static_cast<unsigned char>(c); });
}
[[nodiscard]] inline Bytes shifted(Bytes v, char c) noexcept {
  for (unsigned char& byte : v.at)
    byte = static_cast<unsigned char>(byte - static_cast<unsigned char>(c));
  return v;
}
[[nodiscard]] inline Bytes below(const Bytes& v, char c) noexcept {
  return each([&](unsigned i) { return static_cast<signed char>(v.at[i]) < c; });
}

#endif

// The first byte of [p, end) that `stops` (Bytes -> Bytes) marks, or end.
template <class Stops>
[[nodiscard]] inline const char* first_of(const char* p, const char* end, Stops&& stops) noexcept {
  for (; p < end; p += 16) {
    const unsigned hits = bits(stops(load(p)));
    if (hits != 0) {
      p += std::countr_zero(hits);
      return p < end ? p : end;
    }
  }
  return end;
}

// The same, 64 bytes at a time: for texts of any length up to that without a branch on it.
template <class Stops>
[[nodiscard]] inline const char* first_in_long(const char* p, const char* end,
                                               Stops&& stops) noexcept {
  for (; p < end; p += 64) {
    const auto piece = [&](std::size_t i) {
      return static_cast<std::uint64_t>(bits(stops(load(p + 16 * i)))) << (16 * i);
    };
    const std::uint64_t hits = (piece(0) | piece(1)) | (piece(2) | piece(3));
    if (hits != 0) {
      p += std::countr_zero(hits);
      return p < end ? p : end;
    }
  }
  return end;
}

// Length of the dotted IPv4 address at the start of `s` (groups of one to three digits, at most
// 255), or 0. Whatever stands behind it is no digit and no dot.
[[nodiscard]] inline std::size_t ipv4_length(std::string_view s) noexcept {
  const Bytes v = load(s.data());
  const Bytes digits = at_most(shifted(v, '0'), 9);
  const Bytes dot = is(v, '.');
  const unsigned other = ~bits(either(digits, dot));
  const auto n = static_cast<unsigned>(std::countr_zero(other | 0x10000U));
  if (n < 7 || n > 15 || n > s.size()) return 0;
  unsigned dots = bits(dot) & ((1U << n) - 1);
  const unsigned after_two = dots & (dots - 1) & ((dots & (dots - 1)) - 1);
  if (after_two == 0 || (after_two & (after_two - 1)) != 0) return 0;  // not three
  unsigned begin = 0;
  unsigned bad = 0;
  for (int group = 0; group < 4; ++group) {
    const unsigned end = group == 3 ? n : static_cast<unsigned>(std::countr_zero(dots));
    dots &= dots - 1;
    const unsigned digits_here = end - begin;
    const auto at = [&](unsigned i) {
      return static_cast<unsigned>(static_cast<unsigned char>(s.data()[begin + i]));
    };
    const unsigned three = at(0) << 16 | at(1) << 8 | at(2);
    bad |= static_cast<unsigned>(digits_here - 1 > 2) |
           (static_cast<unsigned>(digits_here == 3) & static_cast<unsigned>(three > 0x323535));
    begin = end + 1;
  }
  return bad == 0 ? n : 0;
}

// What is_graph does not take: blanks, control characters, DEL, bytes above 0x7f.
[[nodiscard]] inline Bytes not_graph(Bytes v) noexcept {
  return either(below(v, '!'), is(v, 0x7f));
}
// What a JSON string cannot hold as it is.
[[nodiscard]] inline Bytes json_special(Bytes v) noexcept {
  return either(either(is(v, '"'), is(v, '\\')), at_most(v, 0x1f));
}

// As write_json_text, for text with padding behind it.
inline char* write_json_padded(char* to, std::string_view text) noexcept {
  const char* const from = text.data();
  const std::size_t n = text.size();
  for (std::size_t i = 0; i < n; i += 16) {
    const unsigned hits = bits(json_special(load(from + i)));
    copy_piece(to + i, from + i);
    if (hits != 0) [[unlikely]] {
      if (static_cast<std::size_t>(std::countr_zero(hits)) < n - i)
        return write_json_text(to + i, text.substr(i));
    }
  }
  return to + n;
}

// A member of an object: `opening` is its key with the quote of the value, as in R"("key":")".
template <std::size_t N>
char* write_member(char* to, const char (&opening)[N], std::string_view value) noexcept {
  return literal(write_json_padded(literal(to, opening), value), "\",");
}

}  // namespace logforest::parse::scan
