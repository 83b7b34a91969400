// Detection: any head of a source gets an answer with a confidence in [0, 1].
#include "fuzz.hpp"
#include "logforest/parse/registry.hpp"

using namespace logforest;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const parse::Detected found = parse::detect_format(fuzz::view(data, size));
  fuzz::require(found.confidence >= 0 && found.confidence <= 1, "confidence out of range");
  const parse::Detected again = parse::detect_format(fuzz::view(data, size));
  fuzz::require(found.format == again.format, "detection is not stable");
  return 0;
}
