// UTF-8 checks and repair, JSON string output.
#pragma once

#include <cstddef>
#include <string_view>

#include "logforest/base/byte_buffer.hpp"

namespace logforest {

[[nodiscard]] bool valid_utf8(std::string_view text) noexcept;
// Appends `text` with each ill-formed sequence (maximal subpart, Unicode 15 section 3.9) replaced
// by U+FFFD, as Python's errors="replace" does; returns how many were replaced.
std::size_t append_repaired(ByteBuffer& out, std::string_view text);
// The longest prefix of at most `limit` bytes that does not cut a character.
[[nodiscard]] std::string_view utf8_prefix(std::string_view text, std::size_t limit) noexcept;
// Appends the UTF-8 form of a scalar value (surrogates become U+FFFD).
void append_code_point(ByteBuffer& out, unsigned code_point);
// Bytes before the first that JSON must escape: a control character, a quote, a backslash.
[[nodiscard]] std::size_t json_plain_length(std::string_view text) noexcept;
// Appends `text` (valid UTF-8) as a JSON string with its quotes.
void append_json_string(ByteBuffer& out, std::string_view text);

}  // namespace logforest
