// Records of several lines that begin in a way of their own and end where the next one begins or
// at a blank line.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "logforest/parse/parser.hpp"

namespace logforest::parse {

// How many bytes of `record` (all that is known, from its first line on) belong to the record,
// its last line end included; 0 when more bytes must be seen, npos when no record begins here.
// With `complete` no byte follows, and the answer is never 0.
using RecordEnd = std::function<std::size_t(std::string_view record, bool complete)>;

// Lines between the records are frames by themselves. A record longer than `longest` is cut behind
// the last line that fits.
[[nodiscard]] std::unique_ptr<Framer> make_block_framer(RecordEnd end, std::size_t longest);

// For RecordEnd: the record ends before the first later line for which `begins(lines so far,
// line)`.
using LineBegins = bool (*)(std::string_view before, std::string_view line);
[[nodiscard]] std::size_t ends_before(std::string_view record, bool complete, LineBegins begins);

}  // namespace logforest::parse
