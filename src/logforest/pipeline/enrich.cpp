#include "logforest/pipeline/enrich.hpp"

#include "logforest/normalize/fingerprint.hpp"

namespace logforest {

void enrich(RecordBatch& batch, const EnrichOptions& options) {
  if (options.template_id) {
    batch.message.finish(batch.rows);
    batch.template_id.clear();
    for (std::size_t row = 0; row < batch.rows; ++row) {
      batch.template_id.set(row, fingerprint(batch.message[row]));
    }
  }
  if (options.categorise) options.categorise(batch);
}

}  // namespace logforest
