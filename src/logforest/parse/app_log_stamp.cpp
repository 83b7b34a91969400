#include "logforest/parse/app_log_stamp.hpp"

#include <cstring>

#include "logforest/base/time_pattern.hpp"
#include "logforest/parse/scan.hpp"

namespace logforest::parse {

using namespace scan;

namespace {

// "yy/MM/dd HH:mm:ss LEVEL", Log4j's layout in Spark and Hadoop. Only the level behind it tells it
// from dd/mm/yy and mm/dd/yy: it is theirs where it would be ahead of the clock, or where the day
// was said to come first.
bool short_log4j_stamp(std::string_view s, const TimeContext& context, AppFields& out) noexcept {
  if (s.size() < 22 || s[2] != '/' || s[5] != '/' || s[8] != ' ' || s[17] != ' ') return false;
  const int year = two_digits(s.data());
  const int month = two_digits(s.data() + 3);
  const int day = two_digits(s.data() + 6);
  const int seconds = clock_seconds(s.data() + 9);
  if (year < 0 || !valid_date(2000 + year, month, day) || seconds < 0) return false;
  std::size_t end = 18;
  while (end < s.size() && is_upper(s[end])) ++end;
  if (end - 18 < 3 || !header_level(s.substr(18, end - 18), false)) return false;
  const auto possible = [&](int y, int m, int d) {
    constexpr std::int64_t kDayUs = 86'400'000'000;
    if (!valid_date(2000 + y, m, d)) return false;
    const std::int64_t days =
        days_from_civil(2000 + y, static_cast<unsigned>(m), static_cast<unsigned>(d));
    return context.now_us == 0 || days * kDayUs <= context.now_us + kDayUs;
  };
  const bool day_first = possible(day, month, year);
  const bool month_first = possible(day, year, month);
  const bool other = day_first || month_first;
  if (other && !possible(year, month, day)) return false;
  if (day_first && context.day_first) return false;
  out.ambiguous_date = other && (year != month || month != day);
  out.timestamp_us =
      (days_from_civil(2000 + year, static_cast<unsigned>(month), static_cast<unsigned>(day)) *
           86'400 +
       seconds - context.zone_minutes * std::int64_t{60}) *
      std::int64_t{1'000'000};
  return true;
}

// TAI64N: '@', 16 hex digits of seconds since 1970 plus 2^62 and 10, 8 of nanoseconds.
bool tai64n_stamp(std::string_view s, AppFields& out) noexcept {
  if (s.size() < 26 || s[0] != '@' || s[1] != '4' || !is_blank(s[25])) return false;
  std::uint64_t value[2] = {0, 0};
  for (std::size_t i = 1; i < 25; ++i) {
    if (!is_hex(s[i])) return false;
    const int digit = is_digit(s[i]) ? s[i] - '0' : (s[i] | 0x20) - 'a' + 10;
    std::uint64_t& part = value[i <= 16 ? 0 : 1];
    part = part * 16 + static_cast<unsigned>(digit);
  }
  const auto seconds = static_cast<std::int64_t>(value[0] - (std::uint64_t{1} << 62)) - 10;
  if (seconds < 0 || seconds > 0xffffffffff) return false;
  out.timestamp_us = seconds * 1'000'000 + static_cast<std::int64_t>(value[1] / 1000);
  return true;
}

// A date, then two blanks or a tab before "h:mm:ss" (MariaDB, W3C tables).
void late_clock(std::string_view s, AppFields& out, std::size_t& length) noexcept {
  std::size_t at = length;
  while (at < s.size() && at - length < 2 && is_blank(s[at])) ++at;
  if (at == length || at + 7 > s.size()) return;
  char clock[8];
  const bool one_digit = s[at + 1] == ':';
  if (!one_digit && at + 8 > s.size()) return;
  clock[0] = one_digit ? '0' : s[at];
  std::memcpy(clock + (one_digit ? 1 : 0), s.data() + at, one_digit ? 7 : 8);
  const int seconds = clock_seconds(clock);
  if (seconds < 0) return;
  out.timestamp_us += seconds * std::int64_t{1'000'000};
  length = at + (one_digit ? 7 : 8);
  if (length + 3 < s.size() && (s[length] == ':' || s[length] == '.' || s[length] == ',') &&
      all_digits(s.substr(length + 1, 3)) && (length + 4 == s.size() || is_blank(s[length + 4]))) {
    out.timestamp_us += *to_int(s.substr(length + 1, 3)) * 1000;
    length += 4;
  }
}

bool read_stamp(std::string_view s, const TimeContext& context, AppFields& out,
                std::size_t& length) noexcept {
  if (s.size() < 8) return false;
  if (short_log4j_stamp(s, context, out)) {
    length = 17;
    return true;
  }
  if (tai64n_stamp(s, out)) {
    length = 25;
    return true;
  }
  if (is_digit(s[0])) {
    std::size_t digits = 1;
    while (digits < s.size() && is_digit(s[digits])) ++digits;
    const char next = digits < s.size() ? s[digits] : ' ';
    if (digits == 2 && next == ':') {  // a time of day
      const int seconds = clock_seconds(s.data());
      if (seconds < 0) return false;
      std::int64_t us = seconds * std::int64_t{1'000'000};
      length = 8;
      if (s.size() > 9 && (s[8] == '.' || s[8] == ',') && is_digit(s[9])) {
        std::int64_t unit = 100'000;
        for (length = 9; length < s.size() && is_digit(s[length]); ++length, unit /= 10) {
          us += (s[length] - '0') * unit;
        }
      }
      const auto at = recent_date_us(0, 0, us, context);
      if (at) out.timestamp_us = *at;
      return at.has_value();
    }
    if (digits == 2 && next == '-' && s.size() > 14 &&
        (s[5] == ' ' || s[5] == '|')) {  // "MM-dd HH:mm:ss.SSS", go-ethereum's "MM-dd|HH:mm:ss"
      const int month = two_digits(s.data());
      const int day = two_digits(s.data() + 3);
      const int seconds = clock_seconds(s.data() + 6);
      if (month < 1 || day < 1 || seconds < 0) return false;
      std::int64_t us = seconds * std::int64_t{1'000'000};
      length = 14;
      if (s.size() > 15 && (s[14] == '.' || s[14] == ',') && is_digit(s[15])) {
        std::int64_t unit = 100'000;
        for (length = 15; length < s.size() && is_digit(s[length]); ++length, unit /= 10) {
          us += (s[length] - '0') * unit;
        }
      }
      const auto at = recent_date_us(month, day, us, context);
      if (at) out.timestamp_us = *at;
      return at.has_value();
    }
    // Only numbers of these sizes are taken for epochs.
    if (is_blank(next) && digits != 6 && digits != 8 && digits != 10 && digits != 13 &&
        digits != 14 && digits != 16 && digits != 19) {
      return (digits <= 2 || digits == 4) && s.size() > 12 &&
             month_number(s.data() + digits + 1) != 0 && [&] {
               const auto parsed = parse_time(s, context);
               if (!parsed) return false;
               out.timestamp_us = parsed->us;
               length = parsed->length;
               return true;
             }();
    }
  } else if ((!is_upper(s[0]) && s[3] != '/') || s.size() < 12) {
    return false;
  }
  const auto parsed = parse_time(s, context);
  if (!parsed || parsed->length < 8) return false;
  out.timestamp_us = parsed->us;
  out.ambiguous_date = parsed->ambiguous;
  length = parsed->length;
  if (length == 10) late_clock(s, out, length);
  return true;
}

}  // namespace

bool stamp_at(std::string_view s, std::size_t& at, const TimeContext& context,
              AppFields& out) noexcept {
  if (at >= s.size()) return false;
  const char open = s[at];
  const bool bracketed = open == '[' || open == '<' || open == '(' || open == '"';
  std::size_t begin = bracketed ? at + 1 : at;
  std::size_t length = 0;
  if (begin >= s.size() || !read_stamp(s.substr(begin), context, out, length)) return false;
  std::size_t end = begin + length;
  if (bracketed) {
    const char close = open == '[' ? ']' : open == '<' ? '>' : open == '"' ? '"' : ')';
    std::size_t i = end;
    while (i < s.size() && i - end < 16 && s[i] != close) ++i;
    if (i >= s.size() || s[i] != close) return false;
    const std::string_view extra = trim(s.substr(end, i - end));
    if (extra.size() > 1 && extra[0] == '#' && all_digits(extra.substr(1)))
      out.pid = extra.substr(1);
    at = i + 1;
    return true;
  }
  if (end < s.size()) {
    const char c = s[end];
    if (!is_blank(c) && c != '|' && c != ',' && c != ':' && c != ';' && c != ']') return false;
    // A zone's name that parse_time does not know: "CEST".
    if (c == ' ' && end + 4 < s.size() && is_upper(s[end + 1])) {
      std::size_t i = end + 1;
      while (i < s.size() && is_upper(s[i])) ++i;
      const std::string_view word = s.substr(end + 1, i - end - 1);
      if ((word == "CEST" || word == "CET" || word == "BST" || word == "UTC" || word == "EEST" ||
           word == "EET" || word == "IST" || word == "JST" || word == "AEST" || word == "AEDT") &&
          i < s.size() && !is_alnum(s[i])) {
        end = i;
      }
    }
  }
  at = end;
  return true;
}

}  // namespace logforest::parse
