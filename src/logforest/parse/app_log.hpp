// Application logs of the shape "timestamp level [thread] logger: message" in all its orders and
// separators: Log4j, Logback, Spring Boot, Hadoop, Spark, Kafka, ZooKeeper, Python logging, oslo,
// Serilog, Laravel, zap's console, pipe-separated layouts; and lines with nothing but a time stamp.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "logforest/base/time.hpp"
#include "logforest/parse/parser.hpp"

namespace logforest::parse {

struct AppFields {
  std::int64_t timestamp_us = 0;
  bool ambiguous_date = false;
  std::optional<Level> level;
  std::string_view thread;
  std::string_view logger;
  std::string_view pid;
  std::string_view caller;      // file.go:12, or the line number behind '@'
  std::string_view prefix;      // words before the stamp
  std::string_view request_id;  // oslo's "[req-... user project - - -]", inside
  std::string_view message;
};

// True when the line begins with a time stamp (a level may stand before it). `level` is empty
// when no level was found in the header; then `message` is all that follows the stamp.
[[nodiscard]] bool scan_app_log(std::string_view line, const TimeContext& context,
                                AppFields& out) noexcept;

// with_level: only lines that show a level ("applog"); otherwise any stamped line ("timestamped").
[[nodiscard]] std::unique_ptr<LineParser> make_app_log_parser(bool with_level);

// Words that name a level in a header. Lower case counts only where `lower_case` says so.
[[nodiscard]] std::optional<Level> header_level(std::string_view word, bool lower_case) noexcept;

}  // namespace logforest::parse
