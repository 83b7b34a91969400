// Bytes of a digest (digest.hpp): a length and two zstd frames.
//
//   uint32   bytes of the first frame; the version in its highest bits
//   frame 1  uint32 bytes of the rare words; these, each ended by NUL
//            the distinct texts, each ended by NUL
//   frame 2  uint32 count of marks (short numbers and rare words)
//            for each record its text: low bytes, then high bytes
//            what stands at the marks, text by text: the first of all its records, their second,
//            ...: low bytes, then high bytes; words follow the codes of numbers
//            varints: unit of times in microseconds; for each record the difference to the one
//            before, in units, zigzag
//
// Integers are little-endian. Version 2 had no rare words: frame 1 was its texts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace logforest::search {

inline constexpr std::uint32_t kDigestVersionMask = 0xf0000000;
inline constexpr std::uint32_t kDigestVersion = 0x30000000;
inline constexpr std::uint32_t kDigestWithoutWords = 0x20000000;

inline void put_varint(std::string& out, std::uint64_t v) {
  for (; v >= 0x80; v >>= 7) out.push_back(static_cast<char>(v | 0x80));
  out.push_back(static_cast<char>(v));
}
[[nodiscard]] inline bool get_varint(std::string_view& in, std::uint64_t& v) noexcept {
  v = 0;
  for (unsigned shift = 0; shift < 64 && !in.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    v |= std::uint64_t{byte & 0x7fU} << shift;
    if (byte < 0x80) return true;
  }
  return false;
}
[[nodiscard]] constexpr std::uint64_t zigzag(std::int64_t v) noexcept {
  return static_cast<std::uint64_t>(v) << 1 ^ static_cast<std::uint64_t>(v >> 63);
}
[[nodiscard]] constexpr std::int64_t unzigzag(std::uint64_t v) noexcept {
  return static_cast<std::int64_t>(v >> 1 ^ (~(v & 1) + 1));
}

}  // namespace logforest::search
