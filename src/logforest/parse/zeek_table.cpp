#include <algorithm>

#include "logforest/base/byte_buffer.hpp"
#include "logforest/base/utf8.hpp"
#include "logforest/parse/aliases.hpp"
#include "logforest/parse/directives.hpp"
#include "logforest/parse/row_builder.hpp"
#include "logforest/parse/scan.hpp"
#include "logforest/parse/tables.hpp"
#include "logforest/parse/values.hpp"

namespace logforest::parse {

using namespace scan;

namespace {

enum class Type : std::uint8_t { Text, Time, Interval, Integer, Real, Bool, List };

struct Column {
  std::string name;
  Type type = Type::Text;
  Type element = Type::Text;    // of a list
  const char* field = nullptr;  // the alias that it fills; nullptr: metadata
  bool in_message = true;
};

// Other names mean other things here than elsewhere: "host" is the Host header of a request,
// "service" the protocol that was seen, "method" may be that of another protocol.
constexpr std::pair<std::string_view, const char*> kFields[] = {
    {"ts", "timestamp"},     {"id.orig_h", "client_ip"}, {"uri", "path"},
    {"method", "method"},    {"status_code", "status"},  {"duration", "duration_s"},
    {"rtt", "duration_s"},   {"msg", "message"},         {"message", "message"},
    {"username", "user_id"}, {"user", "user_id"},        {"severity", "severity"},
    {"level", "level"},      {"src", "client_ip"},
};

constexpr std::string_view kEmpty = "(empty)";
constexpr std::string_view kUnset = "-";
constexpr std::string_view kService = "zeek";

Type type_of(std::string_view name) noexcept {
  if (name == "time") return Type::Time;
  if (name == "interval") return Type::Interval;
  if (name == "count" || name == "int" || name == "port") return Type::Integer;
  if (name == "double") return Type::Real;
  if (name == "bool") return Type::Bool;
  if (name.starts_with("set[") || name.starts_with("vector[") || name.starts_with("table["))
    return Type::List;
  return Type::Text;
}

int hex_value(char c) noexcept {
  if (is_digit(c)) return c - '0';
  return is_hex(c) ? (c | 0x20) - 'a' + 10 : -1;
}

// "\x09" -> a tab; other text as it is.
void append_unescaped(ByteBuffer& out, std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && text[i + 1] == 'x' && is_hex(text[i + 2]) &&
        is_hex(text[i + 3])) {
      out.push(static_cast<char>(hex_value(text[i + 2]) * 16 + hex_value(text[i + 3])));
      i += 3;
    } else if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == '\\') {
      out.push(text[i++]);
    } else {
      out.push(text[i]);
    }
  }
}

class ZeekParser final : public LineParser {
 public:
  explicit ZeekParser(const ParseOptions& options) : most_(options.max_fields) {}

  void forget_directives() override {
    columns_.clear();
    types_.clear();
    separator_ = '\t';
    set_separator_ = ',';
    empty_ = std::string(kEmpty);
    unset_ = std::string(kUnset);
    service_ = std::string(kService);
  }

  bool take_directive(std::string_view line) override {
    using Kind = Directive::Kind;
    const Directive d = read_directive(line);
    switch (d.kind) {
      case Kind::ZeekSeparator: {
        scratch_.clear();
        append_unescaped(scratch_, scan::trim(d.value));
        // Only ASCII: another byte would cut through characters.
        if (scratch_.size() == 1 && valid_utf8(scratch_.view())) separator_ = scratch_.view()[0];
        return true;
      }
      case Kind::ZeekSetSeparator:
        if (d.value.size() == 1) set_separator_ = d.value[0];
        return true;
      case Kind::ZeekEmpty:
        empty_ = d.value;
        return true;
      case Kind::ZeekUnset:
        unset_ = d.value;
        return true;
      case Kind::ZeekPath:
        service_ = std::string(kService);
        service_.push_back('.');
        service_.append(d.value);
        return true;
      case Kind::ZeekFields:
        read_names(d.value);
        types_.clear();
        return true;
      case Kind::ZeekTypes:
        types_ = d.value;
        read_types();
        return true;
      default:
        return false;
    }
  }

  LineResult parse_line(std::string_view line, RowBuilder& row) override {
    if (columns_.empty()) return {Reject::NoMatch};
    row.begin();
    message_.clear();
    std::size_t at = 0;
    for (const Column& column : columns_) {
      if (at == npos) return {Reject::Truncated};
      const std::size_t end = find(line, separator_, at);
      const std::string_view value = line.substr(at, end == npos ? npos : end - at);
      at = end == npos ? npos : end + 1;
      if (value == unset_) continue;
      if (!take(column, value, row)) return {Reject::InvalidHeader};
    }
    if (at != npos) return {Reject::NoMatch};
    row.service(service_);
    if (!row.has(Target::Message)) row.message(message_.view());
    return {};
  }

 private:
  void read_names(std::string_view names) {
    columns_.clear();
    for (std::size_t at = 0; at != npos && columns_.size() <= most_;) {
      const std::size_t end = find(names, separator_, at);
      Column column;
      column.name = names.substr(at, end == npos ? npos : end - at);
      for (const auto& [name, field] : kFields) {
        if (column.name == name) column.field = field;
      }
      // What is different in every row tells nothing of its kind.
      column.in_message = column.name != "ts" && !column.name.ends_with("uid");
      columns_.push_back(std::move(column));
      at = end == npos ? npos : end + 1;
    }
    const bool nameless = std::any_of(columns_.begin(), columns_.end(),
                                      [](const Column& c) { return c.name.empty(); });
    if (nameless || columns_.size() > most_) columns_.clear();
  }

  void read_types() {
    std::size_t at = 0;
    for (Column& column : columns_) {
      if (at == npos) break;
      const std::size_t end = find(types_, separator_, at);
      const std::string_view type =
          std::string_view(types_).substr(at, end == npos ? npos : end - at);
      column.type = type_of(type);
      if (column.type == Type::List) {
        const std::size_t open = type.find('[');
        column.element = type_of(type.substr(open + 1, type.size() - open - 2));
      }
      at = end == npos ? npos : end + 1;
    }
  }

  // False for a time that is none: then this is no row.
  bool take(const Column& column, std::string_view value, RowBuilder& row) {
    const bool empty = value == empty_;
    if (column.in_message && !empty) {
      if (!message_.empty()) message_.push(' ');
      message_.append(value);
    }
    if (column.field != nullptr && !empty && column.type != Type::List) {
      if (column.name == "ts") {
        const auto seconds = to_double(value);
        const auto us = seconds ? epoch_to_us(*seconds) : std::nullopt;
        if (us) row.timestamp(*us);
        if (us || column.type == Type::Time) return us.has_value();
      } else {
        row.field_text(column.field, unescaped(value));
        return true;
      }
    }
    if (column.type == Type::List) {
      list(column, empty ? std::string_view{} : value, row);
    } else if (empty) {
      row.meta_text(column.name, {});
    } else {
      json_.clear();
      append_json(column.type, value);
      row.meta_json(column.name, json_.view());
    }
    return true;
  }

  void list(const Column& column, std::string_view value, RowBuilder& row) {
    json_.clear();
    json_.push('[');
    while (!value.empty()) {
      const std::size_t end = find(value, set_separator_);
      if (json_.size() > 1) json_.push(',');
      append_json(column.element, value.substr(0, end));
      value.remove_prefix(end == npos ? value.size() : end + 1);
    }
    json_.push(']');
    row.meta_json(column.name, json_.view());
  }

  void append_json(Type type, std::string_view value) {
    switch (type) {
      case Type::Integer:
        if (const auto number = to_integer(value)) {
          json_.append(number_text(*number).view());
          return;
        }
        break;
      case Type::Time:
      case Type::Interval:
      case Type::Real:
        if (const auto number = to_double(value)) {
          json_.append(number_text(*number).view());
          return;
        }
        break;
      case Type::Bool:
        if (value == "T" || value == "F") {
          json_.append(value == "T" ? "true" : "false");
          return;
        }
        break;
      default:
        break;
    }
    append_json_string(json_, unescaped(value));
  }

  // The text with its escapes taken back, unless that makes it no text.
  std::string_view unescaped(std::string_view value) {
    if (find(value, '\\') == npos) return value;
    scratch_.clear();
    append_unescaped(scratch_, value);
    return valid_utf8(scratch_.view()) && find(scratch_.view(), '\0') == npos ? scratch_.view()
                                                                              : value;
  }

  const std::size_t most_;
  std::vector<Column> columns_;
  std::string types_;
  char separator_ = '\t';
  char set_separator_ = ',';
  std::string empty_{kEmpty};
  std::string unset_{kUnset};
  std::string service_{kService};
  ByteBuffer message_;
  ByteBuffer json_;
  ByteBuffer scratch_;
};

}  // namespace

Format zeek_format() {
  return table_format("zeek", "Zeek (Bro) logs with #fields", [](const ParseOptions& options) {
    return std::make_unique<ZeekParser>(options);
  });
}

}  // namespace logforest::parse
