// Formats whose records span lines: java.util.logging's two lines, MySQL's slow query log, the
// export format of journald.
#pragma once

#include "logforest/parse/parser.hpp"

namespace logforest::parse {

// "May 01, 2024 10:00:00 AM com.shop.Cart add", then "SEVERE: no stock" and perhaps a stack trace.
[[nodiscard]] Format jul_format();
// "# Time: ...", "# User@Host: ...", "# Query_time: ...", then the statement.
[[nodiscard]] Format mysql_slow_format();
// journalctl -o export: fields a line each, or with a length; a blank line ends the entry.
// Source: systemd.io, Journal Export Formats.
[[nodiscard]] Format journal_export_format();

}  // namespace logforest::parse
