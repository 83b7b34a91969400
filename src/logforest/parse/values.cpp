#include "logforest/parse/values.hpp"

#include <cmath>
#include <cstring>

namespace logforest::parse {

namespace {

bool is_digit(char c) noexcept { return static_cast<unsigned char>(c - '0') < 10; }
bool is_alpha(char c) noexcept { return static_cast<unsigned char>((c | 0x20) - 'a') < 26; }
bool is_hex(char c) noexcept {
  return is_digit(c) || static_cast<unsigned char>((c | 0x20) - 'a') < 6;
}

std::size_t ipv4_length(std::string_view s) noexcept {
  std::size_t i = 0;
  for (int part = 0; part < 4; ++part) {
    if (part > 0) {
      if (i >= s.size() || s[i] != '.') return 0;
      ++i;
    }
    int value = 0;
    const std::size_t start = i;
    while (i < s.size() && is_digit(s[i]) && i - start < 3) value = value * 10 + (s[i++] - '0');
    if (i == start || value > 255) return 0;
  }
  return i;
}

// RFC 4291 text form, with an embedded IPv4 tail and a zone ("%eth0") or not.
std::size_t ipv6_length(std::string_view s) noexcept {
  int groups = 0;
  bool gap = false;
  std::size_t i = 0;
  while (i < s.size()) {
    if (s[i] == ':') {
      if (i + 1 < s.size() && s[i + 1] == ':') {
        if (gap) return 0;
        gap = true;
        i += 2;
        continue;
      }
      if (i == 0) return 0;
      ++i;
      if (i >= s.size() || !is_hex(s[i])) return 0;
      continue;
    }
    if (!is_hex(s[i])) break;
    const std::size_t start = i;
    while (i < s.size() && is_hex(s[i]) && i - start < 5) ++i;
    if (i < s.size() && s[i] == '.') {
      const std::size_t n = ipv4_length(s.substr(start));
      if (n == 0) return 0;
      i = start + n;
      groups += 2;
      break;
    }
    if (i - start > 4) return 0;
    ++groups;
  }
  if (groups > 8 || (gap ? groups > 7 : groups != 8)) return 0;
  if (i < s.size() && s[i] == '%') {
    ++i;
    while (i < s.size() && (is_alpha(s[i]) || is_digit(s[i]))) ++i;
  }
  return i;
}

bool is_port(std::string_view s) noexcept {
  if (s.size() < 2 || s.size() > 6 || s[0] != ':') return false;
  for (const char c : s.substr(1)) {
    if (!is_digit(c)) return false;
  }
  return true;
}

struct Unit {
  std::string_view name;
  double ms;
};
constexpr Unit kUnits[] = {{"ns", 1e-6}, {"us", 1e-3},  {"\xc2\xb5s", 1e-3}, {"\xce\xbcs", 1e-3},
                           {"ms", 1.0},  {"msec", 1.0}, {"millis", 1.0},     {"s", 1e3},
                           {"sec", 1e3}, {"secs", 1e3}, {"seconds", 1e3},    {"m", 6e4},
                           {"min", 6e4}, {"h", 3.6e6}};

std::optional<double> with_units(std::string_view text) noexcept {
  double total = 0;
  bool any = false;
  while (!text.empty()) {
    std::size_t n = 0;
    while (n < text.size() && (is_digit(text[n]) || text[n] == '.')) ++n;
    const auto value = to_double(text.substr(0, n));
    if (!value) return std::nullopt;
    text.remove_prefix(n);
    if (!text.empty() && text[0] == ' ' && !any) text.remove_prefix(1);
    n = 0;
    while (n < text.size() && !is_digit(text[n]) && text[n] != '.') ++n;
    const std::string_view unit = text.substr(0, n);
    const Unit* found = nullptr;
    for (const Unit& u : kUnits) {
      if (u.name == unit) found = &u;
    }
    if (found == nullptr) return std::nullopt;
    total += *value * found->ms;
    any = true;
    text.remove_prefix(n);
  }
  if (!any) return std::nullopt;
  return total;
}

}  // namespace

std::string_view trim(std::string_view s) noexcept {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!s.empty() && blank(s.front())) s.remove_prefix(1);
  while (!s.empty() && blank(s.back())) s.remove_suffix(1);
  return s;
}

std::optional<std::int64_t> to_integer(std::string_view text) noexcept {
  std::int64_t value = 0;
  std::size_t digits = 0;  // a few digits, as nearly always
  for (; digits < text.size() && digits < 10 && is_digit(text[digits]); ++digits)
    value = value * 10 + (text[digits] - '0');
  if (digits != 0 && digits == text.size()) return value;
  value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

std::optional<double> to_double(std::string_view text) noexcept {
  // Up to 15 digits and a few decimals: exact in double arithmetic, the common case by far.
  static constexpr double kPowers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8};
  if (text.size() <= 16) {
    std::int64_t digits = 0;
    std::size_t point = text.size();
    std::size_t i = 0;
    for (; i < text.size(); ++i) {
      if (is_digit(text[i])) {
        digits = digits * 10 + (text[i] - '0');
      } else if (text[i] == '.' && point == text.size() && i > 0) {
        point = i;
      } else {
        break;
      }
    }
    const std::size_t decimals = point == text.size() ? 0 : text.size() - point - 1;
    if (i == text.size() && i > 0 && decimals <= 8 && digits < (std::int64_t{1} << 53)) {
      return static_cast<double>(digits) / kPowers[decimals];
    }
  }
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

NumberText number_text(std::int64_t value) noexcept {
  NumberText out;
  out.size = static_cast<std::size_t>(
      std::to_chars(out.bytes, out.bytes + sizeof out.bytes, value).ptr - out.bytes);
  return out;
}

NumberText number_text(double value) noexcept {
  NumberText out;
  if (!std::isfinite(value)) {
    std::memcpy(out.bytes, "null", 4);
    out.size = 4;
    return out;
  }
  out.size = static_cast<std::size_t>(
      std::to_chars(out.bytes, out.bytes + sizeof out.bytes, value).ptr - out.bytes);
  return out;
}

std::optional<double> duration_ms(std::string_view text, Reading reading, bool units) noexcept {
  text = trim(text);
  std::optional<double> value = to_double(text);
  if (value) {
    switch (reading) {
      case Reading::Nanoseconds:
        *value /= 1e6;
        break;
      case Reading::Microseconds:
        *value /= 1e3;
        break;
      case Reading::Seconds:
        *value *= 1e3;
        break;
      default:
        break;
    }
  } else if (units) {
    value = with_units(text);
  }
  if (!value || !(*value >= 0) || !std::isfinite(*value)) return std::nullopt;
  return value;
}

std::string_view ip_part(std::string_view text) noexcept {
  if (!text.empty() && text[0] == '[') {
    const std::size_t n = ipv6_length(text.substr(1));
    if (n == 0 || n + 1 >= text.size() || text[n + 1] != ']') return {};
    const std::string_view rest = text.substr(n + 2);
    return rest.empty() || is_port(rest) ? text.substr(1, n) : std::string_view{};
  }
  const std::size_t n4 = ipv4_length(text);
  if (n4 != 0) {
    const std::string_view rest = text.substr(n4);
    return rest.empty() || is_port(rest) ? text.substr(0, n4) : std::string_view{};
  }
  const std::size_t n6 = ipv6_length(text);
  return n6 != 0 && n6 == text.size() ? text : std::string_view{};
}

bool is_method(std::string_view text) noexcept {
  if (text.empty() || text.size() > 16) return false;
  for (const char c : text) {
    if (!is_alpha(c) && c != '-' && c != '_') return false;
  }
  return true;
}

RequestLine request_line(std::string_view text) noexcept {
  if (!text.empty() && text[0] == '/') {
    return text.find(' ') == std::string_view::npos ? RequestLine{{}, text} : RequestLine{};
  }
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos) return {};
  const std::string_view method = text.substr(0, space);
  std::string_view path = text.substr(space + 1);
  const std::size_t protocol = path.rfind(" HTTP/");
  if (protocol != std::string_view::npos) path = path.substr(0, protocol);
  if (!is_method(method) || path.empty() || path.find(' ') != std::string_view::npos) return {};
  return {method, path};
}

std::optional<Level> level_from_number(std::int64_t v, Reading reading) noexcept {
  switch (reading) {
    case Reading::LevelOtel:
      if (v < 1 || v > 24) return std::nullopt;
      return level_from_otel(static_cast<unsigned>(v));
    case Reading::LevelSyslog:
      if (v < 0 || v > 7) return std::nullopt;
      return level_from_syslog(static_cast<unsigned>(v));
    case Reading::LevelPython:
      if (v < 0 || v > 100) return std::nullopt;
      if (v < 20) return Level::Debug;
      if (v < 30) return Level::Info;
      if (v < 40) return Level::Warn;
      return v < 50 ? Level::Error : Level::Critical;
    default:
      break;
  }
  if (v >= 0 && v <= 7) return level_from_syslog(static_cast<unsigned>(v));
  if (v >= 10 &&
      v <= 69) {  // pino, bunyan: trace 10, debug 20, info 30, warn 40, error 50, fatal 60
    constexpr Level kPino[] = {Level::Debug, Level::Debug, Level::Info,
                               Level::Warn,  Level::Error, Level::Critical};
    return kPino[v / 10 - 1];
  }
  if (v >= 100 && v <= 800 && v % 100 == 0) {  // google.logging.type.LogSeverity
    constexpr Level kGcp[] = {Level::Debug, Level::Info,     Level::Info,     Level::Warn,
                              Level::Error, Level::Critical, Level::Critical, Level::Critical};
    return kGcp[v / 100 - 1];
  }
  return std::nullopt;
}

}  // namespace logforest::parse
