// Time stamps by a strptime-like pattern, for regex formats whose stamps parse_time does not know.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "logforest/base/time.hpp"

namespace logforest {

// Directives: %Y %y %m %d %e (blank-padded day) %j %b (English, three letters or whole) %H %I %p
// %M %S %f (1-9 digits of a fraction) %L (1-3 digits: milliseconds) %z (Z, +hh:mm, +hhmm, +hh) %s
// (epoch of any unit) %a (a word, ignored) %%; a blank matches any run of blanks. Without a year
// or a date it is the latest that is not in the future (kAheadOfYearUs). Throws ConfigError on an
// unknown directive.
class TimePattern {
 public:
  explicit TimePattern(std::string pattern);
  // The whole of `text` must match.
  [[nodiscard]] std::optional<std::int64_t> parse(std::string_view text,
                                                  const TimeContext& context) const noexcept;

 private:
  std::string pattern_;
};

// The latest such date (or, with month 0, time of day) that is not too far ahead of context.now_us:
// kAheadOfYearUs, kAheadOfDayUs. `clock_us` counts from midnight in context.zone_minutes.
[[nodiscard]] std::optional<std::int64_t> recent_date_us(int month, int day, std::int64_t clock_us,
                                                         const TimeContext& context) noexcept;

}  // namespace logforest
