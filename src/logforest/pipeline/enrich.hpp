// What is added to parsed records, chunk by chunk in the thread that parsed them: masking of
// personal data (if asked), then the fingerprint of the message, then the category.
#pragma once

#include <functional>

#include "logforest/record/record_batch.hpp"

namespace logforest {

struct EnrichOptions {
  bool template_id = true;
  // Category by the model of this process (classify/categoriser.hpp), unless `categorise` is set.
  bool category = true;
  // Sets RecordBatch::category; sees template_id. Called from several threads at once.
  std::function<void(RecordBatch&)> categorise;
};

// Columns may be finished or not; template_id is overwritten. Not thread safe for one batch.
void enrich(RecordBatch& batch, const EnrichOptions& options);

}  // namespace logforest
