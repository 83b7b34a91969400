// The line ends of a block of text, and whether it holds bytes that need care, in one pass.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "logforest/parse/scan_padded.hpp"

namespace logforest::parse {

struct LineEnds {
  static constexpr std::size_t kBlock = std::size_t{1} << 12;  // stays in the first-level cache
  static constexpr std::size_t kPiece = 64;

  [[nodiscard]] std::size_t last() const noexcept { return at[count - 1]; }
  // Whether there are bytes above 0x7f in [begin, end) or near it.
  [[nodiscard]] bool high_near(std::size_t begin, std::size_t end) const noexcept {
    const std::uint64_t from = ~std::uint64_t{0} << (begin / kPiece);
    return (high & from & (~std::uint64_t{0} >> (63 - end / kPiece))) != 0;
  }

  std::uint64_t high = 0;  // pieces with bytes above 0x7f
  std::size_t count = 0;
  std::array<std::uint16_t, kBlock + 8> at;  // from the block's start
};

struct ByteKinds {
  bool high = false;  // above 0x7f
  bool nul = false;
  bool escape = false;
};

// `block` is at most kBlock bytes, with 63 readable ones behind it.
[[nodiscard]] inline ByteKinds find_line_ends(std::string_view block, LineEnds& out) noexcept {
  using namespace scan;
  const char* const p = block.data();
  Bytes nul = is(load(p), '\0');
  Bytes escape = is(load(p), '\x1b');
  std::uint16_t* to = out.at.data();
  out.high = 0;
  for (std::size_t i = 0; i < block.size(); i += LineEnds::kPiece) {
    __builtin_prefetch(p + i + LineEnds::kBlock);
    const Bytes v[] = {load(p + i), load(p + i + 16), load(p + i + 32), load(p + i + 48)};
    std::uint64_t ends = 0;
    for (unsigned j = 0; j < 4; ++j) {
      nul = either(nul, is(v[j], '\0'));
      escape = either(escape, is(v[j], '\x1b'));
      ends |= std::uint64_t{bits(is(v[j], '\n'))} << (16 * j);
    }
    const bool high = bits(either(either(v[0], v[1]), either(v[2], v[3]))) != 0;
    out.high |= std::uint64_t{high} << (i / LineEnds::kPiece);
    if (block.size() - i < LineEnds::kPiece) ends &= ~(~std::uint64_t{0} << (block.size() - i));
    // Most pieces have one or none: two are written without asking.
    const std::uint64_t second = ends & (ends - 1);
    const std::uint64_t third = second & (second - 1);
    to[0] = static_cast<std::uint16_t>(i + static_cast<unsigned>(std::countr_zero(ends)));
    to[1] = static_cast<std::uint16_t>(i + static_cast<unsigned>(std::countr_zero(second)));
    to += static_cast<unsigned>(ends != 0) + static_cast<unsigned>(second != 0);
    for (std::uint64_t rest = third; rest != 0; rest &= rest - 1)
      [[unlikely]]* to++ =
          static_cast<std::uint16_t>(i + static_cast<unsigned>(std::countr_zero(rest)));
  }
  out.count = static_cast<std::size_t>(to - out.at.data());
  return {out.high != 0, bits(nul) != 0, bits(escape) != 0};
}

}  // namespace logforest::parse
