// Blocks on their way through Redis: what is compressed comes back, other bytes are refused.
#include "fuzz.hpp"
#include "logforest/base/error.hpp"
#include "logforest/io/block_codec.hpp"

using namespace logforest;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view raw = fuzz::view(data, size);
  Buffer<char> packed;
  if (const std::string_view small = io::compress_block(raw, packed); !small.empty()) {
    fuzz::require(small.size() < raw.size(), "compressed, yet not smaller");
    fuzz::require(io::unpacked_size(io::kBlockCodec, small) == raw.size(), "another size");
    std::string back(raw.size(), '\0');
    io::unpack_block(small, back.data(), back.size());
    fuzz::require(back == raw, "other bytes come back");
  }
  try {
    const std::size_t claims = io::unpacked_size(io::kBlockCodec, raw);
    fuzz::require(claims <= io::kMaxBlockBytes, "above the limit");
    if (claims > (1U << 20)) return 0;
    std::string out(claims, '\0');
    io::unpack_block(raw, out.data(), out.size());
  } catch (const ConfigError&) {
  }
  return 0;
}
