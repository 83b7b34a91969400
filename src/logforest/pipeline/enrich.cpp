#include "logforest/pipeline/enrich.hpp"

#include "logforest/classify/categoriser.hpp"
#include "logforest/normalize/fingerprint.hpp"

namespace logforest {

void enrich(RecordBatch& batch, const EnrichOptions& options) {
  if (options.masker) options.masker->mask(batch);
  if (options.template_id) {
    batch.message.finish(batch.rows);
    batch.template_id.clear();
    // Room behind the last message: every message may be read a little further.
    if (batch.message.data().size() != 0) {
      (void)batch.message.buffer().room(kFingerprintPadding);
    }
    const std::size_t readable = batch.message.data().size() != 0 ? kFingerprintPadding : 0;
    Buffer<std::int64_t>& out = batch.template_id.mutable_values();
    std::int64_t* const ids = out.room(batch.rows);
    for (std::size_t row = 0; row < batch.rows; ++row) {
      ids[row] = fingerprint(batch.message[row], readable);
    }
    out.advance(batch.rows);
  }
  if (options.categorise) {
    options.categorise(batch);
  } else if (options.category && options.template_id) {
    if (const auto categoriser = classify::default_categoriser()) (*categoriser)(batch);
  }
}

}  // namespace logforest
