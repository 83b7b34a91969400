// Query results (binary format) as Arrow tables and as record batches.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "logforest/io/pg_connection.hpp"
#include "logforest/record/arrow_export.hpp"

namespace logforest::io {

struct QueryTable {
  arrow::Schema schema;
  std::vector<arrow::Chunk> chunks;
};

// bool, int2/4/8, oid -> integers; float4/8, numeric -> double (numeric rounds to it);
// text, varchar, bpchar, name, json, jsonb, uuid -> utf8; bytea -> binary; timestamp(tz) -> us UTC;
// date -> days. Columns of any other type are fetched as text.
[[nodiscard]] QueryTable query_arrow(PgConnection& pg, const std::string& sql,
                                     std::span<const PgParam> params);

// For statements whose columns are those of log_column_list, in that order, level and category as
// text.
[[nodiscard]] std::shared_ptr<RecordBatch> query_records(PgConnection& pg, const std::string& sql,
                                                         std::span<const PgParam> params);

}  // namespace logforest::io
