#include "logforest/io/block_codec.hpp"

#include <zstd.h>

#include <memory>
#include <new>
#include <string>

#include "logforest/base/error.hpp"

namespace logforest::io {

namespace {
// The lowest ordinary level: a sixth of the bytes for little more work than the fastest ones.
constexpr int kLevel = 1;
constexpr int kHashLog = 12;  // its table stays in the first cache beside the text
constexpr std::size_t kWorthwhile = 256;

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
};

[[noreturn]] void damaged(const std::string& why) {
  throw ConfigError("the block is damaged: " + why);
}

std::unique_ptr<ZSTD_CCtx, FreeContext> make_compressor() {
  std::unique_ptr<ZSTD_CCtx, FreeContext> context(ZSTD_createCCtx());
  if (!context) throw std::bad_alloc();
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_hashLog, kHashLog);
  return context;
}
}  // namespace

std::string_view compress_block(std::string_view raw, Buffer<char>& out) {
  if (raw.size() < kWorthwhile || raw.size() > kMaxBlockBytes) return {};
  static thread_local const auto context = make_compressor();
  const std::size_t most = ZSTD_compressBound(raw.size());
  out.clear();
  const std::size_t size =
      ZSTD_compress2(context.get(), out.room(most), most, raw.data(), raw.size());
  if (ZSTD_isError(size) != 0 || size >= raw.size()) return {};
  return {out.data(), size};
}

std::size_t unpacked_size(std::string_view codec, std::string_view packed) {
  if (codec != kBlockCodec) {
    throw ConfigError("the block is compressed with '" + std::string(codec.substr(0, 40)) +
                      "'; this version knows zstd");
  }
  const unsigned long long size = ZSTD_getFrameContentSize(packed.data(), packed.size());
  if (size == ZSTD_CONTENTSIZE_ERROR) damaged("no Zstandard frame");
  if (size == ZSTD_CONTENTSIZE_UNKNOWN) damaged("its frame does not name its size");
  if (size > kMaxBlockBytes) {
    throw ConfigError("the block would decompress to " + std::to_string(size) + " bytes; at most " +
                      std::to_string(kMaxBlockBytes) + " are taken");
  }
  return static_cast<std::size_t>(size);
}

void unpack_block(std::string_view packed, char* out, std::size_t size) {
  static thread_local const std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
  const std::size_t got =
      ZSTD_decompressDCtx(context.get(), out, size, packed.data(), packed.size());
  if (ZSTD_isError(got) != 0) damaged(ZSTD_getErrorName(got));
  if (got != size) {
    damaged("it holds " + std::to_string(got) + " bytes and names " + std::to_string(size));
  }
}

}  // namespace logforest::io
