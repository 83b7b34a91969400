#include <algorithm>
#include <string>
#include <vector>

#include "logforest/base/byte_buffer.hpp"
#include "logforest/parse/aliases.hpp"
#include "logforest/parse/block_framer.hpp"
#include "logforest/parse/directives.hpp"
#include "logforest/parse/row_builder.hpp"
#include "logforest/parse/scan.hpp"
#include "logforest/parse/table_values.hpp"
#include "logforest/parse/tables.hpp"

namespace logforest::parse {

using namespace scan;

namespace {

constexpr std::size_t kLongestValue = std::size_t{1} << 16;  // with line ends in it

class CsvParser final : public LineParser {
 public:
  explicit CsvParser(const ParseOptions& options) : most_(options.max_fields) {}

  void forget_directives() override { columns_.clear(); }

  bool take_directive(std::string_view line) override {
    const Directive d = read_directive(line);
    if (d.kind != Directive::Kind::CsvFields) return false;
    separator_ = csv_separator(line);
    columns_.clear();
    TableValues names(line, separator_);
    unquoted_.clear();
    static_cast<void>(unquoted_.room(line.size()));
    std::string_view name;
    while (names.next(name, unquoted_) && columns_.size() <= most_) {
      name = trim(name);
      const std::string key = csv_key(name);
      const Alias* alias = find_alias(key);
      const Target target = alias == nullptr ? Target::None : alias->target;
      columns_.push_back({target == Target::None ? std::string(name) : key, target});
    }
    if (columns_.size() > most_) columns_.clear();
    stand_in(Target::Message, "message", {"content", "description", "details", "summary"});
    stand_in(Target::Service, "service", {"component", "program", "process", "logger", "module"});
    return true;
  }

  LineResult parse_line(std::string_view line, RowBuilder& row) override {
    if (columns_.empty()) return {Reject::NoMatch};
    TableValues values(line, separator_);
    unquoted_.clear();
    static_cast<void>(unquoted_.room(line.size()));  // views into it stay valid for the row
    row.begin();
    bool stamped = false;
    std::string_view value;
    for (const Column& column : columns_) {
      if (!values.next(value, unquoted_)) return {Reject::Truncated};
      value = trim(value);
      if (value.empty()) continue;
      stamped = stamped || column.target == Target::Timestamp;
      if (column.target == Target::None) {
        row.meta_text(column.key, value);
      } else {
        row.field_text(column.key, value);
      }
    }
    if (!values.at_end()) return {Reject::NoMatch};
    if (stamped && !row.has(Target::Timestamp)) return {Reject::InvalidHeader};
    if (!row.has(Target::Message)) row.message(line);
    return {};
  }

 private:
  struct Column {
    std::string key;
    Target target;
  };

  // Where no column is called so, the first of `names` is taken for it.
  void stand_in(Target target, std::string_view key,
                std::initializer_list<std::string_view> names) {
    const auto has = [target](const Column& c) { return c.target == target; };
    if (std::any_of(columns_.begin(), columns_.end(), has)) return;
    for (const std::string_view name : names) {
      for (Column& column : columns_) {
        if (column.target != Target::None || csv_key(column.key) != name) continue;
        column = {std::string(key), target};
        return;
      }
    }
  }

  const std::size_t most_;
  std::vector<Column> columns_;
  char separator_ = ',';
  ByteBuffer unquoted_;
};

// Where a row ends: a line end outside quotes. npos: its quotes are no quotes, so it is one line.
std::size_t row_end(std::string_view text, bool complete, char separator) noexcept {
  bool quoted = false;
  bool begins = true;  // a value
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (i > kLongestValue) return npos;
      if (c != '"') continue;
      const char next = i + 1 < text.size() ? text[i + 1] : '\n';
      if (next == '"') {
        ++i;
      } else if (next != separator && next != '\n' && next != '\r') {
        return npos;
      } else {
        quoted = false;
      }
    } else if (c == '\n') {
      return i + 1;
    } else {
      quoted = begins && c == '"';
      begins = c == separator;
    }
  }
  if (!complete) return 0;
  return quoted ? npos : text.size();
}

}  // namespace

Format csv_format() {
  Format format = table_format(
      "csv", "values behind a line that names them (RFC 4180; also by ';', tabs or '|')",
      [](const ParseOptions& options) { return std::make_unique<CsvParser>(options); });
  // Names of columns say more than the stamps that the rows begin with.
  format.detect = [rows = format.detect](const std::vector<std::string_view>& lines) {
    const double share = rows(lines);
    return share < 0.5 ? share : (1 + share) / 2;
  };
  format.make_framer = [](const ParseOptions& options, std::string_view head) {
    const std::string_view first = head.substr(0, find(head, '\n'));
    const char found =
        csv_separator(first.ends_with('\r') ? first.substr(0, first.size() - 1) : first);
    const char separator = found == 0 ? ',' : found;
    return make_block_framer(
        [separator](std::string_view text, bool complete) {
          return row_end(text, complete, separator);
        },
        options.max_line_bytes);
  };
  return format;
}

}  // namespace logforest::parse
