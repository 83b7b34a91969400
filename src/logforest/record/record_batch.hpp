// One columnar batch of log records: the one object from parse to commit (DESIGN: the record).
//
// Memory: every column owns its buffers; export to Arrow shares them without a copy and keeps the
// batch alive. A batch that was exported must not be changed any more. Not thread safe: one
// writer at a time, any number of readers once finished.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "logforest/base/error.hpp"
#include "logforest/record/columns.hpp"
#include "logforest/record/level.hpp"

namespace logforest {

// How much a batch holds: what the next one of the same source will need.
struct BatchShape {
  static constexpr std::size_t kColumns = 19;
  double rows = 0;
  std::array<bool, kColumns> used{};     // whether anything is in it
  std::array<double, kColumns> bytes{};  // of the texts of a Utf8Column
};

struct RecordBatch {
  std::size_t rows = 0;

  FixedColumn<std::int64_t> id;  // below 2^53
  DictColumn tenant;
  FixedColumn<std::int64_t> timestamp;  // microseconds since 1970, UTC; never null
  FixedColumn<std::uint8_t> level;      // Level; never null
  DictColumn service;
  DictColumn source;
  Utf8Column message;  // never null
  Utf8Column endpoint;
  DictColumn method;
  FixedColumn<std::int16_t> status_code;
  FixedColumn<double> response_time;  // milliseconds
  Utf8Column ip_address;
  Utf8Column user_id;
  Utf8Column trace_id;
  Utf8Column span_id;
  FixedColumn<std::uint8_t> category;     // Category
  FixedColumn<std::int64_t> template_id;  // fingerprint of the masked message
  Utf8Column metadata;                    // a JSON object of all other fields
  FixedColumn<std::int64_t> created_at;   // microseconds since 1970, UTC

  // Calls f(column) for each column in the order above.
  template <class F>
  void for_each_column(F&& f) {
    f(id), f(tenant), f(timestamp), f(level), f(service), f(source), f(message), f(endpoint);
    f(method), f(status_code), f(response_time), f(ip_address), f(user_id), f(trace_id);
    f(span_id), f(category), f(template_id), f(metadata), f(created_at);
  }

  // Pads every column to `rows`; needed once before reading columns by row or exporting.
  void finish() {
    for_each_column([this](auto& column) { column.finish(rows); });
  }
  // Room for `n` rows with as many bytes of text a row as `like` has, so that filling neither
  // copies nor touches more memory than the batch needs. Only a hint.
  void reserve(const BatchShape& like, std::size_t n) {
    const double scale = like.rows == 0 ? 0.0 : static_cast<double>(n) / like.rows;
    std::size_t at = 0;
    for_each_column([&](auto& column) {
      const std::size_t i = at++;
      if (!like.used[i]) return;
      if constexpr (std::is_same_v<std::remove_cvref_t<decltype(column)>, Utf8Column>) {
        column.reserve(n, static_cast<std::size_t>(scale * like.bytes[i]));
      } else {
        column.reserve(n);
      }
    });
  }
  [[nodiscard]] BatchShape shape() {
    BatchShape out{static_cast<double>(rows), {}, {}};
    std::size_t at = 0;
    for_each_column([&](auto& column) {
      out.used[at] = column.used();
      if constexpr (std::is_same_v<std::remove_cvref_t<decltype(column)>, Utf8Column>) {
        out.bytes[at] = static_cast<double>(column.data().size());
      }
      ++at;
    });
    return out;
  }
  // Forgets what was set for the row `rows` (a record that turned out to be malformed).
  void abandon_row() {
    for_each_column([this](auto& column) { column.truncate(rows); });
  }
  void clear() noexcept {
    for_each_column([](auto& column) { column.clear(); });
    rows = 0;
  }
};

// Rejected lines are data. `text` is capped (ParseOptions::max_reject_text) and masked.
struct RejectTable {
  FixedColumn<std::int64_t> line;    // 1-based line number in its source
  FixedColumn<std::int64_t> offset;  // byte offset of the line in its source
  FixedColumn<std::uint8_t> reason;  // Reject
  Utf8Column text;
  Utf8Column file;  // the path that was read; null for text from memory and streams

  void add(std::int64_t line_number, std::int64_t byte_offset, Reject why,
           std::string_view line_text, std::string_view path = {}) {
    const std::size_t row = size();
    line.set(row, line_number);
    offset.set(row, byte_offset);
    reason.set(row, static_cast<std::uint8_t>(why));
    text.set(row, line_text);
    if (!path.empty()) file.set(row, path);
    file.finish(row + 1);
  }
  // Those of a part that begins behind `lines` lines; without a file of their own they get `path`.
  void append(const RejectTable& from, std::int64_t lines = 0, std::string_view path = {}) {
    for (std::size_t i = 0; i < from.size(); ++i) {
      add(from.line[i] + lines, from.offset[i], static_cast<Reject>(from.reason[i]), from.text[i],
          from.file.is_valid(i) ? from.file[i] : path);
    }
  }
  [[nodiscard]] std::size_t size() const noexcept { return line.size(); }
};

// What a reader did with its lines: lines == records + rejected + continuation + blank, except
// that one line may hold several records (a JSON array) and JSON may span lines.
struct LineCounts {
  std::int64_t lines = 0;
  std::int64_t records = 0;
  std::int64_t rejected = 0;
  std::int64_t continuation = 0;  // lines joined to the record before them
  std::int64_t blank = 0;
  std::int64_t ambiguous_dates = 0;  // day/month order decided by ParseOptions::day_first
  std::int64_t repaired_bytes = 0;   // ill-formed UTF-8 sequences replaced by U+FFFD

  LineCounts& operator+=(const LineCounts& o) noexcept {
    lines += o.lines;
    records += o.records;
    rejected += o.rejected;
    continuation += o.continuation;
    blank += o.blank;
    ambiguous_dates += o.ambiguous_dates;
    repaired_bytes += o.repaired_bytes;
    return *this;
  }
};

// The unit Python sees: chunks in input order, rejects, counts, the format that was used.
struct LogBatch {
  std::vector<std::shared_ptr<RecordBatch>> chunks;
  std::shared_ptr<RejectTable> rejected = std::make_shared<RejectTable>();
  LineCounts counts;
  std::string format;  // name of the format, "mixed" if it changed within the source

  [[nodiscard]] std::size_t num_rows() const noexcept {
    std::size_t n = 0;
    for (const auto& chunk : chunks) n += chunk->rows;
    return n;
  }
};

}  // namespace logforest
