#include "logforest/record/level.hpp"

#include <cstddef>

namespace logforest {

namespace {
struct Spelling {
  std::string_view name;
  Level level;
};
constexpr Spelling kSpellings[] = {
    {"info", Level::Info},         {"error", Level::Error},        {"warn", Level::Warn},
    {"warning", Level::Warn},      {"debug", Level::Debug},        {"err", Level::Error},
    {"critical", Level::Critical}, {"crit", Level::Critical},      {"fatal", Level::Critical},
    {"notice", Level::Info},       {"trace", Level::Debug},        {"alert", Level::Critical},
    {"emerg", Level::Critical},    {"emergency", Level::Critical}, {"panic", Level::Critical},
    {"severe", Level::Error},      {"failure", Level::Error},      {"verbose", Level::Debug},
    {"fine", Level::Debug},        {"finer", Level::Debug},        {"finest", Level::Debug},
    {"config", Level::Debug},      {"information", Level::Info},   {"informational", Level::Info},
    {"inf", Level::Info},          {"dbg", Level::Debug},          {"wrn", Level::Warn},
    {"ftl", Level::Critical},      {"trc", Level::Debug},          {"log", Level::Info},
    {"dpanic", Level::Critical},   {"default", Level::Info},       {"statement", Level::Info},
    {"hint", Level::Info},         {"detail", Level::Info},        {"success", Level::Info},
    {"eror", Level::Error},        {"dbug", Level::Debug},         {"trce", Level::Debug},
    {"vrb", Level::Debug},         {"fault", Level::Error},        {"silly", Level::Debug},
    {"erro", Level::Error},        {"debu", Level::Debug},         {"fata", Level::Critical},
    {"trac", Level::Debug},        {"pani", Level::Critical},      {"fehler", Level::Error},
    {"warnung", Level::Warn},      {"erreur", Level::Error},
};

// What stands around the word: a terminal's colours, "+2" behind it (slog's levels in between).
std::string_view bare(std::string_view name) noexcept {
  if (name.starts_with("\x1b[")) {
    const std::size_t m = name.find('m');
    if (m == std::string_view::npos) return {};
    name.remove_prefix(m + 1);
    name = name.substr(0, name.find('\x1b'));
  }
  const std::size_t sign = name.find_first_of("+-");
  if (sign != std::string_view::npos && sign > 2 && name.size() - sign <= 3 &&
      name.size() > sign + 1 &&
      name.find_first_not_of("0123456789", sign + 1) == std::string_view::npos) {
    name = name.substr(0, sign);
  }
  // "DEBUG2", "trace8", MongoDB's "D1": only what is said in detail is numbered.
  const std::size_t digit = name.find_last_not_of("0123456789") + 1;
  if (digit + 1 == name.size()) {
    const char c = static_cast<char>(name[0] | 0x20);
    if (digit == 1 ? name[0] == 'D' : (c == 'd' || c == 't' || c == 'v') && digit >= 5) {
      name = name.substr(0, digit);
    }
  }
  return name;
}
}  // namespace

std::optional<Level> level_from_name(std::string_view name) noexcept {
  char lower[16];
  if (!name.empty() && (name[0] == '\x1b' || (name.back() >= '0' && name.back() <= '9'))) {
    name = bare(name);
  }
  if (name.empty() || name.size() > sizeof lower) return std::nullopt;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    lower[i] = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  const std::string_view key(lower, name.size());
  if (key.size() == 1) {
    switch (key[0]) {
      case 't':
      case 'd':
      case 'v':
        return Level::Debug;
      case 'i':
      case 'n':
        return Level::Info;
      case 'w':
        return Level::Warn;
      case 'e':
        return Level::Error;
      case 'f':
      case 'c':
      case 'a':
      case 'p':
        return Level::Critical;
      default:
        return std::nullopt;
    }
  }
  for (const Spelling& s : kSpellings) {
    if (s.name == key) return s.level;
  }
  return std::nullopt;
}

Level level_from_syslog(unsigned severity) noexcept {
  if (severity <= 2) return Level::Critical;
  if (severity == 3) return Level::Error;
  if (severity == 4) return Level::Warn;
  return severity <= 6 ? Level::Info : Level::Debug;
}

Level level_from_otel(unsigned number) noexcept {
  if (number == 0 || number > 24) return Level::Info;
  if (number <= 8) return Level::Debug;
  if (number <= 12) return Level::Info;
  if (number <= 16) return Level::Warn;
  return number <= 20 ? Level::Error : Level::Critical;
}

Level level_from_http(int status) noexcept {
  if (status >= 500) return Level::Error;
  return status >= 400 ? Level::Warn : Level::Info;
}

}  // namespace logforest
