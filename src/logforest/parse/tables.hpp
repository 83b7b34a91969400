// Tables whose columns are named by lines in the log itself (directives.hpp).
//
// Sources: W3C Working Draft "Extended Log File Format" (WD-logfile-960323), as IIS, CloudFront,
// Exchange, Blue Coat and the Windows firewall write it; Zeek's ASCII log writer.
#pragma once

#include "logforest/parse/parser.hpp"

namespace logforest::parse {

[[nodiscard]] Format w3c_format();
[[nodiscard]] Format zeek_format();

// Share of the rows of `lines` that the format takes, the lines with its directives left out; 1
// when there is a header only, 0 when none names the columns.
[[nodiscard]] double table_share(const Format& format, const std::vector<std::string_view>& lines);

}  // namespace logforest::parse
