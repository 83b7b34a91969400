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

  [[nodiscard]] std::size_t last() const noexcept { return at[count - 1]; }
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
  Bytes high = load(p);
  Bytes nul = is(high, '\0');
  Bytes escape = is(high, '\x1b');
  std::uint16_t* to = out.at.data();
  for (std::size_t i = 0; i < block.size(); i += 64) {
    std::uint64_t ends = 0;
    for (std::size_t j = 0; j < 64; j += 16) {
      const Bytes v = load(p + i + j);
      high = either(high, v);
      nul = either(nul, is(v, '\0'));
      escape = either(escape, is(v, '\x1b'));
      ends |= std::uint64_t{bits(is(v, '\n'))} << j;
    }
    if (block.size() - i < 64) ends &= ~(~std::uint64_t{0} << (block.size() - i));
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
  return {bits(high) != 0, bits(nul) != 0, bits(escape) != 0};
}

}  // namespace logforest::parse
