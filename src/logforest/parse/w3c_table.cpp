#include <algorithm>
#include <array>

#include "logforest/base/byte_buffer.hpp"
#include "logforest/base/time.hpp"
#include "logforest/base/utf8.hpp"
#include "logforest/parse/aliases.hpp"
#include "logforest/parse/directives.hpp"
#include "logforest/parse/row_builder.hpp"
#include "logforest/parse/scan.hpp"
#include "logforest/parse/table_values.hpp"
#include "logforest/parse/tables.hpp"
#include "logforest/parse/values.hpp"

namespace logforest::parse {

using namespace scan;

namespace {

enum class Use : std::uint8_t {
  Field,  // by its name through the alias table, else metadata
  Number,
  Date,
  Time,
  Stamp,
  Ip,
  Method,
  Stem,
  Query,
  Status,
  User,
  Taken,
  Host,
  Protocol,
  Text,
};

struct Column {
  Use use = Use::Field;
  std::string name;  // of the field that it becomes
};

struct Known {
  std::string_view name;
  Use use;
  std::string_view field;  // "": its own name
};

constexpr Known kKnown[] = {
    {"date", Use::Date, ""},
    {"time", Use::Time, ""},
    {"date-utc", Use::Date, ""},
    {"time-utc", Use::Time, ""},
    {"date-local", Use::Date, ""},
    {"time-local", Use::Time, ""},
    {"date-time", Use::Stamp, ""},
    {"datetime", Use::Stamp, ""},
    {"timestamp", Use::Stamp, ""},
    {"c-ip", Use::Ip, ""},
    {"cs-method", Use::Method, ""},
    {"cs-uri-stem", Use::Stem, ""},
    {"cs-uri-path", Use::Stem, ""},
    {"cs-uri", Use::Stem, ""},
    {"cs-uri-query", Use::Query, ""},
    {"sc-status", Use::Status, ""},
    {"cs-username", Use::User, ""},
    {"time-taken", Use::Taken, ""},
    {"timetakenms", Use::Taken, ""},
    {"s-computername", Use::Host, ""},
    {"cs-version", Use::Protocol, "protocol"},
    {"cs-protocol-version", Use::Protocol, "protocol"},
    {"cs(user-agent)", Use::Text, "user_agent"},
    {"cs(referer)", Use::Text, "referrer"},
    {"cs(host)", Use::Text, "vhost"},
    {"cs-host", Use::Text, "vhost"},
    {"sc-bytes", Use::Number, "bytes"},
    {"cs-bytes", Use::Number, "received_bytes"},
    {"s-port", Use::Number, ""},
    {"c-port", Use::Number, ""},
    {"src-port", Use::Number, ""},
    {"dst-port", Use::Number, ""},
    {"size", Use::Number, ""},
    {"sc-substatus", Use::Number, ""},
    {"sc-win32-status", Use::Number, ""},
    {"sc-content-len", Use::Number, ""},
};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = is_upper(c) ? static_cast<char>(c + 32) : c;
  return out;
}

Column column_of(std::string_view name) {
  const std::string key = lower(name);
  for (const Known& known : kKnown) {
    if (key == known.name)
      return {known.use, std::string(known.field.empty() ? name : known.field)};
  }
  std::string plain = key;
  std::replace(plain.begin(), plain.end(), '-', '_');
  const Alias* alias = find_alias(plain);
  // "path" is the way of a packet in a firewall's log.
  const bool column = alias != nullptr && alias->target != Target::Endpoint &&
                      alias->target != Target::Method && alias->target != Target::Request &&
                      alias->target != Target::Event;
  if (column) return {Use::Field, plain};
  return {Use::Text, std::string(name)};
}

class W3cParser final : public LineParser {
 public:
  explicit W3cParser(const ParseOptions& options) : most_(options.max_fields) {}

  void forget_directives() override {
    columns_.clear();
    software_.clear();
    date_.clear();
    local_ = false;
    local_columns_ = false;
    describe();
  }

  bool take_directive(std::string_view line) override {
    const Directive d = read_directive(line);
    switch (d.kind) {
      case Directive::Kind::W3cFields:
        read_columns(d.value);
        break;
      case Directive::Kind::W3cSoftware:
        software_ = lower(d.value);
        break;
      case Directive::Kind::W3cDate:
        date_ = d.value.substr(0, 10);
        return true;
      case Directive::Kind::W3cTimeFormat:
        local_ = lower(d.value) == "local";
        return true;
      default:
        return false;
    }
    describe();
    return true;
  }

  LineResult parse_line(std::string_view line, RowBuilder& row) override {
    if (columns_.empty()) return {Reject::NoMatch};
    TableValues values(line, find(line, '\t') != npos ? '\t' : commas_ ? ',' : ' ');
    unquoted_.clear();
    static_cast<void>(unquoted_.room(line.size()));  // views into it stay valid for the row
    row.begin();
    Row seen{date_, {}, {}, {}, {}, {}, {}};
    std::string_view value;
    std::string_view text = line;  // behind the stamp
    bool stamps = true;
    for (const Column& column : columns_) {
      if (!values.next(value, unquoted_)) return {Reject::Truncated};
      stamps = stamps &&
               (column.use == Use::Date || column.use == Use::Time || column.use == Use::Stamp);
      if (stamps) text = values.rest();
      value = scan::trim(value);
      if (value == "-" || value.empty()) continue;
      if (!take(column, value, seen, row)) return {Reject::InvalidHeader};
    }
    if (!values.at_end()) return {Reject::NoMatch};
    if (!stamp(seen, row)) return {Reject::InvalidHeader};
    finish(scan::trim(text), seen, row);
    return {};
  }

 private:
  struct Row {
    std::string_view date, time, method, stem, query, protocol, taken;
  };

  void read_columns(std::string_view names) {
    columns_.clear();
    local_columns_ = lower(names).find("time-local") != npos;
    commas_ = names.find(' ') == npos && names.find('\t') == npos && names.find(',') != npos;
    const char* const separators = commas_ ? "," : " \t";
    while (!names.empty() && columns_.size() <= most_) {
      const std::size_t end = names.find_first_of(separators);
      if (end != 0) columns_.push_back(column_of(scan::trim(names.substr(0, end))));
      names.remove_prefix(end == npos ? names.size() : end + 1);
    }
    if (columns_.size() > most_) columns_.clear();
  }

  // What the software and the columns tell of the whole table.
  void describe() {
    const auto has = [this](std::string_view name) {
      return std::any_of(columns_.begin(), columns_.end(),
                         [name](const Column& c) { return lower(c.name) == name; });
    };
    const auto by = [this](std::string_view name) { return software_.find(name) != npos; };
    const bool iis =
        by("internet information") || by("iis") || has("sc-win32-status") || has("sc-substatus");
    service_ = iis                            ? "iis"
               : has("x-edge-location")       ? "cloudfront"
               : by("firewall")               ? "firewall"
               : by("exchange")               ? "exchange"
               : by("sgos") || by("bluecoat") ? "proxy"
                                              : "";
    // Seconds, says the draft; these write milliseconds.
    taken_ = iis || by("microsoft") || by("sgos") || has("timetakenms") ? Reading::Milliseconds
                                                                        : Reading::Seconds;
  }

  bool take(const Column& column, std::string_view value, Row& seen, RowBuilder& row) {
    switch (column.use) {
      case Use::Date:
        seen.date = value;
        break;
      case Use::Time:
        seen.time = value;
        break;
      case Use::Stamp:
        return whole_stamp(value, row);
      case Use::Ip:
        row.field_text("client_ip", value);
        break;
      case Use::Method:
        seen.method = value;
        break;
      case Use::Stem:
        seen.stem = value;
        break;
      case Use::Query:
        seen.query = value;
        break;
      case Use::Status:
        row.field_text("status", value);
        break;
      case Use::User:
        row.user_id(value);
        break;
      case Use::Taken:
        if (const auto ms = duration_ms(value, taken_, false)) row.response_time(*ms);
        break;
      case Use::Host:
        row.source(value);
        break;
      case Use::Protocol:
        seen.protocol = value;
        row.meta_text(column.name, value);
        break;
      case Use::Number:
        if (const auto number = to_int(value)) {
          row.meta_int(column.name, *number);
          break;
        }
        [[fallthrough]];
      case Use::Text:
        row.meta_text(column.name, value);
        break;
      case Use::Field:
        row.field_text(column.name, value);
        break;
    }
    return true;
  }

  [[nodiscard]] TimeContext context(const RowBuilder& row) const noexcept {
    TimeContext out = row.time_context();
    if (!local_ && !local_columns_) out.zone_minutes = 0;  // the draft: all times are GMT
    return out;
  }

  bool whole_stamp(std::string_view value, RowBuilder& row) const {
    const auto time = parse_time(value, context(row));
    if (!time || time->length != value.size()) return false;
    row.timestamp(time->us);
    return true;
  }

  // False when there is a date or time that is none; a row without them has the time of receipt.
  bool stamp(const Row& seen, RowBuilder& row) const {
    if (row.has(Target::Timestamp) || seen.time.empty()) return true;
    char text[48];
    if (seen.date.size() != 10 || seen.time.size() > 30) return false;
    std::copy(seen.date.begin(), seen.date.end(), text);
    text[10] = ' ';
    std::copy(seen.time.begin(), seen.time.end(), text + 11);
    return whole_stamp({text, 11 + seen.time.size()}, row);
  }

  void finish(std::string_view text, const Row& seen, RowBuilder& row) {
    if (!service_.empty()) row.service(service_);
    if (is_method(seen.method)) row.method(seen.method);
    std::string_view target = seen.stem;
    path_.clear();
    if (!seen.query.empty() && !seen.stem.empty()) {
      path_.append(seen.stem);
      path_.push('?');
      path_.append(seen.query);
      target = path_.view();
    }
    if (!target.empty()) row.endpoint(target);
    if (row.has(Target::Message)) return;
    if (seen.method.empty() || target.empty()) return row.message(text);
    message_.clear();
    message_.append(seen.method);
    message_.push(' ');
    message_.append(target);
    if (!seen.protocol.empty()) {
      message_.push(' ');
      message_.append(seen.protocol);
    }
    row.message(message_.view());
  }

  const std::size_t most_;
  std::vector<Column> columns_;
  bool commas_ = false;
  bool local_ = false;
  bool local_columns_ = false;
  std::string software_;
  std::string date_;  // of the directive, for tables with a time only
  std::string_view service_;
  Reading taken_ = Reading::Seconds;
  ByteBuffer unquoted_;
  ByteBuffer path_;
  ByteBuffer message_;
};

}  // namespace

Format w3c_format() {
  return table_format(
      "w3c", "W3C extended log: IIS, CloudFront, Exchange, Windows firewall (#Fields:)",
      [](const ParseOptions& options) { return std::make_unique<W3cParser>(options); });
}

}  // namespace logforest::parse
