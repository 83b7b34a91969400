// Formats made of regular expressions: users' patterns and the built-in YAML formats. RE2 only:
// linear time, bounded memory, whatever the pattern and the line.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "logforest/parse/parser.hpp"

namespace logforest::parse {

struct RegexSpec {
  using Pairs = std::vector<std::pair<std::string, std::string>>;

  std::string name;
  std::string description;
  // Tried in order, each from the start of the line; named groups are fields, looked up in the
  // alias table (timestamp, level, service, host, message, status, ...), else metadata.
  std::vector<std::string> patterns;
  std::vector<std::string> time_formats;  // see TimePattern; none: every form that parse_time knows
  Pairs levels;                           // texts of the level group -> a usual level name
  Pairs constants;                        // fields that every record gets
  std::vector<std::string> integers;      // groups that are numbers
  bool multiline = false;                 // stack traces are joined to the record before them
  bool detect = true;                     // takes part in "auto"
  int rank = 60;
};

// Throws ConfigError that says where: bad syntax, no named group, a group given twice, a pattern
// that needs more than the memory cap, an unknown time directive or level.
[[nodiscard]] Format regex_format(RegexSpec spec);

// Share of `lines` that a parser of `format` accepts (for Format::detect); 0 for less than half.
[[nodiscard]] double accepted_share(const Format& format,
                                    const std::vector<std::string_view>& lines);

// Whether a parser of `format` accepts one of `lines` at least.
[[nodiscard]] bool accepts_any(const Format& format, const std::vector<std::string_view>& lines);

}  // namespace logforest::parse
