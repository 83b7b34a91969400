// Time stamps of every usual form -> microseconds since 1970 UTC. Source: RFC 3339, ISO 8601,
// RFC 3164 section 4.1.2, the Common Log Format.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace logforest {

struct TimeContext {
  std::int64_t now_us = 0;        // for stamps without a year or date
  std::int32_t zone_minutes = 0;  // for stamps without an offset
  bool day_first = false;         // for 03/04/2025
};

// Logs tell of the past: a stamp without a year is of the latest one that brings it no further
// ahead of now than a wrong clock may; one without a date is of the latest day.
inline constexpr std::int64_t kAheadOfYearUs = std::int64_t{7} * 86'400'000'000;
inline constexpr std::int64_t kAheadOfDayUs = std::int64_t{3'600'000'000};

struct ParsedTime {
  std::int64_t us = 0;
  std::uint32_t length = 0;  // bytes of the text that were read
  bool ambiguous = false;    // day/month order was decided by TimeContext::day_first
};

// Reads a stamp at the start of `text` (it may go on behind it). Forms: RFC 3339 / ISO 8601 with T
// or space,
// '.' or ',' fractions (0-9 digits), Z, +hh:mm, +hhmm, +hh; epoch s/ms/us/ns with optional
// fraction; 17/May/2015:10:05:03 +0000; [weekday] Mon dd [yyyy] hh:mm:ss[.frac]; yyyy/mm/dd
// hh:mm:ss; dd/mm/yyyy and mm/dd/yyyy; yymmdd hh:mm:ss; RFC 2822/ctime forms.
[[nodiscard]] std::optional<ParsedTime> parse_time(std::string_view text,
                                                   const TimeContext& context) noexcept;
// The hot forms by hand, tried by parsers that know what comes.
[[nodiscard]] std::optional<ParsedTime> parse_iso8601(std::string_view text,
                                                      const TimeContext& context) noexcept;
// The same reading as parse_time, faster where stamps are RFC 3339 and follow each other: the day
// is kept. One object per thread.
class StampReader {
 public:
  [[nodiscard]] std::optional<ParsedTime> read(std::string_view text,
                                               const TimeContext& context) noexcept {
    ParsedTime out;
    return fast(text, out) ? std::optional<ParsedTime>(out) : parse_time(text, context);
  }
  // Only yyyy-mm-dd[T ]hh:mm:ss[.fraction] with Z or an offset hh:mm that ends the text.
  [[nodiscard]] bool fast(std::string_view text, ParsedTime& out) noexcept;

 private:
  bool load(const char* date) noexcept;

  // Of the day kept: its first eight bytes and its last eight. No text has these two: they overlap.
  std::uint64_t head_ = 0;
  std::uint64_t tail_ = ~std::uint64_t{0};
  std::int64_t midnight_us_ = 0;
};
[[nodiscard]] std::optional<ParsedTime> parse_clf_time(
    std::string_view text) noexcept;  // 17/May/2015:10:05:03 +0000
[[nodiscard]] std::optional<ParsedTime> parse_rfc3164_time(std::string_view text,
                                                           const TimeContext& context) noexcept;
// A number: seconds, milliseconds, microseconds or nanoseconds, told by its size.
[[nodiscard]] std::optional<std::int64_t> epoch_to_us(double value) noexcept;
[[nodiscard]] std::optional<std::int64_t> epoch_to_us(std::int64_t value) noexcept;
// The years 1 to 9999: no calendar of the tools behind us has others.
inline constexpr std::int64_t kFirstUs = -62'135'596'800'000'000;
inline constexpr std::int64_t kLastUs = 253'402'300'799'999'999;
[[nodiscard]] constexpr bool in_calendar(std::int64_t us) noexcept {
  return us >= kFirstUs && us <= kLastUs;
}
[[nodiscard]] constexpr bool valid_date(int year, int month, int day) noexcept {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (year < 1 || month < 1 || month > 12 || day < 1) return false;
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return day <= kDays[month - 1] || (month == 2 && day == 29 && leap);
}
// Days since 1970-01-01 (Howard Hinnant, chrono-Compatible Low-Level Date Algorithms).
[[nodiscard]] constexpr std::int64_t days_from_civil(std::int64_t y, unsigned m,
                                                     unsigned d) noexcept {
  y -= m <= 2 ? 1 : 0;
  const std::int64_t era = (y >= 0 ? y : y - 399) / 400;
  const auto yoe = static_cast<unsigned>(y - era * 400);
  const unsigned doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
  const unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  return era * 146097 + static_cast<std::int64_t>(doe) - 719468;
}

}  // namespace logforest
