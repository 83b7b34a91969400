// The bytes of a block on their way through Redis: Zstandard frames (RFC 8878) that name the size
// of what they hold.
//
// Redis handles each byte of a block about ten times (script, stream, append-only file, one reply a
// group); compressing once and decompressing once a group costs less.
#pragma once

#include <cstddef>
#include <string_view>

#include "logforest/base/buffer.hpp"

namespace logforest::io {

inline constexpr std::string_view kBlockCodec = "zstd";
// What one block may hold: Redis itself takes no larger value.
inline constexpr std::size_t kMaxBlockBytes = std::size_t{512} << 20;

// The compressed form, in `out`; empty when it would not be smaller, or the block is too large.
[[nodiscard]] std::string_view compress_block(std::string_view raw, Buffer<char>& out);

// How many bytes `packed` says it holds. ConfigError: unknown codec, damaged, or above the limit.
[[nodiscard]] std::size_t unpacked_size(std::string_view codec, std::string_view packed);

// Writes exactly unpacked_size() bytes. ConfigError: damaged, or it holds another number of bytes.
void unpack_block(std::string_view packed, char* out, std::size_t size);

}  // namespace logforest::io
