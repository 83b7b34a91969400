// Export of columns through the Arrow C interfaces, without copying: each exported array shares
// ownership of the object its buffers live in.
//
// A table is described once (names, types) and then produces one struct array a chunk.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "logforest/record/arrow_abi.hpp"
#include "logforest/record/record_batch.hpp"

namespace logforest::arrow {

// One exported column. Buffers belong to the owner passed to export_array.
struct Column {
  std::int64_t length = 0;
  std::int64_t null_count = 0;
  std::vector<const void*> buffers;          // as the Arrow layout of the type orders them
  std::shared_ptr<const Column> dictionary;  // set for dictionary types
};

struct Field {
  std::string name;
  std::string format;             // Arrow format string; for dictionaries that of the index
  std::string dictionary_format;  // "" unless dictionary encoded
  bool nullable = true;
};

using Schema = std::vector<Field>;

// Fills `out` with a struct schema; the caller releases it.
void export_schema(const Schema& schema, ArrowSchema* out);
// Fills `out` with a struct array of `columns`; `owner` is kept alive until release.
void export_array(std::vector<Column> columns, std::int64_t rows,
                  const std::shared_ptr<const void>& owner, ArrowArray* out);

// One chunk of a stream: its columns, its rows and what keeps the buffers alive.
struct Chunk {
  std::vector<Column> columns;
  std::int64_t rows = 0;
  std::shared_ptr<const void> owner;
};
void export_stream(Schema schema, std::vector<Chunk> chunks, ArrowArrayStream* out);

// --- columns of a batch ------------------------------------------------------------------
template <class T>
[[nodiscard]] Column column(const FixedColumn<T>& c) {
  return {static_cast<std::int64_t>(c.size()),
          c.validity().null_count(),
          {c.validity().data(), c.values().data()},
          nullptr};
}
[[nodiscard]] Column column(const Utf8Column& c);
[[nodiscard]] Column column(const DictColumn& c);

[[nodiscard]] const Schema& record_schema();  // DESIGN section 3, in order
[[nodiscard]] Chunk record_chunk(
    std::shared_ptr<const RecordBatch> batch);  // finished batches only
[[nodiscard]] const Schema& reject_schema();    // line, offset, reason, text
[[nodiscard]] Chunk reject_chunk(std::shared_ptr<const RejectTable> rejects);

// Reads a stream with the record schema (same names and types; missing columns become null,
// unknown ones are refused) into batches of our own. Throws ConfigError on any other type.
[[nodiscard]] std::vector<std::shared_ptr<RecordBatch>> import_records(ArrowArrayStream* stream);

}  // namespace logforest::arrow
