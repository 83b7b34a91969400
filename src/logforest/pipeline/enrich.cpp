#include "logforest/pipeline/enrich.hpp"

#include "logforest/classify/categoriser.hpp"
#include "logforest/normalize/fingerprint.hpp"

namespace logforest {

void enrich(RecordBatch& batch, const EnrichOptions& options) {
  if (options.masker) options.masker->mask(batch);
  if (options.template_id) {
    batch.message.finish(batch.rows);
    batch.template_id.clear();
    for (std::size_t row = 0; row < batch.rows; ++row) {
      batch.template_id.set(row, fingerprint(batch.message[row]));
    }
  }
  if (options.categorise) {
    options.categorise(batch);
  } else if (options.category && options.template_id) {
    if (const auto categoriser = classify::default_categoriser()) (*categoriser)(batch);
  }
}

}  // namespace logforest
