// AWS VPC flow logs. Files begin with a line of column names in any order ("version account-id ...
// log-status"), which may come again where files were joined; what CloudWatch hands on has none and
// the fields of version 2. Source: Amazon VPC user guide, "Flow log records".
#include <algorithm>
#include <array>
#include <string>

#include "logforest/base/byte_buffer.hpp"
#include "logforest/base/time.hpp"
#include "logforest/parse/directives.hpp"
#include "logforest/parse/row_builder.hpp"
#include "logforest/parse/scan.hpp"
#include "logforest/parse/tables.hpp"

namespace logforest::parse {

using namespace scan;

namespace {

constexpr std::string_view kVersion2 =
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start "
    "end action log-status";

enum class Use : std::uint8_t { Text, Number, Version, Start, Source, Action, Status };

struct Column {
  Use use = Use::Text;
  std::string name;
};

Column column_of(std::string_view name) {
  constexpr std::string_view numbers[] = {"srcport", "dstport", "protocol",         "packets",
                                          "bytes",   "end",     "tcp-flags",        "traffic-path",
                                          "start",   "version", "encryption-status"};
  Column out;
  out.name = name;
  std::replace(out.name.begin(), out.name.end(), '-', '_');
  if (std::find(std::begin(numbers), std::end(numbers), name) != std::end(numbers))
    out.use = Use::Number;
  if (name == "version") out.use = Use::Version;
  if (name == "start") out.use = Use::Start;
  if (name == "srcaddr") out.use = Use::Source;
  if (name == "action") out.use = Use::Action;
  if (name == "log-status") out.use = Use::Status;
  return out;
}

class FlowParser final : public LineParser {
 public:
  FlowParser() { forget_directives(); }

  void forget_directives() override {
    read_columns(kVersion2);
    named_ = false;
  }

  bool take_directive(std::string_view line) override {
    const Directive d = read_directive(line);
    if (d.kind != Directive::Kind::FlowFields) return false;
    read_columns(d.value);
    named_ = true;
    return true;
  }

  LineResult parse_line(std::string_view line, RowBuilder& row) override {
    if (line.empty() || !(named_ || line.starts_with("2 "))) return {Reject::NoMatch};
    row.begin();
    std::string_view action;
    std::string_view status;
    std::string_view rest = line;
    for (const Column& column : columns_) {
      if (rest.empty()) return {Reject::Truncated};
      const std::size_t end = std::min(rest.find(' '), rest.size());
      const std::string_view value = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (value == "-") continue;
      if (value.empty() || !take(column, value, action, status, row)) return {Reject::NoMatch};
    }
    if (!rest.empty()) return {Reject::NoMatch};
    row.service("vpc_flow");
    message_.clear();
    message_.append(action);
    if (!action.empty() && !status.empty()) message_.push(' ');
    message_.append(status);
    row.message(message_.view().empty() ? line : message_.view());
    return {};
  }

 private:
  void read_columns(std::string_view names) {
    columns_.clear();
    while (!names.empty()) {
      const std::size_t end = std::min(names.find(' '), names.size());
      if (end != 0) columns_.push_back(column_of(names.substr(0, end)));
      names.remove_prefix(std::min(end + 1, names.size()));
    }
  }

  static bool take(const Column& column, std::string_view value, std::string_view& action,
                   std::string_view& status, RowBuilder& row) {
    switch (column.use) {
      case Use::Version:
        if (!all_digits(value) || value.size() > 2) return false;
        break;
      case Use::Start: {
        const auto seconds = to_int(value);
        const auto us = seconds && value.size() <= 11 ? epoch_to_us(*seconds) : std::nullopt;
        if (!us) return false;
        row.timestamp(*us);
        return true;
      }
      case Use::Source:
        if (!is_ip(value)) break;
        row.ip_address(value);
        return true;
      case Use::Action:
        action = value;
        break;
      case Use::Status:
        status = value;
        break;
      default:
        break;
    }
    const auto number = column.use == Use::Number || column.use == Use::Version
                            ? to_int(value)
                            : std::optional<std::int64_t>();
    if (number) {
      row.meta_int(column.name, *number);
    } else {
      row.meta_text(column.name, value);
    }
    return true;
  }

  std::vector<Column> columns_;
  bool named_ = false;
  ByteBuffer message_;
};

// Share of the rows that are of version 2, where no line names the columns.
double rows_share(const std::vector<std::string_view>& lines) {
  const ParseOptions options;
  RecordBatch scratch;
  RowBuilder row(options, scratch);
  FlowParser parser;
  std::size_t accepted = 0;
  for (const std::string_view line : lines) {
    if (!line.starts_with("2 ")) continue;
    const bool whole = parser.parse_line(line, row).reject == Reject::None;
    if (row.open()) row.abandon();
    accepted += whole && line.find(" eni-") != npos ? 1U : 0U;
  }
  return lines.empty() ? 0 : static_cast<double>(accepted) / static_cast<double>(lines.size());
}

}  // namespace

Format vpc_flow_format() {
  Format format = table_format("aws_vpc_flow", "AWS VPC flow log",
                               [](const ParseOptions&) { return std::make_unique<FlowParser>(); });
  format.detect = [table = format.detect](const std::vector<std::string_view>& lines) {
    return std::max(table(lines), rows_share(lines));
  };
  return format;
}

}  // namespace logforest::parse
