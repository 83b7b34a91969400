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
// Writes `text` (valid UTF-8) as the inside of a JSON string and returns the end of it. Needs room
// for 6 bytes a byte and kJsonTextSlack more.
[[nodiscard]] char* write_json_text(char* to, std::string_view text) noexcept;
inline constexpr std::size_t kJsonTextSlack = 16;
// Appends `text` (valid UTF-8) as a JSON string with its quotes to a ByteBuffer or Buffer<char>.
template <class Out>
void append_json_string(Out& out, std::string_view text) {
  *out.room(1) = '"';
  out.advance(1);
  while (!text.empty()) {
    const std::string_view part = text.substr(0, 4096);
    char* const to = out.room(6 * part.size() + kJsonTextSlack);
    out.advance(static_cast<std::size_t>(write_json_text(to, part) - to));
    text.remove_prefix(part.size());
  }
  *out.room(1) = '"';
  out.advance(1);
}

}  // namespace logforest
