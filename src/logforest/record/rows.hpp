// Rows of batches: joining, splitting, slices.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "logforest/record/record_batch.hpp"

namespace logforest {

// A copy of rows [begin, begin + count).
[[nodiscard]] std::shared_ptr<RecordBatch> slice(const RecordBatch& from, std::size_t begin,
                                                 std::size_t count);
// Chunks are shared; rejects and counts add up; `format` is "mixed" unless all agree.
[[nodiscard]] LogBatch concat(std::span<const LogBatch* const> parts);
// The first `rows` rows and the rest. Rejects and counts go with the first part, records are
// counted where they are.
[[nodiscard]] std::pair<LogBatch, LogBatch> split(const LogBatch& batch, std::size_t rows);

}  // namespace logforest
