// Fingerprints: a template is its own template, the kernels agree, sizes are bounded.
#include "fuzz.hpp"
#include "logforest/normalize/byte_masks.hpp"
#include "logforest/normalize/fingerprint.hpp"

using namespace logforest;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string message(fuzz::view(data, size));
  std::string once;
  template_text(message, once);
  fuzz::require(once.size() <= kMaxTemplateBytes, "template too long");
  const std::int64_t id = fingerprint(message);
  fuzz::require(id >= 0 && id < (std::int64_t{1} << 53), "fingerprint out of range");
  std::vector<std::uint64_t> w(size / 64 + 1), t(size / 64 + 1), w2(w), t2(t);
  normalize::byte_masks(message.data(), size, w.data(), t.data());
  normalize::detail::byte_masks_portable(message.data(), size, w2.data(), t2.data());
  fuzz::require(w == w2 && t == t2, "kernels differ");
  return 0;
}
