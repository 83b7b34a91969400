// parse_time: every form that is not hot.
#include <cstring>

#include "logforest/base/time.hpp"
#include "logforest/base/time_scan.hpp"

namespace logforest {

using namespace time_scan;

namespace {

ParsedTime made(const Cursor& c, std::string_view text, std::int64_t us, bool ambiguous = false) {
  return {us, c.consumed(text), ambiguous};
}

// Length of a weekday name with what follows it ("Sat ", "Sat, ", "Saturday, "), or 0.
std::size_t weekday_length(std::string_view text) noexcept {
  static constexpr std::string_view kDays[] = {"monday", "tuesday",  "wednesday", "thursday",
                                               "friday", "saturday", "sunday"};
  for (const std::string_view day : kDays) {
    std::size_t n = 0;
    while (n < day.size() && n < text.size() && (text[n] | 0x20) == day[n]) ++n;
    if (n != day.size() && n < 3) continue;
    if (n > 3 && n != day.size()) continue;
    if (n < text.size() && text[n] == ',') ++n;
    if (n >= text.size() || text[n] != ' ') return 0;
    while (n < text.size() && text[n] == ' ') ++n;
    return n;
  }
  return 0;
}

// "10:05:03 AM", "1:05 PM": the clock of 12 hours, or the plain one with a one-digit hour.
bool loose_clock(Cursor& c, Clock& out) noexcept {
  const char* start = c.p;
  const int hour = c.number(2);
  if (hour < 0 || c.left() < 3 || *c.p != ':') return false;
  if (c.p - start == 1) {
    char padded[32] = {'0', *start};
    const std::size_t n = c.left() < 29 ? c.left() : 29;
    std::memcpy(padded + 2, c.p, n);
    Cursor inner(std::string_view(padded, n + 2));
    if (!inner.clock(out)) return false;
    c.p = start + (inner.p - padded) - 1;
  } else {
    c.p = start;
    if (!c.clock(out)) return false;
  }
  const char* q = c.p;
  if (q < c.end && *q == ' ') ++q;
  if (c.end - q >= 2 && ((q[1] | 0x20) == 'm') && ((q[0] | 0x20) == 'a' || (q[0] | 0x20) == 'p') &&
      (c.end - q == 2 || !is_alpha(q[2]))) {
    if (out.hour < 1 || out.hour > 12) return false;
    out.hour = out.hour % 12 + ((q[0] | 0x20) == 'p' ? 12 : 0);
    c.p = q + 2;
  }
  return true;
}

// "1.763805601123e+09", as Go prints epochs.
std::optional<ParsedTime> scientific_epoch(std::string_view text) noexcept {
  if (text.size() < 6 || !is_digit(text[0]) || text[1] != '.') return std::nullopt;
  std::int64_t value = text[0] - '0';
  std::size_t at = 2;
  for (; at < text.size() && at < 20 && is_digit(text[at]); ++at) {
    if (at < 17) value = value * 10 + (text[at] - '0');
  }
  if (text.substr(at, 4) != "e+09") return std::nullopt;
  for (std::size_t n = at; n < 17; ++n) value *= 10;  // 15 places: microseconds
  return ParsedTime{value, static_cast<std::uint32_t>(at + 4), false};
}

std::optional<ParsedTime> epoch_text(std::string_view text) noexcept {
  if (const auto found = scientific_epoch(text)) return found;
  Cursor c(text);
  std::int64_t whole = 0;
  int digits = 0;
  for (; c.left() > 0 && is_digit(*c.p); ++c.p, ++digits) {
    if (digits == 19) return std::nullopt;
    if (digits == 18 && whole > 922'337'203'685'477'579) return std::nullopt;
    whole = whole * 10 + (*c.p - '0');
  }
  if (digits < 9) return std::nullopt;
  auto us = epoch_to_us(whole);
  if (!us) return std::nullopt;
  const std::int32_t micro = c.fraction();
  if (whole < 100'000'000'000) {
    *us += micro;
  } else if (whole < 100'000'000'000'000) {
    *us += micro / 1000;
  }
  return made(c, text, *us);
}

// 20250517T100503Z, 20250517 100503, 20250517100503, 250517 10:05:03, 081109 203518.
std::optional<ParsedTime> compact(std::string_view text, const TimeContext& context) noexcept {
  Cursor c(text);
  int digits = 0;
  while (static_cast<std::size_t>(digits) < c.left() && is_digit(c.p[digits])) ++digits;
  int year = 0;
  if (digits == 8 || digits == 14) {
    year = c.number(4);
  } else if (digits == 6 && c.left() > 7 && (c.p[6] == ' ' || c.p[6] == '-')) {
    year = c.number(2);
    year += year < 70 ? 2000 : 1900;
  } else {
    return std::nullopt;
  }
  const int month = c.two();
  const int day = c.two();
  if (!valid_date(year, month, day)) return std::nullopt;
  if (digits == 8 && (c.left() == 0 || (*c.p != 'T' && *c.p != ' ' && *c.p != '-'))) {
    return std::nullopt;
  }
  if (digits != 14) ++c.p;
  if (digits == 6) {
    if (c.p[-1] == '-' && (c.left() < 8 || c.p[2] != ':' || c.p[5] != ':')) return std::nullopt;
    while (c.left() > 0 && *c.p == ' ') ++c.p;
  }
  Clock clock{};
  if (c.left() >= 6 && four_digits(c.p) && two_digits(c.p + 4)) {
    clock.hour = c.two();
    clock.minute = c.two();
    clock.second = c.two();
    if (clock.hour > 23 || clock.minute > 59 || clock.second > 60) return std::nullopt;
    clock.micro = c.fraction();
  } else if (digits == 14 || !loose_clock(c, clock)) {
    return std::nullopt;
  }
  const std::int32_t zone = c.zone().value_or(context.zone_minutes);
  return made(c, text, to_us(year, month, day, clock, zone));
}

// mm/dd hh:mm:ss and mm-dd hh:mm:ss: no year. `c` is behind both numbers.
std::optional<ParsedTime> yearless_date(Cursor c, std::string_view text, int first, int second,
                                        const TimeContext& context) noexcept {
  if (!c.skip(' ')) return std::nullopt;
  const char* start = c.p;
  Clock clock{};
  if (!c.clock(clock) || c.p - start < 8) return std::nullopt;
  const bool day_first = first > 12 || (context.day_first && second <= 12);
  const int month = day_first ? second : first;
  const int day = day_first ? first : second;
  if (!valid_date(2000, month, day)) return std::nullopt;
  const std::int32_t zone = c.zone().value_or(context.zone_minutes);
  const auto us = recent_year(month, day, clock, context, zone);
  if (!us) return std::nullopt;
  return made(c, text, *us, first <= 12 && second <= 12 && first != second);
}

struct Day {
  int year = 0;
  int month = 0;
  int day = 0;
  friend bool operator==(const Day&, const Day&) = default;
};

// 11/12/10 is one of three days. The first in the order of preference that is on the calendar and
// not ahead of the clock; ambiguous if another one is that, too.
std::optional<Day> short_date(int first, int second, int third, char separator,
                              const TimeContext& context, bool& ambiguous) noexcept {
  constexpr std::int64_t kDayUs = 86'400'000'000;
  const auto full = [](int year) { return year + (year < 70 ? 2000 : 1900); };
  Day orders[] = {
      {full(third), first, second}, {full(third), second, first}, {full(first), second, third}};
  if (context.day_first || separator == '.') std::swap(orders[0], orders[1]);
  if (separator == '.') orders[1] = orders[2];  // no one writes mm.dd.yy
  std::optional<Day> late;
  std::optional<Day> found;
  for (const Day& d : orders) {
    if (!valid_date(d.year, d.month, d.day)) continue;
    const std::int64_t begin =
        days_from_civil(d.year, static_cast<unsigned>(d.month), static_cast<unsigned>(d.day)) *
        kDayUs;
    if (context.now_us != 0 && begin > context.now_us + kDayUs) {
      if (!late) late = d;
    } else if (!found) {
      found = d;
    } else if (!(d == *found)) {
      ambiguous = true;
    }
  }
  return found ? found : late;
}

// yyyy/mm/dd, yyyy.mm.dd, dd/mm/yyyy, mm/dd/yyyy, dd.mm.yyyy, dd-mm-yyyy, then a clock (or none).
std::optional<ParsedTime> numeric_date(std::string_view text, const TimeContext& context) noexcept {
  Cursor c(text);
  const char* start = c.p;
  const int first = c.number(4);
  const auto first_digits = c.p - start;
  if (first < 0 || c.left() < 4) return std::nullopt;
  const char separator = *c.p;
  if (separator != '/' && separator != '.' && separator != '-') return std::nullopt;
  ++c.p;
  const int second = c.number(2);
  if (second < 0) return std::nullopt;
  if (!c.skip(separator)) {
    if (separator == '.' || first_digits > 2) return std::nullopt;
    return yearless_date(c, text, first, second, context);
  }
  start = c.p;
  const int third = c.number(4);
  const auto third_digits = c.p - start;
  if (third < 0) return std::nullopt;
  int year = 0;
  int month = 0;
  int day = 0;
  bool ambiguous = false;
  if (first_digits == 4 && third_digits <= 2) {
    year = first, month = second, day = third;
  } else if (first_digits == 2 && third_digits == 2) {
    const auto date = short_date(first, second, third, separator, context, ambiguous);
    if (!date) return std::nullopt;
    year = date->year, month = date->month, day = date->day;
  } else if (first_digits <= 2 && (third_digits == 4 || third_digits == 2)) {
    year = third_digits == 4 ? third : third + (third < 70 ? 2000 : 1900);
    bool day_first = context.day_first;
    if (separator == '.' || first > 12) {
      day_first = true;
    } else if (second > 12) {
      day_first = false;
    } else {
      ambiguous = first != second;
    }
    day = day_first ? first : second;
    month = day_first ? second : first;
  } else {
    return std::nullopt;
  }
  if (!valid_date(year, month, day)) return std::nullopt;
  Clock clock{};
  std::int32_t zone = context.zone_minutes;
  const char* behind_date = c.p;
  if (first_digits == 4 && c.left() > 8 && (*c.p == '-' || *c.p == '_') && c.p[3] == '.' &&
      other_clock(c, clock)) {
    zone = c.zone().value_or(zone);
    return made(c, text, to_us(year, month, day, clock, zone));
  }
  if (c.skip(',')) c.skip(' ');
  if (c.p != behind_date || c.skip(' ') || c.skip('T') || c.skip('-') || c.skip(':')) {
    while (c.skip(' ')) {
    }
    if (loose_clock(c, clock)) {
      zone = c.zone().value_or(zone);
    } else {
      clock = {};
      c.p = behind_date;
    }
  } else if (c.left() > 0 && is_digit(*c.p)) {
    return std::nullopt;
  }
  return made(c, text, to_us(year, month, day, clock, zone), ambiguous);
}

// 2015 May 17 10:05:03, 2015-May-17 10:05:03, 2015/May/17 10:05:03.
std::optional<ParsedTime> year_month_day(std::string_view text,
                                         const TimeContext& context) noexcept {
  Cursor c(text);
  if (c.left() < 17 || !four_digits(c.p)) return std::nullopt;
  const int year = c.number(4);
  const char separator = *c.p++;
  if (separator != ' ' && separator != '-' && separator != '/') return std::nullopt;
  const int month = month_of(c.p);
  if (month == 0) return std::nullopt;
  c.p += 3;
  if (!c.skip(separator)) return std::nullopt;
  c.skip(' ');
  const int day = c.number(2);
  if (year < 1970 || !valid_date(year, month, day)) return std::nullopt;
  if (!c.skip(' ') && !c.skip(':') && !c.skip('T')) return std::nullopt;
  Clock clock{};
  if (!loose_clock(c, clock)) return std::nullopt;
  const std::int32_t zone = c.zone().value_or(context.zone_minutes);
  return made(c, text, to_us(year, month, day, clock, zone));
}

// 17 May 2015 10:05:03 +0000, 17-May-2015 10:05:03, 17/May/2015:10:05:03, 17 May 10:05:03.
std::optional<ParsedTime> day_month(std::string_view text, const TimeContext& context) noexcept {
  Cursor c(text);
  const int day = c.number(2);
  if (day < 0 || c.left() < 9) return std::nullopt;
  if (*c.p == '.' && c.p[1] == ' ') ++c.p;  // "22. Nov 2025"
  const char separator = *c.p;
  const bool joined = is_alpha(separator);  // "17May2015 10:05:03"
  if (separator != ' ' && separator != '-' && separator != '/' && !joined) return std::nullopt;
  if (!joined) ++c.p;
  const int month = month_of(c.p);
  if (month == 0) return std::nullopt;
  c.p += 3;
  while (!joined && c.left() > 0 && is_alpha(*c.p)) ++c.p;  // "November"
  if (joined ? c.left() < 5 || !four_digits(c.p) : !c.skip(separator)) return std::nullopt;
  const char* year_at = c.p;
  int year = c.number(4);
  Clock clock{};
  if (c.p - year_at == 2 && c.left() > 0 && *c.p == ':') {  // an hour
    c.p = year_at;
    if (!c.clock(clock) || c.p - year_at < 8) return std::nullopt;
    const std::int32_t zone = c.zone().value_or(context.zone_minutes);
    const auto us = recent_year(month, day, clock, context, zone);
    if (!us) return std::nullopt;
    return made(c, text, *us);
  }
  if (c.p - year_at == 2) year += year < 70 ? 2000 : 1900;
  if (c.p - year_at != 4 && c.p - year_at != 2) return std::nullopt;
  if (!valid_date(year, month, day)) return std::nullopt;
  if (!c.skip(' ') && !c.skip(':') && !c.skip('T')) return std::nullopt;
  c.skip(':');  // Erlang: "17-May-2015::10:05:03"
  if (!loose_clock(c, clock)) return std::nullopt;
  const std::int32_t zone = c.zone().value_or(context.zone_minutes);
  return made(c, text, to_us(year, month, day, clock, zone));
}

// May 17 10:05:03, May 17, 2015 10:05:03 AM, May 17 10:05:03.123 UTC 2015, May-17-2015 10:05:03,
// May 17, 2015 @ 10:05:03.123, may/17/2015 10:05:03.
std::optional<ParsedTime> month_day(std::string_view text, const TimeContext& context) noexcept {
  Cursor c(text);
  if (c.left() < 12) return std::nullopt;
  const int month = month_of(c.p);
  if (month == 0) return std::nullopt;
  c.p += 3;
  while (c.left() > 0 && is_alpha(*c.p)) ++c.p;
  const char mark = c.left() > 0 && (*c.p == '-' || *c.p == '/') ? *c.p : ' ';
  const bool dashed = mark != ' ';
  if (!c.skip(mark)) return std::nullopt;
  c.skip(' ');
  const int day = c.number(2);
  if (day < 1) return std::nullopt;
  c.skip(',');
  const bool ends = mark == '-' && c.left() > 8 && *c.p == ' ' && c.p[3] == ':';  // "Nov-22 10:00"
  if (!c.skip(ends ? ' ' : mark)) return std::nullopt;
  int year = -1;
  if (c.left() > 5 && four_digits(c.p) && (c.p[4] == ' ' || c.p[4] == ',')) {
    year = c.number(4);
    c.skip(',');
    c.skip(' ');
    if (c.left() > 2 && c.p[0] == '@' && c.p[1] == ' ') c.p += 2;
  } else if (dashed && !ends) {
    return std::nullopt;
  }
  Clock clock{};
  if (!loose_clock(c, clock)) return std::nullopt;
  auto zone = c.zone();
  if (year < 0 && c.left() >= 5 && *c.p == ' ' && four_digits(c.p + 1) &&
      (c.left() == 5 || !is_digit(c.p[5]))) {
    const int behind = two_value(c.p + 1) * 100 + two_value(c.p + 3);
    if (behind >= 1970 && behind < 2100) {
      year = behind;
      c.p += 5;
    }
  }
  const std::int32_t minutes = zone.value_or(context.zone_minutes);
  if (year >= 0) {
    if (!valid_date(year, month, day)) return std::nullopt;
    return made(c, text, to_us(year, month, day, clock, minutes));
  }
  const auto us = recent_year(month, day, clock, context, minutes);
  if (!us) return std::nullopt;
  return made(c, text, *us);
}

// "CET Nov 22 10:00:01"
std::optional<ParsedTime> zone_first(std::string_view text, TimeContext context) noexcept {
  Cursor c(text);
  const auto zone = c.named_zone();
  if (!zone || !c.skip(' ') || c.left() < 12 || month_of(c.p) == 0) return std::nullopt;
  context.zone_minutes = *zone;
  const auto before = static_cast<std::uint32_t>(c.p - text.data());
  auto found = month_day(text.substr(before), context);
  if (found) found->length += before;
  return found;
}

// "2025-11-22 01:00:01 PM": the half of the day is put right. `text` began with an ISO date.
void half_of_day(std::string_view text, ParsedTime& found) noexcept {
  const std::size_t at = found.length;
  if (text.size() < at + 3 || text[at] != ' ' || text[at + 2] != 'M' ||
      (text[at + 1] != 'A' && text[at + 1] != 'P') || at < 19 || text[13] != ':' ||
      !is_digit(text[at - 1]) || (text.size() > at + 3 && is_alpha(text[at + 3]))) {
    return;
  }
  const int hour = two_value(text.data() + 11);
  if (hour < 1 || hour > 12) return;
  const int right = hour % 12 + (text[at + 1] == 'P' ? 12 : 0);
  found.us += (right - hour) * std::int64_t{3'600'000'000};
  found.length += 3;
}

}  // namespace

std::optional<ParsedTime> parse_time(std::string_view text, const TimeContext& context) noexcept {
  if (auto iso = parse_iso8601(text, context)) {
    half_of_day(text, *iso);
    return iso;
  }
  const std::size_t weekday = weekday_length(text);
  const std::string_view rest = text.substr(weekday);
  if (rest.size() < 6) return std::nullopt;
  std::optional<ParsedTime> found;
  if (is_digit(rest[0])) {
    found = compact(rest, context);
    if (!found) found = day_month(rest, context);
    if (!found) found = year_month_day(rest, context);
    if (!found) found = numeric_date(rest, context);
    if (!found && weekday == 0) found = epoch_text(rest);
  } else if (is_alpha(rest[0])) {
    found = month_day(rest, context);
    if (!found && weekday == 0) found = zone_first(rest, context);
  } else if (rest[0] == ' ' && rest.size() > 20) {
    found = parse_clf_time(rest);
  }
  if (found) found->length += static_cast<std::uint32_t>(weekday);
  return found;
}

}  // namespace logforest
