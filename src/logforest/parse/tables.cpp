#include "logforest/parse/tables.hpp"

#include <algorithm>
#include <utility>

#include "logforest/parse/directives.hpp"
#include "logforest/parse/row_builder.hpp"

namespace logforest::parse {

namespace {

// Share of the rows of `lines` that the format takes, the lines with its directives left out; 1
// when there is a header only, 0 when none names the columns.
double table_share(const MakeParser& make, const std::vector<std::string_view>& lines) {
  if (std::none_of(lines.begin(), lines.end(), names_columns)) return 0;
  const ParseOptions options;
  RecordBatch scratch;
  RowBuilder row(options, scratch);
  const std::unique_ptr<LineParser> parser = make(options);
  std::size_t rows = 0;
  std::size_t accepted = 0;
  bool mine = false;
  for (const std::string_view line : lines) {
    if (read_directive(line).kind != Directive::Kind::None) {
      mine |= parser->take_directive(line) && names_columns(line);
      continue;
    }
    ++rows;
    accepted += parser->parse_line(line, row).reject == Reject::None ? 1U : 0U;
    if (row.open()) row.abandon();
  }
  if (!mine) return 0;
  return rows == 0 ? 1.0 : static_cast<double>(accepted) / static_cast<double>(rows);
}

}  // namespace

Format table_format(std::string name, std::string description, MakeParser make) {
  Format format;
  format.name = std::move(name);
  format.description = std::move(description);
  format.rank = 88;
  format.family = "table";
  format.directives = true;
  format.detect = [make](const std::vector<std::string_view>& lines) {
    return table_share(make, lines);
  };
  format.make = std::move(make);
  return format;
}

}  // namespace logforest::parse
