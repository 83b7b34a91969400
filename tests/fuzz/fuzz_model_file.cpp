// Model files: whatever the bytes, the reader takes them or throws ModelError. The first byte
// picks the kind and whether the rest is sealed first, so that the checksum does not keep the
// fuzzer out.
#include "fuzz.hpp"
#include "logforest/base/container.hpp"
#include "logforest/base/error.hpp"
#include "logforest/features/extractor.hpp"
#include "logforest/templates/miner.hpp"

using namespace logforest;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view body = fuzz::view(data + 1, size - 1);
  try {
    if (data[0] % 2 == 0) {
      const std::string bytes =
          data[0] % 4 == 0 ? seal("template miner", 1, body) : std::string(body);
      const auto miner = templates::Miner::load(bytes);
      const std::string saved = miner->save();
      fuzz::require(templates::Miner::load(saved)->save() == saved, "the miner changes on its way");
    } else {
      (void)features::FeatureExtractor::load(body);
    }
  } catch (const ModelError&) {
  } catch (const ConfigError&) {
  }
  return 0;
}
