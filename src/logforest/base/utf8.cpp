#include "logforest/base/utf8.hpp"

#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#include "logforest/base/copy_text.hpp"
#include "logforest/base/hash.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace logforest {

bool valid_utf8(std::string_view text) noexcept {
  return simdjson::validate_utf8(text.data(), text.size());
}

std::size_t append_repaired(ByteBuffer& out, std::string_view text) {
  std::size_t replaced = 0;
  const auto* p = reinterpret_cast<const unsigned char*>(text.data());
  const std::size_t n = text.size();
  for (std::size_t i = 0; i < n;) {
    const unsigned char lead = p[i];
    if (lead < 0x80) {
      std::size_t j = i + 1;
      while (j < n && p[j] < 0x80) ++j;
      out.append(text.substr(i, j - i));
      i = j;
      continue;
    }
    // Unicode table 3-7: the second byte's range depends on the lead.
    std::size_t need = 0;
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    if (lead >= 0xc2 && lead <= 0xdf) {
      need = 1;
    } else if (lead >= 0xe0 && lead <= 0xef) {
      need = 2;
      if (lead == 0xe0) low = 0xa0;
      if (lead == 0xed) high = 0x9f;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      need = 3;
      if (lead == 0xf0) low = 0x90;
      if (lead == 0xf4) high = 0x8f;
    }
    std::size_t got = 0;
    while (got < need && i + 1 + got < n) {
      const unsigned char c = p[i + 1 + got];
      if (c < (got == 0 ? low : 0x80) || c > (got == 0 ? high : 0xbf)) break;
      ++got;
    }
    if (need != 0 && got == need) {
      out.append(text.substr(i, need + 1));
    } else {
      out.append("\xef\xbf\xbd");
      ++replaced;
    }
    i += 1 + got;
  }
  return replaced;
}

std::string_view utf8_prefix(std::string_view text, std::size_t limit) noexcept {
  if (text.size() <= limit) return text;
  std::size_t n = limit;
  for (int back = 0; back < 3 && n > 0 && (static_cast<unsigned char>(text[n]) & 0xc0) == 0x80;
       ++back) {
    --n;
  }
  return text.substr(0, n);
}

void append_code_point(ByteBuffer& out, unsigned cp) {
  if ((cp >= 0xd800 && cp <= 0xdfff) || cp > 0x10ffff) cp = 0xfffd;
  char* p = out.room(4);
  if (cp < 0x80) {
    p[0] = static_cast<char>(cp);
    out.advance(1);
  } else if (cp < 0x800) {
    p[0] = static_cast<char>(0xc0 | (cp >> 6));
    p[1] = static_cast<char>(0x80 | (cp & 0x3f));
    out.advance(2);
  } else if (cp < 0x10000) {
    p[0] = static_cast<char>(0xe0 | (cp >> 12));
    p[1] = static_cast<char>(0x80 | ((cp >> 6) & 0x3f));
    p[2] = static_cast<char>(0x80 | (cp & 0x3f));
    out.advance(3);
  } else {
    p[0] = static_cast<char>(0xf0 | (cp >> 18));
    p[1] = static_cast<char>(0x80 | ((cp >> 12) & 0x3f));
    p[2] = static_cast<char>(0x80 | ((cp >> 6) & 0x3f));
    p[3] = static_cast<char>(0x80 | (cp & 0x3f));
    out.advance(4);
  }
}

namespace {

// A set top bit marks a byte below 0x20, a quote or a backslash. Marks above the lowest may be
// false, but there is none without a true one.
std::uint64_t json_marks(std::uint64_t word) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101;
  constexpr std::uint64_t tops = 0x8080808080808080;
  const auto zero_bytes = [](std::uint64_t x) { return (x - ones) & ~x & tops; };
  return ((word - ones * 0x20) & ~word & tops) | zero_bytes(word ^ (ones * '"')) |
         zero_bytes(word ^ (ones * '\\'));
}

}  // namespace

std::size_t json_plain_length(std::string_view text) noexcept {
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    const std::uint64_t marks = json_marks(load_le64(text.data() + at));
    if (marks != 0) return at + static_cast<std::size_t>(std::countr_zero(marks)) / 8;
  }
  while (at < text.size() && static_cast<unsigned char>(text[at]) >= 0x20 && text[at] != '"' &&
         text[at] != '\\') {
    ++at;
  }
  return at;
}

namespace {

char* write_escape(char* to, char c) noexcept {
  static constexpr char kHex[] = "0123456789abcdef";
  *to++ = '\\';
  switch (c) {
    case '"':
    case '\\':
      *to++ = c;
      return to;
    case '\n':
      *to++ = 'n';
      return to;
    case '\r':
      *to++ = 'r';
      return to;
    case '\t':
      *to++ = 't';
      return to;
    default:
      copy_text(to, "u00");
      to[3] = kHex[static_cast<unsigned char>(c) >> 4];
      to[4] = kHex[c & 15];
      return to + 5;
  }
}

}  // namespace

namespace {

// A text of less than 16 bytes, looked at as two words that overlap (not as the bytes just
// written: they cannot be loaded again at once).
bool write_plain_tail(char* to, std::string_view text) noexcept {
  const ShortText words(text);
  std::uint64_t marks = json_marks(words.head) | json_marks(words.tail);
  if (text.size() < 8) {  // the words hold zeros where there is no text
    const std::uint64_t filled = text.size() >= 4 ? 0x80808080 : !text.empty() ? 0x80 : 0;
    marks = (json_marks(words.head) & filled) |
            (json_marks(words.tail) & (text.size() >= 4 ? filled : filled | filled << 8));
  }
  if (marks != 0) return false;
  copy_text(to, text);
  return true;
}

}  // namespace

char* write_json_text(char* to, std::string_view text) noexcept {
#if defined(__SSE2__)
  // Pieces of 16 are copied whole and looked at on the way.
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i slash = _mm_set1_epi8('\\');
  const __m128i control = _mm_set1_epi8(0x1f);
  while (text.size() >= 16) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data()));
    const __m128i hit =
        _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash)),
                     _mm_cmpeq_epi8(_mm_min_epu8(v, control), v));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(hit));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), v);
    if (mask == 0) [[likely]] {
      to += 16;
      text.remove_prefix(16);
      continue;
    }
    const auto plain = static_cast<std::size_t>(std::countr_zero(mask));
    to = write_escape(to + plain, text[plain]);
    text.remove_prefix(plain + 1);
  }
#endif
  while (!text.empty()) {
    if (text.size() < 16 && write_plain_tail(to, text)) return to + text.size();
    const std::size_t plain = json_plain_length(text);
    copy_text(to, text.substr(0, plain));
    to += plain;
    if (plain == text.size()) break;
    to = write_escape(to, text[plain]);
    text.remove_prefix(plain + 1);
  }
  return to;
}

}  // namespace logforest
