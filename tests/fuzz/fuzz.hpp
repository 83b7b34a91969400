// What the fuzz targets share. A property that does not hold ends the program with both sides.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "logforest/record/record_batch.hpp"

namespace logforest::fuzz {

inline void require(bool holds, const char* what, std::string_view a = {},
                    std::string_view b = {}) {
  if (holds) return;
  std::fprintf(stderr, "%s\n--- one\n%.*s\n--- other\n%.*s\n---\n", what,
               static_cast<int>(a.size()), a.data(), static_cast<int>(b.size()), b.data());
  std::abort();
}

inline std::string_view view(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Everything a batch says, as text: equal texts, equal batches.
inline std::string describe(const LogBatch& batch) {
  std::string out;
  const auto text = [&out](const auto& column, std::size_t row) {
    out += column.is_valid(row) ? "'" + std::string(column[row]) + "' " : std::string("null ");
  };
  const auto number = [&out](const auto& column, std::size_t row) {
    out += column.is_valid(row) ? std::to_string(column[row]) + " " : std::string("null ");
  };
  for (const auto& chunk : batch.chunks) {
    const RecordBatch& b = *chunk;
    for (std::size_t r = 0; r < b.rows; ++r) {
      number(b.timestamp, r), number(b.level, r), number(b.status_code, r);
      number(b.response_time, r), number(b.template_id, r);
      text(b.tenant, r), text(b.service, r), text(b.source, r), text(b.message, r);
      text(b.endpoint, r), text(b.method, r), text(b.ip_address, r), text(b.user_id, r);
      text(b.trace_id, r), text(b.span_id, r), text(b.metadata, r);
      out += '\n';
    }
  }
  const RejectTable& rejects = *batch.rejected;
  for (std::size_t r = 0; r < rejects.size(); ++r) {
    out += "reject ";
    number(rejects.line, r), number(rejects.offset, r), number(rejects.reason, r);
    text(rejects.text, r);
    out += '\n';
  }
  const LineCounts& c = batch.counts;
  out += batch.format + " " + std::to_string(c.lines) + " " + std::to_string(c.records) + " " +
         std::to_string(c.rejected) + " " + std::to_string(c.continuation) + " " +
         std::to_string(c.blank) + " " + std::to_string(c.ambiguous_dates) + " " +
         std::to_string(c.repaired_bytes);
  return out;
}

}  // namespace logforest::fuzz
