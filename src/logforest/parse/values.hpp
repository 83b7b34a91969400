// Readings of single values: numbers, durations, addresses, request lines, level numbers.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "logforest/parse/aliases.hpp"
#include "logforest/record/level.hpp"

namespace logforest::parse {

[[nodiscard]] std::string_view trim(std::string_view text) noexcept;  // spaces, tabs, CR, LF

// Whole text or nothing. to_double: decimal, finite.
[[nodiscard]] std::optional<std::int64_t> to_integer(std::string_view text) noexcept;
[[nodiscard]] std::optional<double> to_double(std::string_view text) noexcept;

// The shortest JSON number that reads back equal; "null" for NaN and infinities.
struct NumberText {
  char bytes[40];
  std::size_t size = 0;
  [[nodiscard]] std::string_view view() const noexcept { return {bytes, size}; }
};
[[nodiscard]] NumberText number_text(std::int64_t value) noexcept;
[[nodiscard]] NumberText number_text(double value) noexcept;

// Milliseconds from a number in the unit of `reading`; with `units`, "12ms", "1.5s", "3m2.5s" (Go)
// and "0.25 s" too. Nothing for negative values.
[[nodiscard]] std::optional<double> duration_ms(std::string_view text, Reading reading,
                                                bool units) noexcept;

// The IPv4 or IPv6 address at the start of "address", "address:port" or "[address]:port"; empty
// when there is none or something else follows.
[[nodiscard]] std::string_view ip_part(std::string_view text) noexcept;

// An HTTP token of letters: GET, patch, M-SEARCH.
[[nodiscard]] bool is_method(std::string_view text) noexcept;

// "GET /path HTTP/1.1" or "/path"; empty parts when it is neither.
struct RequestLine {
  std::string_view method;
  std::string_view path;
};
[[nodiscard]] RequestLine request_line(std::string_view text) noexcept;

// Plain: syslog 0..7, pino 10..60, GCP 100..800.
[[nodiscard]] std::optional<Level> level_from_number(std::int64_t value, Reading reading) noexcept;

}  // namespace logforest::parse
