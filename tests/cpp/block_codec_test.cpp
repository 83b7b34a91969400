// Blocks on their way through Redis: what comes out is what went in, or a reason.
#include "logforest/io/block_codec.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "logforest/base/error.hpp"

namespace logforest::io {
namespace {

std::string compressed(std::string_view raw) {
  Buffer<char> out;
  return std::string(compress_block(raw, out));
}

std::string unpack(std::string_view packed) {
  std::string out(unpacked_size(kBlockCodec, packed), '\0');
  unpack_block(packed, out.data(), out.size());
  return out;
}

std::string reason_of(std::string_view codec, std::string_view packed) {
  try {
    std::string out(unpacked_size(codec, packed), '\0');
    unpack_block(packed, out.data(), out.size());
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

std::string sample(std::size_t lines) {
  std::string out;
  for (std::size_t i = 0; i < lines; ++i) {
    out += "{\"message\":\"order " + std::to_string(i * 7919) + "\"}\n";
  }
  return out;
}

TEST(BlockCodec, GivesBackWhatWentIn) {
  for (const std::size_t lines : {20U, 1000U, 40000U}) {
    const std::string raw = sample(lines);
    const std::string packed = compressed(raw);
    ASSERT_FALSE(packed.empty());
    EXPECT_LT(packed.size(), raw.size() / 2);
    EXPECT_EQ(unpack(packed), raw);
  }
}

TEST(BlockCodec, LeavesAloneWhatWouldNotShrink) {
  EXPECT_EQ(compressed(""), "");
  EXPECT_EQ(compressed("short"), "");
  EXPECT_EQ(compressed(compressed(sample(1000))), "");
}

TEST(BlockCodec, DamageHasAReason) {
  const std::string raw = sample(1000);
  const std::string packed = compressed(raw);
  EXPECT_NE(reason_of("lz4", packed).find("'lz4'"), std::string::npos);
  EXPECT_NE(reason_of(kBlockCodec, "").find("damaged"), std::string::npos);
  EXPECT_NE(reason_of(kBlockCodec, raw).find("no Zstandard frame"), std::string::npos);
  EXPECT_NE(reason_of(kBlockCodec, packed + "tail").find("damaged"), std::string::npos);
  EXPECT_NE(reason_of(kBlockCodec, packed + packed).find("damaged"), std::string::npos);
  for (std::size_t size = 0; size < packed.size(); size += 97) {
    EXPECT_NE(reason_of(kBlockCodec, std::string_view(packed).substr(0, size)), "") << size;
  }
  // Behind the header (sizes have their own test): no flipped byte may write outside of the buffer;
  // the sanitizers look on.
  for (std::size_t at = 16; at < packed.size(); at += 13) {
    std::string flipped = packed;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x5a);
    (void)reason_of(kBlockCodec, flipped);
  }
}

TEST(BlockCodec, SizesAreBounded) {
  // RFC 8878: magic, descriptor of a single segment with an 8-byte size, the size.
  std::string bomb("\x28\xb5\x2f\xfd\xe0", 5);
  const std::uint64_t size = std::uint64_t{1} << 40;
  for (int i = 0; i < 8; ++i) bomb.push_back(static_cast<char>((size >> (8 * i)) & 0xff));
  bomb += std::string("\x01\x00\x00", 3);
  EXPECT_NE(reason_of(kBlockCodec, bomb).find("at most"), std::string::npos);
  const std::string unnamed("\x28\xb5\x2f\xfd\x00\x00\x01\x00\x00", 9);
  EXPECT_NE(reason_of(kBlockCodec, unnamed).find("does not name its size"), std::string::npos);
}

}  // namespace
}  // namespace logforest::io
