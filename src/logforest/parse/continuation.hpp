// Which lines can only go on with the record before them: stack traces of Java, Python, Go, .NET
// and JavaScript, and indented text. The answer depends on the line alone, so that a chunk may
// end before any line that is none of these.
#pragma once

#include <cstdint>
#include <string_view>

namespace logforest::parse {

enum class Shape : std::uint8_t {
  Record,    // may start a record
  Trace,     // surely part of a trace: "\tat a.b(C.java:1)", "Caused by: ...", "  File "x", line 1"
  Indented,  // begins with a blank
  Closing,   // ends a trace when one is open: "ValueError: x", "main.run(0x1)", "}"
};
[[nodiscard]] Shape shape_of(std::string_view line) noexcept;

// Whether a record with this text is likely followed by a trace ("panic: ...", "Exception in
// thread ...", "Traceback (most recent call last):").
[[nodiscard]] bool opens_trace(std::string_view line) noexcept;

// More control characters or replacement characters than any text has.
[[nodiscard]] bool looks_binary(std::string_view line) noexcept;

}  // namespace logforest::parse
