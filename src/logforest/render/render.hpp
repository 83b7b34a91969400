// Records as text: NDJSON for APIs and pipes, CSV for spreadsheets.
//
// Log text is hostile. JSON output escapes every control character, so that a terminal shows it
// harmlessly; CSV cells that a spreadsheet would take for a formula are defused with a leading
// apostrophe (OWASP, CSV injection).
#pragma once

#include <cstddef>
#include <string>

#include "logforest/record/record_batch.hpp"

namespace logforest::render {

// Appends rows [begin, end) of a finished batch, one JSON object and '\n' each. Absent fields are
// null, metadata is an object, times are ISO 8601 in UTC.
void append_ndjson(const RecordBatch& batch, std::size_t begin, std::size_t end, std::string& out);

// Appends the header line of append_csv.
void append_csv_header(std::string& out);
// Appends rows as RFC 4180 CSV.
void append_csv(const RecordBatch& batch, std::size_t begin, std::size_t end, std::string& out);

// 2026-11-21T13:38:31.123456Z
void append_iso8601(std::int64_t us, std::string& out);

}  // namespace logforest::render
