#include "logforest/io/pg_copy.hpp"

#include <algorithm>

namespace logforest::io {

namespace {
constexpr std::size_t kWindow = 256;                  // rows encoded at a time: stays in L2
constexpr std::size_t kPiece = std::size_t{1} << 18;  // bytes handed to libpq at a time
constexpr std::string_view kHeader{"PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19};
}  // namespace

BinaryCopy::BinaryCopy(PgConnection::CopySink& sink) : sink_(sink), buffer_(kHeader) {
  buffer_.reserve(kPiece * 2);
}

void BinaryCopy::rows(const std::vector<Encoder>& columns, std::size_t rows) {
  const auto fixed = static_cast<std::uint32_t>(2 + 4 * columns.size());
  for (std::size_t first = 0; first < rows; first += kWindow) {
    const std::size_t n = std::min(kWindow, rows - first);
    sizes_.assign(n, fixed);
    for (const Encoder& column : columns) column->add_sizes(first, sizes_);
    std::size_t total = 0;
    for (const std::uint32_t size : sizes_) total += size;
    const std::size_t start = buffer_.size();
    buffer_.resize(start + total);
    cursors_.resize(n);
    char* at = buffer_.data() + start;
    for (std::size_t i = 0; i < n; ++i) {
      put_be(at, static_cast<std::int16_t>(columns.size()));
      cursors_[i] = at + 2;
      at += sizes_[i];
    }
    for (const Encoder& column : columns) column->write(first, cursors_);
    if (buffer_.size() >= kPiece) drain();
  }
}

void BinaryCopy::drain() {
  sink_.put(buffer_);
  buffer_.clear();
}

void BinaryCopy::finish() {
  const std::size_t start = buffer_.size();
  buffer_.resize(start + 2);
  put_be(buffer_.data() + start, std::int16_t{-1});
  drain();
}

const std::string& log_column_list() {
  static const std::string list =
      "id, tenant, timestamp, level, service, source, message, endpoint, method, status_code, "
      "response_time, ip_address, user_id, trace_id, span_id, category, template_id, metadata, "
      "created_at";
  return list;
}

std::vector<Encoder> record_encoders(const RecordBatch& b) {
  std::vector<Encoder> e;
  e.push_back(encode<std::int64_t>(b.id));
  e.push_back(encode(b.tenant));
  e.push_back(encode<std::int64_t>(b.timestamp, kPgEpochUs));
  e.push_back(encode_names(b.level, kLevelNames));
  e.push_back(encode(b.service));
  e.push_back(encode(b.source));
  e.push_back(encode(b.message));
  e.push_back(encode(b.endpoint));
  e.push_back(encode(b.method));
  e.push_back(encode<std::int16_t>(b.status_code));
  e.push_back(encode<double>(b.response_time));
  e.push_back(encode(b.ip_address));
  e.push_back(encode(b.user_id));
  e.push_back(encode(b.trace_id));
  e.push_back(encode(b.span_id));
  e.push_back(encode_names(b.category, kCategoryNames));
  e.push_back(encode<std::int64_t>(b.template_id));
  e.push_back(encode(b.metadata));
  e.push_back(encode<std::int64_t>(b.created_at, kPgEpochUs));
  return e;
}

std::int64_t copy_records(PgConnection& pg, const std::string& table, const LogBatch& batch) {
  const std::string sql =
      "COPY " + table + " (" + log_column_list() + ") FROM STDIN (FORMAT binary)";
  return pg.copy_in(sql, [&](PgConnection::CopySink& sink) {
    BinaryCopy copy(sink);
    for (const auto& chunk : batch.chunks) copy.rows(record_encoders(*chunk), chunk->rows);
    copy.finish();
  });
}

void copy_segments(PgConnection& pg, const std::vector<search::Segment>& segments) {
  using search::Segment;
  const auto always = [](std::size_t) { return true; };
  const auto time = [&](std::int64_t Segment::*field) {
    return fixed_encoder<std::int64_t>(
        [&segments, field](std::size_t row) { return segments[row].*field - kPgEpochUs; }, always);
  };
  const auto number = [&](std::int32_t Segment::*field) {
    return fixed_encoder<std::int32_t>(
        [&segments, field](std::size_t row) { return segments[row].*field; }, always);
  };
  const auto bytes = [&](std::string Segment::*field) {
    return bytes_encoder(
        [&segments, field](std::size_t row) { return std::string_view(segments[row].*field); },
        always);
  };
  std::vector<Encoder> columns;
  columns.push_back(time(&Segment::min_time));
  columns.push_back(time(&Segment::max_time));
  columns.push_back(number(&Segment::rows));
  columns.push_back(number(&Segment::words));
  columns.push_back(number(&Segment::salt));
  columns.push_back(bytes(&Segment::ids));
  columns.push_back(bytes(&Segment::filter));
  columns.push_back(
      bytes_encoder([&segments](std::size_t row) { return std::string_view(segments[row].digest); },
                    [&segments](std::size_t row) { return !segments[row].digest.empty(); }));
  pg.copy_in(
      "COPY log_segments (min_time, max_time, rows, words, salt, ids, filter, digest) FROM STDIN "
      "(FORMAT binary)",
      [&](PgConnection::CopySink& sink) {
        BinaryCopy copy(sink);
        copy.rows(columns, segments.size());
        copy.finish();
      });
}

}  // namespace logforest::io
