#include "logforest/search/fold.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace logforest::search {

namespace {
struct CaseRange {
  std::uint32_t first, last, step;
  std::int32_t to_lower;
};

// Simple lower case of Unicode 17 (UnicodeData.txt, field 13) outside of ASCII. Dotted capital and
// dotless small i fold to i: lower() of Turkish locales makes one of the other.
constexpr CaseRange kCases[] = {
#include "logforest/search/case_ranges.inc"
};

constexpr std::uint32_t kDotAbove = 0x307;  // lower() of some locales puts it behind an i
constexpr std::uint32_t kReplacement = 0xfffd;
constexpr std::uint32_t kNulSymbol = 0x2400;

std::uint32_t lower(std::uint32_t c) noexcept {
  const auto* at =
      std::upper_bound(std::begin(kCases), std::end(kCases), c,
                       [](std::uint32_t x, const CaseRange& range) { return x < range.first; });
  if (at == std::begin(kCases)) return c;
  --at;
  if (c > at->last || (c - at->first) % at->step != 0) return c;
  return static_cast<std::uint32_t>(static_cast<std::int32_t>(c) + at->to_lower);
}

// Accents that Lithuanian lower() takes off the capital I they are on; 0 for other letters.
std::uint32_t accent_of_i(std::uint32_t c) noexcept {
  switch (c) {
    case 0xcc:
    case 0xec:
      return 0x300;
    case 0xcd:
    case 0xed:
      return 0x301;
    case 0x128:
    case 0x129:
      return 0x303;
    default:
      return 0;
  }
}

void put(std::string& out, std::uint32_t c) {
  const auto byte = [&](std::uint32_t b) { out.push_back(static_cast<char>(b)); };
  if (c < 0x80) {
    byte(c);
  } else if (c < 0x800) {
    byte(0xc0 | c >> 6), byte(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    byte(0xe0 | c >> 12), byte(0x80 | (c >> 6 & 0x3f)), byte(0x80 | (c & 0x3f));
  } else {
    byte(0xf0 | c >> 18), byte(0x80 | (c >> 12 & 0x3f));
    byte(0x80 | (c >> 6 & 0x3f)), byte(0x80 | (c & 0x3f));
  }
}

// The code point at `at` and its length; kReplacement and 1 for a bad byte (RFC 3629).
std::pair<std::uint32_t, std::size_t> decode(std::string_view text, std::size_t at) noexcept {
  const auto lead = static_cast<unsigned char>(text[at]);
  const std::size_t length = lead >= 0xf0 ? 4 : (lead >= 0xe0 ? 3 : 2);
  if (lead < 0xc2 || lead > 0xf4 || length > text.size() - at) return {kReplacement, 1};
  std::uint32_t c = lead & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[at + i]);
    if ((next & 0xc0) != 0x80) return {kReplacement, 1};
    c = c << 6 | (next & 0x3f);
  }
  constexpr std::array<std::uint32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
  if (c < least[length] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return {kReplacement, 1};
  return {c, length};
}
}  // namespace

void fold(std::string_view text, std::string& out) {
  out.resize(text.size());
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte == 0 || byte >= 0x80) break;
    out[at] = static_cast<char>(byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte);
  }
  out.resize(at);
  while (at < text.size()) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte == 0) {
      put(out, kNulSymbol);
      ++at;
    } else if (byte < 0x80) {
      out.push_back(static_cast<char>(byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte));
      ++at;
    } else {
      const auto [c, length] = decode(text, at);
      if (const std::uint32_t accent = accent_of_i(c); accent != 0) {
        out.push_back('i');
        put(out, accent);
      } else if (c != kDotAbove) {
        put(out, lower(c));
      }
      at += length;
    }
  }
}

}  // namespace logforest::search
