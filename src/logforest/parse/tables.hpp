// Tables whose columns are named by lines in the log itself (directives.hpp).
//
// Sources: W3C Working Draft "Extended Log File Format" (WD-logfile-960323), as IIS, CloudFront,
// Exchange, Blue Coat and the Windows firewall write it; Zeek's ASCII log writer; AWS VPC flow
// logs; RFC 4180 (CSV with a header line), also with ';', tabs or '|'.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "logforest/parse/parser.hpp"

namespace logforest::parse {

[[nodiscard]] Format w3c_format();
[[nodiscard]] Format zeek_format();
[[nodiscard]] Format vpc_flow_format();
[[nodiscard]] Format csv_format();

using MakeParser = std::function<std::unique_ptr<LineParser>(const ParseOptions&)>;

// A format of a table: detected by a header and the share of the rows that its parser takes.
[[nodiscard]] Format table_format(std::string name, std::string description, MakeParser make);

}  // namespace logforest::parse
