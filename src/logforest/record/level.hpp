// The levels and categories of a record, and every usual spelling of a level.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace logforest {

enum class Level : std::uint8_t { Debug, Info, Warn, Error, Critical };
inline constexpr std::array<std::string_view, 5> kLevelNames{"DEBUG", "INFO", "WARN", "ERROR",
                                                             "CRITICAL"};

enum class Category : std::uint8_t { General, Business, Performance, Security };
inline constexpr std::array<std::string_view, 4> kCategoryNames{"General", "Business",
                                                                "Performance", "Security"};

// Any case: trace debug info notice warn warning err error severe crit critical alert emerg
// fatal panic, one-letter forms (T D V I W E F C), fine/finer/finest, "information", ...
[[nodiscard]] std::optional<Level> level_from_name(std::string_view name) noexcept;
// Syslog severity 0..7 (RFC 5424 table 2).
[[nodiscard]] Level level_from_syslog(unsigned severity) noexcept;
// OpenTelemetry severity number 1..24 (0 and others: Info).
[[nodiscard]] Level level_from_otel(unsigned number) noexcept;
// HTTP status class: 5xx Error, 4xx Warn, otherwise Info.
[[nodiscard]] Level level_from_http(int status) noexcept;

}  // namespace logforest
