// Lines of tables that say how the rows behind them are to be read: "#Fields: date time c-ip"
// (W3C extended log file format), "#fields\tts\tuid" (Zeek) and "version account-id ..." (VPC flow
// logs). They may come again at any place. The names of a CSV file's columns are its first line.
//
// What is in force at the start of a chunk was said in earlier ones. The reader, which sees the
// chunks in order, carries it along as text: the last line of each kind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace logforest::parse {

struct Directive {
  enum class Kind : std::uint8_t {
    None,
    Comment,  // of the shape of a directive, without a meaning for the rows
    W3cFields,
    W3cSoftware,
    W3cDate,
    W3cTimeFormat,
    ZeekSeparator,
    ZeekSetSeparator,
    ZeekEmpty,
    ZeekUnset,
    ZeekPath,
    ZeekFields,
    ZeekTypes,
    FlowFields,
    CsvFields,
  };
  Kind kind = Kind::None;
  std::string_view value;
};

// Kind::None for a line that is none.
[[nodiscard]] Directive read_directive(std::string_view line) noexcept;

// What stands between the names of a CSV header, which tell of a time and of something else known:
// ',', ';', a tab or '|'. 0: `line` is none.
[[nodiscard]] char csv_separator(std::string_view line) noexcept;
// A name as the alias table has it: "Event Time" -> event_time.
[[nodiscard]] std::string csv_key(std::string_view name);

// Whether one of these lines names the columns of a table.
[[nodiscard]] bool names_columns(std::string_view head) noexcept;

// Brings `state` up to date with the directives of a chunk. Lines longer than `longest` or with
// NUL bytes are not looked at: they are rejected.
void carry_directives(std::string& state, std::string_view chunk, std::size_t longest);

}  // namespace logforest::parse
