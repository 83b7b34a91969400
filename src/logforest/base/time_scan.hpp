// Private to time.cpp and time_forms.cpp: a cursor over digits, clocks and zones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "logforest/base/time.hpp"

namespace logforest::time_scan {

inline constexpr std::int64_t kSecondUs = 1'000'000;
inline constexpr std::int64_t kDayUs = 86'400 * kSecondUs;

[[nodiscard]] inline bool is_digit(char c) noexcept {
  return static_cast<unsigned char>(c - '0') < 10;
}
[[nodiscard]] inline bool is_alpha(char c) noexcept {
  return static_cast<unsigned char>((c | 0x20) - 'a') < 26;
}
[[nodiscard]] inline bool two_digits(const char* p) noexcept {
  return is_digit(p[0]) && is_digit(p[1]);
}
[[nodiscard]] inline bool four_digits(const char* p) noexcept {
  return two_digits(p) && two_digits(p + 2);
}
[[nodiscard]] inline int two_value(const char* p) noexcept {
  return (p[0] - '0') * 10 + (p[1] - '0');
}

struct Clock {
  int hour = 0;
  int minute = 0;
  int second = 0;  // 60: a leap second, counted as the next second
  std::int32_t micro = 0;
};

[[nodiscard]] inline std::int64_t to_us(int year, int month, int day, const Clock& clock,
                                        std::int32_t zone_minutes) noexcept {
  const std::int64_t days =
      days_from_civil(year, static_cast<unsigned>(month), static_cast<unsigned>(day));
  const std::int64_t minutes = clock.hour * 60 + clock.minute - zone_minutes;
  const std::int64_t seconds = days * 86'400 + minutes * 60 + clock.second;
  return seconds * kSecondUs + clock.micro;
}

// The civil year of a day count (same source as days_from_civil).
[[nodiscard]] inline int year_of_days(std::int64_t days) noexcept {
  days += 719468;
  const std::int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const auto doe = static_cast<unsigned>(days - era * 146097);
  const unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  return static_cast<int>(static_cast<std::int64_t>(yoe) + era * 400) + (doy >= 306 ? 1 : 0);
}

// 1..12 for jan..dec in any case, 0 otherwise; reads three bytes.
[[nodiscard]] int month_of(const char* p) noexcept;

struct Cursor {
  explicit Cursor(std::string_view text) noexcept : p(text.data()), end(p + text.size()) {}
  [[nodiscard]] std::size_t left() const noexcept { return static_cast<std::size_t>(end - p); }
  [[nodiscard]] std::uint32_t consumed(std::string_view text) const noexcept {
    return static_cast<std::uint32_t>(p - text.data());
  }
  bool skip(char c) noexcept {
    if (p < end && *p == c) {
      ++p;
      return true;
    }
    return false;
  }
  // Exactly two digits, or -1.
  int two() noexcept {
    if (left() < 2 || !two_digits(p)) return -1;
    p += 2;
    return two_value(p - 2);
  }
  // One to `most` digits, or -1.
  int number(int most) noexcept {
    int value = 0;
    int digits = 0;
    for (; p < end && is_digit(*p) && digits < most; ++p, ++digits) value = value * 10 + (*p - '0');
    return digits == 0 ? -1 : value;
  }
  bool clock(Clock& out) noexcept;                    // hh:mm[:ss[.frac]]
  std::int32_t fraction() noexcept;                   // microseconds; 0 when there is none
  std::optional<std::int32_t> offset() noexcept;      // Z, +hh:mm, +hhmm, +hh
  std::optional<std::int32_t> named_zone() noexcept;  // UTC, GMT and the zones of RFC 2822
  std::optional<std::int32_t> zone() noexcept;        // either, with a space before it or not

  const char* p;
  const char* end;
};

// Other clocks behind yyyy-mm-dd: ", 10:05:03", "-10:05:03", " 1:05:03", "-10.05.03.123456" (DB2),
// "_10.05.03", "-10.05.03:123".
[[nodiscard]] bool other_clock(Cursor& c, Clock& out) noexcept;

// For stamps without a year: the latest that is not in the future (kAheadOfYearUs).
[[nodiscard]] std::optional<std::int64_t> recent_year(int month, int day, const Clock& clock,
                                                      const TimeContext& context,
                                                      std::int32_t zone) noexcept;

}  // namespace logforest::time_scan
