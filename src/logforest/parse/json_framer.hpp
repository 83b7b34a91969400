// JSON records that are not one a line: pretty-printed objects, an array over many lines or on one
// endless line, objects one behind the other.
#pragma once

#include "logforest/parse/parser.hpp"

namespace logforest::parse {

// A framer when `head` shows that records span lines; nullptr when one line is one record.
[[nodiscard]] std::unique_ptr<Framer> make_json_framer(const ParseOptions& options,
                                                       std::string_view head);

// Whether `line` is one valid object from its first byte on, blanks behind it aside.
[[nodiscard]] bool is_json_object(std::string_view line, ByteBuffer& scratch);

}  // namespace logforest::parse
