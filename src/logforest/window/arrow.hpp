// Aggregates as Arrow tables, and back.
#pragma once

#include "logforest/record/arrow_export.hpp"
#include "logforest/window/aggregate.hpp"

namespace logforest::window {

struct Table {
  arrow::Schema schema;
  arrow::Chunk chunk;
};

// What people read: window_start, keys, count, error_count, error_rate, response_time_{mean, std,
// min, max, p50, p95, p99} (ms; null where no record has one), window_end; and `state` if asked.
[[nodiscard]] Table result_table(const Aggregate& windows, bool state);

// What stores keep: window_start, keys, count, error_count, response_time_{count, sum, sumsq, min,
// max}, state. `state` holds all of response_time exactly; the columns beside it are for SQL.
[[nodiscard]] Table partials_table(const Aggregate& windows);

// Reads window_start, the keys of `spec`, count, error_count and state from either table; rows of
// the same window and keys are merged. Types: timestamp[us] or int64; utf8; int64; int64; binary.
// Throws ConfigError on missing columns, other types and damaged states.
[[nodiscard]] Aggregate from_arrow(ArrowArrayStream* stream, const Spec& spec);

}  // namespace logforest::window
