#include "logforest/render/render.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <concepts>

#include "logforest/record/arrow_export.hpp"

namespace logforest::render {

namespace {

void append_integer(std::int64_t value, std::string& out) {
  std::array<char, 24> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  out.append(text.data(), end);
}

void append_double(double value, std::string& out) {
  std::array<char, 40> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  out.append(text.data(), end);
}

void append_json(std::string_view text, std::string& out) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  std::size_t from = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    // DEL and the C1 controls (U+0080..U+009F, two bytes in UTF-8) drive terminals as well.
    const bool c1 =
        c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7F && !c1) continue;
    out.append(text, from, i - from);
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default: {
        const unsigned code = c1 ? static_cast<unsigned char>(text[++i]) : c;
        out += "\\u00";
        out += kHex[code >> 4U];
        out += kHex[code & 15U];
      }
    }
    from = i + 1;
  }
  out.append(text, from);
  out += '"';
}

void append_two(unsigned value, std::string& out) {
  out += static_cast<char>('0' + value / 10);
  out += static_cast<char>('0' + value % 10);
}

// A cell that starts like a formula gets an apostrophe; one that needs quotes gets them.
void append_cell(std::string_view text, std::string& out) {
  static constexpr std::string_view kFormula = "=+-@\t\r";
  const bool defuse = !text.empty() && kFormula.find(text.front()) != std::string_view::npos;
  const bool quote = defuse || text.find_first_of(",\"\n\r") != std::string_view::npos;
  if (!quote) {
    out += text;
    return;
  }
  out += '"';
  if (defuse) out += '\'';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

enum class Style { Json, Csv };

// One value; the column's type says how. Times, levels and categories are told by name.
template <Style style>
struct Writer {
  std::string& out;

  void text(std::string_view value) const {
    if constexpr (style == Style::Json) {
      append_json(value, out);
    } else {
      append_cell(value, out);
    }
  }
  void null() const {
    if constexpr (style == Style::Json) out += "null";
  }
  template <std::integral T>
  void number(T value) const {
    append_integer(static_cast<std::int64_t>(value), out);
  }
  void number(double value) const {
    if (std::isfinite(value)) {
      append_double(value, out);
    } else {
      null();
    }
  }
  void time(std::int64_t us) const {
    if constexpr (style == Style::Json) out += '"';
    append_iso8601(us, out);
    if constexpr (style == Style::Json) out += '"';
  }
  void json(std::string_view value) const {
    if constexpr (style == Style::Json) {
      out += value;
    } else {
      append_cell(value, out);
    }
  }
};

template <Style style>
void append_row(const RecordBatch& b, std::size_t row, const std::vector<std::string>& heads,
                std::string& out) {
  const Writer<style> w{out};
  std::size_t at = 0;
  const auto cell = [&](const auto& column, auto&& write) {
    out += heads[at++];
    if (column.is_valid(row)) {
      write(column[row]);
    } else {
      w.null();
    }
  };
  const auto text = [&w](std::string_view v) { w.text(v); };
  const auto number = [&w](auto v) { w.number(v); };
  const auto time = [&w](std::int64_t v) { w.time(v); };
  cell(b.id, number);
  cell(b.tenant, text);
  cell(b.timestamp, time);
  cell(b.level, [&w](std::uint8_t v) { w.text(kLevelNames[v]); });
  cell(b.service, text);
  cell(b.source, text);
  cell(b.message, text);
  cell(b.endpoint, text);
  cell(b.method, text);
  cell(b.status_code, number);
  cell(b.response_time, number);
  cell(b.ip_address, text);
  cell(b.user_id, text);
  cell(b.trace_id, text);
  cell(b.span_id, text);
  cell(b.category, [&w](std::uint8_t v) { w.text(kCategoryNames[v]); });
  cell(b.template_id, number);
  cell(b.metadata, [&w](std::string_view v) { w.json(v); });
  cell(b.created_at, time);
}

// What stands before each value: `{"id":` `,"tenant":` ... or nothing and commas.
std::vector<std::string> make_heads(Style style) {
  std::vector<std::string> heads;
  for (const auto& field : arrow::record_schema()) {
    std::string head = heads.empty() ? (style == Style::Json ? "{" : "") : ",";
    if (style == Style::Json) head += "\"" + field.name + "\":";
    heads.push_back(std::move(head));
  }
  return heads;
}

}  // namespace

void append_iso8601(std::int64_t us, std::string& out) {
  constexpr std::int64_t kDay = 86'400'000'000;
  std::int64_t days = us / kDay;
  std::int64_t rest = us % kDay;
  if (rest < 0) {
    rest += kDay;
    --days;
  }
  // Howard Hinnant, civil_from_days.
  const std::int64_t z = days + 719468;
  const std::int64_t era = (z >= 0 ? z : z - 146096) / 146097;
  const auto doe = static_cast<unsigned>(z - era * 146097);
  const unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const unsigned mp = (5 * doy + 2) / 153;
  const unsigned day = doy - (153 * mp + 2) / 5 + 1;
  const unsigned month = mp < 10 ? mp + 3 : mp - 9;
  const std::int64_t year = static_cast<std::int64_t>(yoe) + era * 400 + (month <= 2 ? 1 : 0);
  if (year >= 0 && year < 10000) {
    append_two(static_cast<unsigned>(year / 100), out);
    append_two(static_cast<unsigned>(year % 100), out);
  } else {
    append_integer(year, out);
  }
  out += '-';
  append_two(month, out);
  out += '-';
  append_two(day, out);
  out += 'T';
  const auto seconds = static_cast<unsigned>(rest / 1'000'000);
  append_two(seconds / 3600, out);
  out += ':';
  append_two(seconds / 60 % 60, out);
  out += ':';
  append_two(seconds % 60, out);
  const auto micros = static_cast<unsigned>(rest % 1'000'000);
  if (micros != 0) {
    out += '.';
    append_two(micros / 10000, out);
    append_two(micros / 100 % 100, out);
    append_two(micros % 100, out);
  }
  out += 'Z';
}

void append_ndjson(const RecordBatch& batch, std::size_t begin, std::size_t end, std::string& out) {
  static const std::vector<std::string> heads = make_heads(Style::Json);
  for (std::size_t row = begin; row < end; ++row) {
    append_row<Style::Json>(batch, row, heads, out);
    out += "}\n";
  }
}

void append_csv_header(std::string& out) {
  bool first = true;
  for (const auto& field : arrow::record_schema()) {
    if (!first) out += ',';
    out += field.name;
    first = false;
  }
  out += "\r\n";
}

void append_csv(const RecordBatch& batch, std::size_t begin, std::size_t end, std::string& out) {
  static const std::vector<std::string> heads = make_heads(Style::Csv);
  for (std::size_t row = begin; row < end; ++row) {
    append_row<Style::Csv>(batch, row, heads, out);
    out += "\r\n";
  }
}

}  // namespace logforest::render
