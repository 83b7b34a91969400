// "auto": the format of the source's head comes first, then every other format that may fit the
// line, then stack traces, then plain text.
//
// What becomes of a line depends on the line, the head of the source and (for stack traces) the
// lines since the record it belongs to: not on chunks, threads or feed() calls.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "logforest/parse/parser.hpp"
#include "logforest/parse/registry.hpp"

namespace logforest::parse {

// The lines of `head` that detection judges: framed as syslog where octet counts are, without
// blank lines, without a cut last one and without lines that only continue a record.
[[nodiscard]] std::vector<std::string_view> sample_records(std::string_view head);

// A format that parses as the one detected where it can (none: plain text) and else as any of
// `others`; `found.finer` are asked before it.
[[nodiscard]] Format auto_format(const Detected& found,
                                 std::vector<std::shared_ptr<const Format>> others);

// `format` with stack traces joined to its records; other lines it refuses stay refused.
[[nodiscard]] Format joined_format(const std::shared_ptr<const Format>& format);

}  // namespace logforest::parse
