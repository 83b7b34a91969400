// What is added to parsed records, chunk by chunk in the thread that parsed them: masking of
// personal data (if asked), then the fingerprint of the message, then the category.
#pragma once

#include <functional>
#include <memory>

#include "logforest/normalize/mask.hpp"
#include "logforest/record/record_batch.hpp"

namespace logforest {

struct EnrichOptions {
  // Null: nothing is masked. Shared by all threads; it never changes. Rejected lines are masked
  // by whoever holds the reject table, with the same masker.
  std::shared_ptr<const normalize::Masker> masker;
  bool template_id = true;
  // Category by the model of this process (classify/categoriser.hpp), unless `categorise` is set.
  bool category = true;
  // Sets RecordBatch::category; sees template_id. Called from several threads at once.
  std::function<void(RecordBatch&)> categorise;
};

// Columns may be finished or not; template_id is overwritten. Not thread safe for one batch.
void enrich(RecordBatch& batch, const EnrichOptions& options);

}  // namespace logforest
