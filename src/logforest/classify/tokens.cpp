#include "logforest/classify/tokens.hpp"

#include <algorithm>
#include <array>

namespace logforest::classify {

namespace {

struct WordRange {
  std::uint32_t first, last;
};
struct LowerRange {
  std::uint32_t first, last, step;
  std::int32_t delta;
};
#include "logforest/classify/word_tables.inc"

// Lower case of ASCII word characters; 0 for what ends a word; 1 for other scripts.
constexpr std::array<char, 256> kAscii = [] {
  std::array<char, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = static_cast<char>(c);
  for (int c = 'a'; c <= 'z'; ++c) {
    table[static_cast<std::size_t>(c)] = static_cast<char>(c);
    table[static_cast<std::size_t>(c - 32)] = static_cast<char>(c);
  }
  table['_'] = '_';
  for (std::size_t c = 128; c < 256; ++c) table[c] = 1;
  return table;
}();

struct Decoded {
  std::uint32_t character;
  std::size_t bytes;
};

// Malformed bytes read as one character that ends words.
Decoded decode(std::string_view s, std::size_t at) noexcept {
  const auto byte = [&](std::size_t k) {
    return at + k < s.size() ? static_cast<unsigned char>(s[at + k]) : 0U;
  };
  const auto follows = [&](std::size_t k) { return (byte(k) & 0xc0U) == 0x80U; };
  const std::uint32_t b = byte(0);
  if (b >= 0xc2 && b < 0xe0 && follows(1)) return {((b & 0x1f) << 6) | (byte(1) & 0x3f), 2};
  if (b >= 0xe0 && b < 0xf0 && follows(1) && follows(2)) {
    return {((b & 0x0f) << 12) | ((byte(1) & 0x3f) << 6) | (byte(2) & 0x3f), 3};
  }
  if (b >= 0xf0 && b < 0xf5 && follows(1) && follows(2) && follows(3)) {
    return {
        ((b & 0x07) << 18) | ((byte(1) & 0x3f) << 12) | ((byte(2) & 0x3f) << 6) | (byte(3) & 0x3f),
        4};
  }
  return {0, 1};
}

char* encode(std::uint32_t c, char* out) noexcept {
  const auto put = [&](std::uint32_t b) { *out++ = static_cast<char>(b); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | (c >> 6));
    put(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    put(0xe0 | (c >> 12));
    put(0x80 | ((c >> 6) & 0x3f));
    put(0x80 | (c & 0x3f));
  } else {
    put(0xf0 | (c >> 18));
    put(0x80 | ((c >> 12) & 0x3f));
    put(0x80 | ((c >> 6) & 0x3f));
    put(0x80 | (c & 0x3f));
  }
  return out;
}

constexpr std::uint32_t kCapitalSigma = 0x3a3;
constexpr std::uint32_t kFinalSigma = 0x3c2;
constexpr std::uint32_t kDottedCapitalI = 0x130;

}  // namespace

bool is_word_character(std::uint32_t c) noexcept {
  if (c < 0x80) return kAscii[c] != 0;
  const auto* at =
      std::upper_bound(std::begin(kWordRanges), std::end(kWordRanges), c,
                       [](std::uint32_t v, const WordRange& r) { return v < r.first; });
  return at != std::begin(kWordRanges) && c <= (at - 1)->last;
}

std::uint32_t to_lower(std::uint32_t c) noexcept {
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
  const auto* at =
      std::upper_bound(std::begin(kLowerRanges), std::end(kLowerRanges), c,
                       [](std::uint32_t v, const LowerRange& r) { return v < r.first; });
  if (at == std::begin(kLowerRanges)) return c;
  --at;
  if (c > at->last || (c - at->first) % at->step != 0) return c;
  return static_cast<std::uint32_t>(static_cast<std::int32_t>(c) + at->delta);
}

// Writes one character beyond ASCII; returns its bytes in the text, 0 if it ends the word (then
// nothing was written).
std::size_t Tokens::other(std::string_view text, std::size_t at) {
  const Decoded d = decode(text, at);
  if (!is_word_character(d.character)) return 0;
  std::uint32_t c = to_lower(d.character);
  if (d.character == kCapitalSigma && characters_ > 0) {
    const std::size_t next = at + d.bytes;
    const bool more =
        next < text.size() && is_word_character(static_cast<unsigned char>(text[next]) < 0x80
                                                    ? static_cast<unsigned char>(text[next])
                                                    : decode(text, next).character);
    if (!more) c = kFinalSigma;
  }
  out_ = encode(c, out_);
  ++characters_;
  return d.bytes;
}

void Tokens::cut(std::string_view text, bool keep_numbers) {
  begins_.clear();
  ends_.clear();
  // Lower case takes at most 3/2 of the bytes (U+023A: two become three); one blank a word.
  if (buffer_.size() < 2 * text.size() + 8) buffer_.resize(2 * text.size() + 64);
  char* const base = buffer_.data();
  out_ = base;
  std::size_t i = 0;
  const std::size_t n = text.size();
  while (i < n) {
    char c = kAscii[static_cast<unsigned char>(text[i])];
    if (c == 0) {
      ++i;
      continue;
    }
    char* const begin = out_;
    characters_ = 0;
    bool digit = false;
    while (c != 0) {
      if (c == 1) [[unlikely]] {
        const Decoded d = decode(text, i);
        if (d.character == kDottedCapitalI) {  // becomes "i" and a mark that ends the word
          *out_++ = 'i';
          ++characters_;
          i += d.bytes;
          break;
        }
        const std::size_t used = other(text, i);
        if (used == 0) {
          i += d.bytes;
          break;
        }
        i += used;
      } else {
        *out_++ = c;
        ++characters_;
        digit |= c >= '0' && c <= '9';
        ++i;
      }
      if (i >= n) break;
      c = kAscii[static_cast<unsigned char>(text[i])];
    }
    if (characters_ < 2 || (digit && !keep_numbers)) {
      out_ = begin;
      continue;
    }
    begins_.push_back(static_cast<std::uint32_t>(begin - base));
    ends_.push_back(static_cast<std::uint32_t>(out_ - base));
    *out_++ = ' ';
  }
}

}  // namespace logforest::classify
