#include "logforest/parse/continuation.hpp"

#include <array>

#include "logforest/parse/scan.hpp"

namespace logforest::parse {

using namespace scan;

namespace {

constexpr std::array<std::string_view, 18> kTraceStarts{
    "Caused by: ",
    "Suppressed: ",
    "Traceback (most recent call last):",
    "During handling of the above exception",
    "The above exception was the direct cause",
    "--- End of inner exception stack trace",
    "--- End of stack trace",
    "created by ",
    "[signal ",
    "... ",
    "goroutine ",
    "Wrapped by: ",
    "[stacktrace]",
    "[previous exception]",
    "Stack trace:",
    "** (",
    "! ",
    "main.main",
};

constexpr std::array<std::string_view, 7> kTraceFrames{
    "at ", "File \"", "... ", "Caused by: ", "Suppressed: ", "- locked <", "--- End of ",
};

// "a.b.CException", "ValueError": a class of an error, then ':' or the end; how many dots are in
// it, or -1.
int error_class(std::string_view line) noexcept {
  std::size_t end = 0;
  int dots = 0;
  while (end < line.size() &&
         (is_alnum(line[end]) || line[end] == '_' || line[end] == '$' || line[end] == '.')) {
    dots += line[end] == '.' ? 1 : 0;
    ++end;
  }
  if (end < 5 || end > 200) return -1;
  const bool coded = line.substr(end, 4) == " (0x";  // .NET: "Npgsql.PostgresException (0x8...)"
  if (end < line.size() && line[end] != ':' && !coded) return -1;
  if (!coded && end + 1 < line.size() && line[end + 1] != ' ') return -1;
  const std::string_view name = line.substr(0, end);
  for (const std::string_view tail : {"Exception", "Error", "Throwable", "Interrupt", "Warning",
                                      "Exit", "Failure", "Fault", "StopIteration"}) {
    if (name.ends_with(tail)) return dots;
  }
  return -1;
}

// "main.(*T).run(0xc000, 0x1)": Go's function line, no blank before the bracket.
bool go_function(std::string_view line) noexcept {
  if (line.back() != ')' || !is_alpha(line[0])) return false;
  const std::size_t open = line.rfind('(');
  if (open == npos || open < 3 || line[open - 1] == ' ') return false;
  const std::string_view name = line.substr(0, open);
  return name.find('.') != npos && name.find(' ') == npos;
}

// "go.uber.org/zap.(*Logger).Info", "a.b/c.New.func3": the function lines that zap prints.
bool zap_function(std::string_view line) noexcept {
  return line.size() < 512 && line.find(' ') == npos && line.find('/') != npos &&
         (line.find(".func") != npos || line.find(".(*") != npos);
}

// "#12 /var/www/app.php(140): App->run()": PHP.
bool php_frame(std::string_view line) noexcept {
  std::size_t at = 1;
  while (at < line.size() && is_digit(line[at])) ++at;
  return at > 1 && at + 1 < line.size() && line[at] == ' ' && at < 6;
}

// "  2026-05-17 10:05:03 ...", "  1234:20260517:100503.123 ...": some programs indent every record.
bool indented_stamp(std::string_view line) noexcept {
  std::size_t at = 0;
  while (at < line.size() && line[at] == ' ') ++at;
  if (at > 8 || line.size() < at + 17 || !is_digit(line[at])) return false;
  const std::string_view s = line.substr(at);
  std::size_t digits = 1;
  while (digits < 11 && is_digit(s[digits])) ++digits;
  if (digits == 4 && (s[4] == '-' || s[4] == '/')) {
    return is_digit(s[5]) && is_digit(s[6]) && s[7] == s[4] && is_digit(s[8]) && is_digit(s[9]) &&
           (s[10] == ' ' || s[10] == 'T') && is_digit(s[11]) && s[13] == ':';
  }
  return digits < 11 && s[digits] == ':' && s.size() > digits + 16 &&
         all_digits(s.substr(digits + 1, 8)) && s[digits + 9] == ':' &&
         all_digits(s.substr(digits + 10, 6));
}

}  // namespace

Shape shape_of(std::string_view line) noexcept {
  if (line.empty()) return Shape::Record;
  if (is_blank(line[0])) {
    const std::string_view text = trim(line);
    for (const std::string_view frame : kTraceFrames) {
      if (text.starts_with(frame)) return Shape::Trace;
    }
    return line[0] == ' ' && indented_stamp(line) ? Shape::Record : Shape::Indented;
  }
  switch (line[0]) {
    case 'C':
    case 'S':
    case 'T':
    case 'D':
    case '-':
    case 'c':
    case '[':
    case '.':
    case 'g':
    case 'W':
    case '*':
    case '!':
    case 'm':
      for (const std::string_view start : kTraceStarts) {
        if (start[0] != line[0] || !line.starts_with(start)) continue;
        if (line[0] == 'g' && line.back() != ':') break;
        if (line[0] == 'm' && line.size() != start.size()) break;
        if (line[0] == '.' && !(line.size() > 4 && is_digit(line[4]))) break;
        return Shape::Trace;
      }
      break;
    case '#':
      if (php_frame(line)) return Shape::Trace;
      break;
    case '}':
    case ')':
    case ']':
      if (line.size() <= 3) return Shape::Closing;
      break;
    default:
      break;
  }
  if (is_alpha(line[0]) && line.size() < 4096) {
    const int dots = error_class(line);
    if (is_lower(line[0]) && (dots >= 2 || zap_function(line))) return Shape::Trace;
    // "System.IO.IOException: no such file", as .NET prints it under the record.
    if (dots >= 1 && is_upper(line[0]) && line.find("Exception") != npos) return Shape::Trace;
    if (dots >= 0 || go_function(line)) return Shape::Closing;
  }
  return Shape::Record;
}

bool opens_trace(std::string_view line) noexcept {
  for (const std::string_view start :
       {"Traceback (most", "Exception in thread", "panic: ", "fatal error: ", "Unhandled exception",
        "Uncaught ", "goroutine ", "thread '"}) {
    if (line.starts_with(start)) return true;
  }
  return shape_of(line) == Shape::Trace ||
         (is_alpha(line.empty() ? ' ' : line[0]) && error_class(line) >= 0);
}

bool looks_binary(std::string_view line) noexcept {
  std::size_t bad = 0;
  for (const char c : line) {
    const auto u = static_cast<unsigned char>(c);
    if ((u < 0x20 && c != '\t' && c != '\x1b' && c != '\n' && c != '\r') || u == 0x7f) bad += 3;
  }
  for (std::size_t at = line.find("\xef\xbf\xbd"); at != npos;
       at = line.find("\xef\xbf\xbd", at + 3)) {
    bad += 3;
  }
  return bad > 6 && bad * 4 > line.size();
}

}  // namespace logforest::parse
