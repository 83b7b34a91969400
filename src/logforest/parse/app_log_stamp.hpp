// The time stamp that begins an application log line, in the layouts that need more than
// parse_time: Log4j's two-digit years, TAI64N, times without a date or a year, late clocks.
#pragma once

#include <cstddef>
#include <string_view>

#include "logforest/parse/app_log.hpp"

namespace logforest::parse {

// A stamp at `at`, in brackets or not; `at` moves behind it (and behind the bracket).
bool stamp_at(std::string_view s, std::size_t& at, const TimeContext& context,
              AppFields& out) noexcept;

}  // namespace logforest::parse
