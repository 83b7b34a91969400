#include "logforest/base/time_pattern.hpp"

#include <array>
#include <cstdlib>
#include <cstring>

#include "logforest/base/error.hpp"

namespace logforest {

namespace {

constexpr std::int64_t kDayUs = 86'400'000'000;
constexpr std::string_view kDirectives = "YymdejbHIpMSfLzsa%";

constexpr bool digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}
constexpr bool alpha(char c) noexcept { return lower(c) >= 'a' && lower(c) <= 'z'; }

constexpr bool leap(std::int64_t y) noexcept {
  return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}
constexpr bool valid(std::int64_t y, int m, int d) noexcept {
  constexpr std::array<int, 12> days{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return m >= 1 && m <= 12 && d >= 1 &&
         d <= days[static_cast<std::size_t>(m - 1)] + (m == 2 && leap(y) ? 1 : 0);
}

struct Parts {
  int year = -1, month = 0, day = 0, yearday = 0, hour = 0, minute = 0, second = 0, pm = -1;
  std::int64_t micro = 0;
  std::optional<std::int32_t> zone;
  std::optional<std::int64_t> epoch;
};

// Reads `least`..`most` digits at `at`; -1 when there are fewer.
int number(std::string_view s, std::size_t& at, int least, int most) noexcept {
  int value = 0;
  int n = 0;
  for (; at < s.size() && n < most && digit(s[at]); ++at, ++n) value = value * 10 + (s[at] - '0');
  return n >= least ? value : -1;
}

int month_name(std::string_view s, std::size_t& at) noexcept {
  constexpr std::array<std::string_view, 12> names{"january",   "february", "march",    "april",
                                                   "may",       "june",     "july",     "august",
                                                   "september", "october",  "november", "december"};
  std::size_t end = at;
  while (end < s.size() && alpha(s[end])) ++end;
  if (end - at < 3) return 0;
  for (std::size_t m = 0; m < names.size(); ++m) {
    const std::size_t n = end - at;
    if (n != 3 && n != names[m].size() && !(m == 8 && n == 4)) continue;
    bool same = true;
    for (std::size_t i = 0; i < n && same; ++i) same = lower(s[at + i]) == names[m][i];
    if (!same) continue;
    at = end;
    return static_cast<int>(m + 1);
  }
  return 0;
}

std::optional<std::int32_t> zone(std::string_view s, std::size_t& at) noexcept {
  if (at < s.size() && (s[at] == 'Z' || s[at] == 'z')) {
    ++at;
    return 0;
  }
  if (s.substr(at, 3) == "UTC" || s.substr(at, 3) == "GMT") {
    at += 3;
    return 0;
  }
  if (at >= s.size() || (s[at] != '+' && s[at] != '-')) return std::nullopt;
  const int sign = s[at++] == '-' ? -1 : 1;
  const int hours = number(s, at, 2, 2);
  if (at < s.size() && s[at] == ':') ++at;
  const int minutes = at < s.size() && digit(s[at]) ? number(s, at, 2, 2) : 0;
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return std::nullopt;
  return sign * (hours * 60 + minutes);
}

bool directive(char what, std::string_view s, std::size_t& at, Parts& out) noexcept {
  const auto read = [&](int& field, int least, int most, int low, int high) {
    field = number(s, at, least, most);
    return field >= low && field <= high;
  };
  switch (what) {
    case 'Y':
      return read(out.year, 4, 4, 1, 9999);
    case 'y':
      if (!read(out.year, 2, 2, 0, 99)) return false;
      out.year += out.year < 70 ? 2000 : 1900;
      return true;
    case 'm':
      return read(out.month, 1, 2, 1, 12);
    case 'd':
    case 'e':
      if (at < s.size() && s[at] == ' ') ++at;
      return read(out.day, 1, 2, 1, 31);
    case 'j':
      return read(out.yearday, 1, 3, 1, 366);
    case 'b':
      out.month = month_name(s, at);
      return out.month != 0;
    case 'H':
      return read(out.hour, 1, 2, 0, 23);
    case 'I':
      return read(out.hour, 1, 2, 1, 12);
    case 'M':
      return read(out.minute, 1, 2, 0, 59);
    case 'S':
      return read(out.second, 1, 2, 0, 60);
    case 'L': {
      const int millis = number(s, at, 1, 3);
      out.micro = millis * std::int64_t{1000};
      return millis >= 0;
    }
    case 'p': {
      if (at + 2 > s.size() || lower(s[at + 1]) != 'm') return false;
      const char c = lower(s[at]);
      if (c != 'a' && c != 'p') return false;
      out.pm = c == 'p' ? 1 : 0;
      at += 2;
      return true;
    }
    case 'f': {
      std::int64_t unit = 100'000;
      const std::size_t first = at;
      for (; at < s.size() && digit(s[at]) && at - first < 9; ++at, unit /= 10) {
        out.micro += (s[at] - '0') * unit;
      }
      return at > first;
    }
    case 'z':
      out.zone = zone(s, at);
      return out.zone.has_value();
    case 's': {
      std::size_t end = at;
      while (end < s.size() && digit(s[end])) ++end;
      if (end == at || end - at > 19) return false;
      std::int64_t value = 0;
      for (std::size_t i = at; i < end && i - at < 18; ++i) value = value * 10 + (s[i] - '0');
      if (end - at == 19) value = value * 10 + (s[end - 1] - '0');
      at = end;
      out.epoch = epoch_to_us(value);
      if (out.epoch && end < s.size() && s[end] == '.') {
        std::int64_t unit = 100'000;
        for (++at; at < s.size() && digit(s[at]); ++at, unit /= 10)
          *out.epoch += (s[at] - '0') * unit;
      }
      return out.epoch.has_value();
    }
    case 'a':
      while (at < s.size() && (alpha(s[at]) || s[at] == '.')) ++at;
      return true;
    default:
      return at < s.size() && s[at++] == '%';
  }
}

}  // namespace

std::optional<std::int64_t> recent_date_us(int month, int day, std::int64_t clock_us,
                                           const TimeContext& context) noexcept {
  const std::int64_t zone = context.zone_minutes * std::int64_t{60'000'000};
  const std::int64_t local = context.now_us + zone;
  const std::int64_t today = local >= 0 ? local / kDayUs : (local - kDayUs + 1) / kDayUs;
  std::optional<std::int64_t> best;
  const std::int64_t latest = context.now_us + (month == 0 ? kAheadOfDayUs : kAheadOfYearUs);
  const auto offer = [&](std::int64_t us) {  // in rising order
    if (!best || us <= latest) best = us;
  };
  if (month == 0) {
    for (std::int64_t d = today - 1; d <= today + 1; ++d) offer(d * kDayUs + clock_us - zone);
    return best;
  }
  const auto year = static_cast<std::int64_t>(1970 + static_cast<double>(today) / 365.2425);
  for (std::int64_t y = year - 8; y <= year + 1; ++y) {
    if (!valid(y, month, day)) continue;
    offer(days_from_civil(y, static_cast<unsigned>(month), static_cast<unsigned>(day)) * kDayUs +
          clock_us - zone);
  }
  return best;
}

TimePattern::TimePattern(std::string pattern) : pattern_(std::move(pattern)) {
  for (std::size_t i = 0; i < pattern_.size(); ++i) {
    if (pattern_[i] != '%') continue;
    if (i + 1 >= pattern_.size() || kDirectives.find(pattern_[i + 1]) == std::string_view::npos) {
      throw ConfigError("time format '" + pattern_ + "': unknown directive at column " +
                        std::to_string(i + 1) +
                        "; known are %Y %y %m %d %e %j %b %H %I %p %M %S %f %L %z %s %a %%");
    }
    ++i;
  }
}

std::optional<std::int64_t> TimePattern::parse(std::string_view text,
                                               const TimeContext& context) const noexcept {
  Parts p;
  std::size_t at = 0;
  for (std::size_t i = 0; i < pattern_.size(); ++i) {
    const char c = pattern_[i];
    if (c == '%') {
      if (!directive(pattern_[++i], text, at, p)) return std::nullopt;
    } else if (c == ' ') {
      const std::size_t first = at;
      while (at < text.size() && text[at] == ' ') ++at;
      if (at == first) return std::nullopt;
    } else if (at >= text.size() || text[at++] != c) {
      return std::nullopt;
    }
  }
  if (at != text.size()) return std::nullopt;
  if (p.epoch) return p.epoch;
  if (p.pm >= 0) p.hour = p.hour % 12 + (p.pm == 1 ? 12 : 0);
  const std::int64_t clock =
      ((p.hour * 60 + p.minute) * std::int64_t{60} + p.second) * 1'000'000 + p.micro;
  TimeContext local = context;
  if (p.zone) local.zone_minutes = *p.zone;
  if (p.year < 0) return recent_date_us(p.month, p.day, clock, local);
  std::int64_t days = 0;
  if (p.yearday > 0) {
    if (p.yearday == 366 && !leap(p.year)) return std::nullopt;
    days = days_from_civil(p.year, 1, 1) + p.yearday - 1;
  } else {
    if (!valid(p.year, p.month, p.day)) return std::nullopt;
    days = days_from_civil(p.year, static_cast<unsigned>(p.month), static_cast<unsigned>(p.day));
  }
  return days * kDayUs + clock - local.zone_minutes * std::int64_t{60'000'000};
}

}  // namespace logforest
