#include "logforest/io/pg_query.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "logforest/io/pg_encode.hpp"

namespace logforest::io {

namespace {

// Type oids (pg_type.dat); they never change.
enum Oid_ : Oid {
  kBool = 16,
  kBytea = 17,
  kName = 19,
  kInt8 = 20,
  kInt2 = 21,
  kInt4 = 23,
  kText = 25,
  kOid = 26,
  kJson = 114,
  kFloat4 = 700,
  kFloat8 = 701,
  kUnknown = 705,
  kVoid = 2278,
  kBpchar = 1042,
  kVarchar = 1043,
  kDate = 1082,
  kTimestamp = 1114,
  kTimestamptz = 1184,
  kNumeric = 1700,
  kUuid = 2950,
  kJsonb = 3802,
};
constexpr std::int32_t kPgEpochDays = 10957;

template <class T>
T get_be(const char* at) noexcept {
  if constexpr (sizeof(T) == 2) {
    std::uint16_t v;
    std::memcpy(&v, at, sizeof v);
    return std::bit_cast<T>(__builtin_bswap16(v));
  } else if constexpr (sizeof(T) == 4) {
    std::uint32_t v;
    std::memcpy(&v, at, sizeof v);
    return std::bit_cast<T>(__builtin_bswap32(v));
  } else {
    std::uint64_t v;
    std::memcpy(&v, at, sizeof v);
    return std::bit_cast<T>(__builtin_bswap64(v));
  }
}

// numeric: ndigits, weight, sign, dscale, then base-10000 digits.
double numeric_value(const char* at) {
  const auto digits = get_be<std::int16_t>(at);
  const auto weight = get_be<std::int16_t>(at + 2);
  const auto sign = get_be<std::uint16_t>(at + 4);
  if (sign == 0xc000) return std::numeric_limits<double>::quiet_NaN();
  if (sign == 0xd000) return std::numeric_limits<double>::infinity();
  if (sign == 0xf000) return -std::numeric_limits<double>::infinity();
  double value = 0;
  for (int i = 0; i < digits; ++i) {
    value += get_be<std::int16_t>(at + 8 + std::ptrdiff_t{2} * i) * std::pow(10000.0, weight - i);
  }
  return sign == 0x4000 ? -value : value;
}

void append_uuid(Buffer<char>& out, const char* at) {
  static constexpr char kHex[] = "0123456789abcdef";
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out.push_back('-');
    const auto byte = static_cast<unsigned char>(at[i]);
    out.push_back(kHex[byte >> 4]);
    out.push_back(kHex[byte & 15]);
  }
}

// One column of a result: knows its place and reads cells.
struct Cells {
  const PGresult* result;
  int column;
  [[nodiscard]] bool null(int row) const { return PQgetisnull(result, row, column) != 0; }
  [[nodiscard]] const char* at(int row) const { return PQgetvalue(result, row, column); }
  [[nodiscard]] std::string_view bytes(int row) const {
    return {at(row), static_cast<std::size_t>(PQgetlength(result, row, column))};
  }
};

template <class T, class Read>
void decode(FixedColumn<T>& out, const Cells& cells, int rows, Read read) {
  out.mutable_values().reserve(static_cast<std::size_t>(rows));
  for (int row = 0; row < rows; ++row) {
    if (!cells.null(row)) out.set(static_cast<std::size_t>(row), read(cells.at(row)));
  }
  out.finish(static_cast<std::size_t>(rows));
}

template <class Column>
void decode_text(Column& out, const Cells& cells, int rows, std::size_t skip = 0) {
  for (int row = 0; row < rows; ++row) {
    if (!cells.null(row)) out.set(static_cast<std::size_t>(row), cells.bytes(row).substr(skip));
  }
  out.finish(static_cast<std::size_t>(rows));
}

template <std::size_t N>
void decode_names(FixedColumn<std::uint8_t>& out, const Cells& cells, int rows,
                  const std::array<std::string_view, N>& names) {
  for (int row = 0; row < rows; ++row) {
    if (cells.null(row)) continue;
    const auto it = std::ranges::find(names, cells.bytes(row));
    if (it == names.end()) throw ConfigError("unknown level or category in a stored record");
    out.set(static_cast<std::size_t>(row), static_cast<std::uint8_t>(it - names.begin()));
  }
  out.finish(static_cast<std::size_t>(rows));
}

// Owns the buffers of a result that was turned into Arrow columns.
struct ResultColumns {
  std::vector<std::shared_ptr<const void>> columns;
};

template <class T, class Read>
arrow::Column fixed(ResultColumns& keep, const Cells& cells, int rows, Read read) {
  auto column = std::make_shared<FixedColumn<T>>();
  decode(*column, cells, rows, read);
  arrow::Column out = arrow::column(*column);
  keep.columns.push_back(std::move(column));
  return out;
}

arrow::Column text(ResultColumns& keep, const Cells& cells, int rows, std::size_t skip) {
  auto column = std::make_shared<Utf8Column>();
  decode_text(*column, cells, rows, skip);
  arrow::Column out = arrow::column(*column);
  keep.columns.push_back(std::move(column));
  return out;
}

// Arrow booleans are bits; Postgres sends bytes.
struct BoolColumn {
  FixedColumn<std::uint8_t> bytes;
  std::vector<std::uint8_t> bits;
};

arrow::Column boolean(ResultColumns& keep, const Cells& cells, int rows) {
  auto column = std::make_shared<BoolColumn>();
  decode(column->bytes, cells, rows, [](const char* at) { return static_cast<std::uint8_t>(*at); });
  column->bits.assign((static_cast<std::size_t>(rows) + 7) / 8, 0);
  for (std::size_t row = 0; row < static_cast<std::size_t>(rows); ++row) {
    if (column->bytes[row] != 0)
      column->bits[row >> 3] =
          static_cast<std::uint8_t>(column->bits[row >> 3] | (1U << (row & 7)));
  }
  arrow::Column out{rows,
                    column->bytes.validity().null_count(),
                    {column->bytes.validity().data(), column->bits.data()},
                    nullptr};
  keep.columns.push_back(std::move(column));
  return out;
}

arrow::Column uuid(ResultColumns& keep, const Cells& cells, int rows) {
  auto column = std::make_shared<Utf8Column>();
  for (int row = 0; row < rows; ++row) {
    if (cells.null(row)) continue;
    column->start(static_cast<std::size_t>(row));
    append_uuid(column->buffer(), cells.at(row));
    column->close();
  }
  column->finish(static_cast<std::size_t>(rows));
  arrow::Column out = arrow::column(*column);
  keep.columns.push_back(std::move(column));
  return out;
}

bool supported(Oid type) {
  switch (type) {
    case kBool:
    case kBytea:
    case kName:
    case kInt8:
    case kInt2:
    case kInt4:
    case kText:
    case kOid:
    case kJson:
    case kFloat4:
    case kFloat8:
    case kUnknown:
    case kVoid:  // of functions that are called for what they do: never twice
    case kBpchar:
    case kVarchar:
    case kDate:
    case kTimestamp:
    case kTimestamptz:
    case kNumeric:
    case kUuid:
    case kJsonb:
      return true;
    default:
      return false;
  }
}

// Picks decoder and Arrow type of one column, once for all its rows.
std::pair<arrow::Column, const char*> decode_column(ResultColumns& keep, Oid type, const Cells& c,
                                                    int rows) {
  switch (type) {
    case kBool:
      return {boolean(keep, c, rows), "b"};
    case kInt2:
      return {fixed<std::int16_t>(keep, c, rows, get_be<std::int16_t>), "s"};
    case kInt4:
      return {fixed<std::int32_t>(keep, c, rows, get_be<std::int32_t>), "i"};
    case kInt8:
      return {fixed<std::int64_t>(keep, c, rows, get_be<std::int64_t>), "l"};
    case kOid:
      return {fixed<std::int64_t>(
                  keep, c, rows,
                  [](const char* at) { return std::int64_t{get_be<std::uint32_t>(at)}; }),
              "l"};
    case kFloat4:
      return {fixed<float>(keep, c, rows, get_be<float>), "f"};
    case kFloat8:
      return {fixed<double>(keep, c, rows, get_be<double>), "g"};
    case kNumeric:
      return {fixed<double>(keep, c, rows, numeric_value), "g"};
    case kTimestamp:
    case kTimestamptz:
      return {
          fixed<std::int64_t>(keep, c, rows,
                              [](const char* at) { return get_be<std::int64_t>(at) + kPgEpochUs; }),
          "tsu:UTC"};
    case kDate:
      return {fixed<std::int32_t>(
                  keep, c, rows,
                  [](const char* at) { return get_be<std::int32_t>(at) + kPgEpochDays; }),
              "tdD"};
    case kUuid:
      return {uuid(keep, c, rows), "u"};
    case kBytea:
      return {text(keep, c, rows, 0), "z"};
    case kJsonb:
      return {text(keep, c, rows, 1), "u"};  // a version byte comes first
    default:
      return {text(keep, c, rows, 0), "u"};
  }
}

// The same query with the columns of unknown types cast to text; empty when there are none.
std::string with_text_casts(PgConnection& pg, const std::string& sql, const PGresult* shape) {
  bool needed = false;
  std::string outer = "SELECT ";
  std::string names;
  for (int i = 0; i < PQnfields(shape); ++i) {
    std::string alias("c");
    alias += std::to_string(i);
    if (i > 0) {
      outer += ", ";
      names += ", ";
    }
    outer += alias;
    names += alias;
    if (!supported(PQftype(shape, i))) {
      outer += "::text";
      needed = true;
    }
    outer += " AS " + pg.quote(PQfname(shape, i));
  }
  return needed ? outer + " FROM (" + sql + "\n) AS q(" + names + ")" : std::string{};
}

bool all_supported(const PGresult* result) {
  for (int i = 0; i < PQnfields(result); ++i) {
    if (!supported(PQftype(result, i))) return false;
  }
  return true;
}

}  // namespace

QueryTable query_arrow(PgConnection& pg, const std::string& sql, std::span<const PgParam> params) {
  PgResult result = pg.query(sql, params, true);
  if (result && !all_supported(result.get())) {
    const std::string wrapped = with_text_casts(pg, sql, result.get());
    result = pg.query(wrapped, params, true);
  }
  QueryTable table;
  const int rows = result ? PQntuples(result.get()) : 0;
  auto keep = std::make_shared<ResultColumns>();
  arrow::Chunk chunk;
  chunk.rows = rows;
  for (int i = 0; result && i < PQnfields(result.get()); ++i) {
    auto [column, format] = decode_column(*keep, PQftype(result.get(), i), {result.get(), i}, rows);
    table.schema.push_back({PQfname(result.get(), i), format, "", true});
    chunk.columns.push_back(std::move(column));
  }
  chunk.owner = keep;
  table.chunks.push_back(std::move(chunk));
  return table;
}

std::shared_ptr<RecordBatch> query_records(PgConnection& pg, const std::string& sql,
                                           std::span<const PgParam> params) {
  const PgResult result = pg.query(sql, params, true);
  auto batch = std::make_shared<RecordBatch>();
  if (PQnfields(result.get()) != 19)
    throw ConfigError("query_records: the statement must give the 19 log columns");
  const int rows = PQntuples(result.get());
  RecordBatch& b = *batch;
  b.rows = static_cast<std::size_t>(rows);
  const auto time = [](const char* at) { return get_be<std::int64_t>(at) + kPgEpochUs; };
  int i = 0;
  const auto next = [&] { return Cells{result.get(), i++}; };
  decode(b.id, next(), rows, get_be<std::int64_t>);
  decode_text(b.tenant, next(), rows);
  decode(b.timestamp, next(), rows, time);
  decode_names(b.level, next(), rows, kLevelNames);
  decode_text(b.service, next(), rows);
  decode_text(b.source, next(), rows);
  decode_text(b.message, next(), rows);
  decode_text(b.endpoint, next(), rows);
  decode_text(b.method, next(), rows);
  decode(b.status_code, next(), rows, get_be<std::int16_t>);
  decode(b.response_time, next(), rows, get_be<double>);
  decode_text(b.ip_address, next(), rows);
  decode_text(b.user_id, next(), rows);
  decode_text(b.trace_id, next(), rows);
  decode_text(b.span_id, next(), rows);
  decode_names(b.category, next(), rows, kCategoryNames);
  decode(b.template_id, next(), rows, get_be<std::int64_t>);
  decode_text(b.metadata, next(), rows);
  decode(b.created_at, next(), rows, time);
  b.finish();
  return batch;
}

}  // namespace logforest::io
