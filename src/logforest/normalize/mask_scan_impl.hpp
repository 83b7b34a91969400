// The logic of the prefilter, shared by its kernels. Each kernel includes it: everything here has
// internal linkage, so that no kernel's code can end up in another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "logforest/normalize/chars.hpp"
#include "logforest/normalize/mask_scan.hpp"

namespace logforest::normalize::detail {
namespace {

// The classes of bytes that a kernel finds, one bit a byte.
struct Bits {
  std::uint64_t word, digit, hex, upper, key_end, glue, separator, at, dot, blank_dash, plus, slash,
      colon, token, wide;
};

enum ScanClass : unsigned {
  kScanWord,
  kScanDigit,
  kScanHex,
  kScanUpper,
  kScanKeyEnd,
  kScanGlue,
  kScanSeparator,
  kScanAt,
  kScanDot,
  kScanBlankDash,
  kScanPlus,
  kScanSlash,
  kScanColon,
  kScanToken,
  kScanWide,
  kScanClasses
};

constexpr bool in_class(unsigned char c, unsigned which) noexcept {
  const auto in = [c](std::string_view set) {
    for (const char x : set) {
      if (static_cast<unsigned char>(x) == c) return true;
    }
    return false;
  };
  switch (which) {
    case kScanWord:
      return (kClasses[c] & kWord) != 0;
    case kScanDigit:
      return c >= '0' && c <= '9';
    case kScanHex:
      return (kClasses[c] & kHex) != 0;
    case kScanUpper:
      return c >= 'A' && c <= 'Z';
    case kScanKeyEnd:
      return in("dslntyeDSLNTYE");
    case kScanGlue:
      return in("\"' \\");  // may stand between a name and its separator
    case kScanSeparator:
      return in("=:");
    case kScanAt:
      return in("@%");
    case kScanDot:
      return c == '.';
    case kScanBlankDash:
      return in(" -");
    case kScanPlus:
      return in("+(");
    case kScanSlash:
      return c == '/';
    case kScanColon:
      return c == ':';
    case kScanToken:  // of which keys and web tokens are made
      return (kClasses[c] & (kAlpha | kDigit)) != 0 || in("_-.");
    case kScanWide:  // of which bearer tokens are made
      return (kClasses[c] & (kAlpha | kDigit)) != 0 || in("_-.~+/");
    default:
      return false;
  }
}

inline std::uint64_t after(std::uint64_t before, std::uint64_t now, unsigned k) noexcept {
  return (now << k) | (before >> (64 - k));  // bit i: position i - k
}
inline std::uint64_t ahead(std::uint64_t now, std::uint64_t next, unsigned k) noexcept {
  return (now >> k) | (next << (64 - k));  // bit i: position i + k
}
// First bits of runs of at least 1 + a + b + c + d set bits.
inline std::uint64_t runs(std::uint64_t before, std::uint64_t now, std::uint64_t next, unsigned a,
                          unsigned b, unsigned c, unsigned d) noexcept {
  __extension__ unsigned __int128 x = next;
  x = (x << 64) | now;
  const auto all = x;
  x &= x >> a;
  x &= x >> b;
  x &= x >> c;
  x &= x >> d;
  return static_cast<std::uint64_t>(x) & ~after(before, static_cast<std::uint64_t>(all), 1);
}

inline std::uint64_t combine(const Bits& p, const Bits& c, const Bits& n,
                             unsigned wanted) noexcept {
  std::uint64_t out = 0;
  if ((wanted & kFindAt) != 0) out |= c.at & after(p.word, c.word, 1) & ahead(c.word, n.word, 1);
  if ((wanted & kFindDigits) != 0) {
    const auto number = [](const Bits& l, const Bits& m, const Bits& r) {
      return m.digit | (m.blank_dash & after(l.digit, m.digit, 1) & ahead(m.digit, r.digit, 1));
    };
    const std::uint64_t here = number(p, c, n);
    // The last bit of the block before and the blocks ahead, as far as they decide.
    const std::uint64_t before =
        p.digit | (p.blank_dash & after(0, p.digit, 1) & ahead(p.digit, c.digit, 1));
    const std::uint64_t next =
        n.digit | (n.blank_dash & after(c.digit, n.digit, 1) & (n.digit >> 1));
    out |= runs(before, here, next, 1, 2, 4, 5);
  }
  if ((wanted & kFindIban) != 0) {
    out |= c.upper & ahead(c.upper, n.upper, 1) & ahead(c.digit, n.digit, 2) &
           ahead(c.digit, n.digit, 3);
  }
  if ((wanted & kFindWords) != 0) {
    out |= runs(p.token, c.token, n.token, 1, 2, 4, 7);
    out |= runs(p.wide, c.wide, n.wide, 1, 2, 4, 8);
  }
  if ((wanted & kFindSecrets) != 0) {
    const std::uint64_t g1 = after(p.glue, c.glue, 1);
    const std::uint64_t g2 = g1 & after(p.glue, c.glue, 2);
    const std::uint64_t g3 = g2 & after(p.glue, c.glue, 3);
    const std::uint64_t g4 = g3 & after(p.glue, c.glue, 4);
    out |= c.separator &
           (after(p.key_end, c.key_end, 1) | (g1 & after(p.key_end, c.key_end, 2)) |
            (g2 & after(p.key_end, c.key_end, 3)) | (g3 & after(p.key_end, c.key_end, 4)) |
            (g4 & after(p.key_end, c.key_end, 5)) |
            (ahead(c.slash, n.slash, 1) & ahead(c.slash, n.slash, 2)));
    out |= c.blank_dash & ahead(c.blank_dash, n.blank_dash, 1) &
           ahead(c.blank_dash, n.blank_dash, 2) & ~after(p.blank_dash, c.blank_dash, 1);
  }
  if ((wanted & kFindPhone) != 0) out |= c.plus & ahead(c.digit, n.digit, 1);
  if ((wanted & kFindIp) != 0) {
    out |= c.dot & after(p.digit, c.digit, 1) & ahead(c.digit, n.digit, 1);
    out |= c.colon & ahead(c.colon, n.colon, 1);
    out |= runs(p.hex | p.colon, c.hex | c.colon, n.hex | n.colon, 1, 2, 4, 7);
  }
  return out;
}

// Classify(p) gives the bits of 64 bytes.
template <class Classify>
inline void scan(const char* data, std::size_t size, unsigned wanted, std::uint64_t* bits,
                 const Classify& classify) noexcept {
  const std::size_t blocks = (size + 63) / 64;
  if (blocks == 0) return;
  const auto load = [&](std::size_t b, Bits& to) noexcept {
    if (b * 64 + 64 <= size) {
      to = classify(data + b * 64);
    } else if (b >= blocks) {
      to = Bits{};
    } else {
      char tail[64] = {};  // NUL is in no class
      __builtin_memcpy(tail, data + b * 64, size - b * 64);
      to = classify(tail);
    }
  };
  // Three blocks that take turns: they are large, and are not copied.
  Bits before{};
  Bits now;
  Bits next;
  load(0, now);
  for (std::size_t b = 0;;) {
    load(b + 1, next);
    bits[b] = combine(before, now, next, wanted);
    if (++b >= blocks) break;
    load(b + 1, before);
    bits[b] = combine(now, next, before, wanted);
    if (++b >= blocks) break;
    load(b + 1, now);
    bits[b] = combine(next, before, now, wanted);
    if (++b >= blocks) break;
  }
}

}  // namespace
}  // namespace logforest::normalize::detail
