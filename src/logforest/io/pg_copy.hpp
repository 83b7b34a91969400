// Binary COPY of record batches, rejects and Arrow tables into Postgres.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "logforest/io/pg_connection.hpp"
#include "logforest/io/pg_encode.hpp"
#include "logforest/record/arrow_abi.hpp"
#include "logforest/record/record_batch.hpp"
#include "logforest/search/segment.hpp"

namespace logforest::io {

// Streams rows through encoders in windows; one instance per COPY statement.
class BinaryCopy {
 public:
  explicit BinaryCopy(PgConnection::CopySink& sink);
  void rows(const std::vector<Encoder>& columns, std::size_t rows);
  void finish();

 private:
  void drain();
  PgConnection::CopySink& sink_;
  std::string buffer_;
  std::vector<std::uint32_t> sizes_;
  std::vector<char*> cursors_;
};

// The columns of the table logs in the order record batches are copied.
[[nodiscard]] const std::string& log_column_list();
[[nodiscard]] std::vector<Encoder> record_encoders(const RecordBatch& batch);

// COPY of all chunks into `table` (the columns of log_column_list). Returns the rows stored.
std::int64_t copy_records(PgConnection& pg, const std::string& table, const LogBatch& batch);

// COPY of search segments into log_segments.
void copy_segments(PgConnection& pg, const std::vector<search::Segment>& segments);

// COPY of an Arrow stream; columns are matched by name. Arrow types map to: l L I int8; i int4;
// s C c S int2 (S int4); g float8; f float4; b bool; u U text or json; z Z bytea; tsu timestamptz;
// dictionary of u text. Throws ConfigError on others.
std::int64_t copy_arrow(PgConnection& pg, const std::string& table, ArrowArrayStream* stream);

}  // namespace logforest::io
