#include "logforest/parse/klog.hpp"

#include "logforest/base/time_pattern.hpp"
#include "logforest/parse/row_builder.hpp"
#include "logforest/parse/scan.hpp"

namespace logforest::parse {

using namespace scan;

namespace {

class KlogParser final : public LineParser {
 public:
  LineResult parse_line(std::string_view line, RowBuilder& row) override {
    if (line.size() < 24) return {Reject::NoMatch};
    Level level{};
    switch (line[0]) {
      case 'D':
        level = Level::Debug;
        break;
      case 'I':
        level = Level::Info;
        break;
      case 'W':
        level = Level::Warn;
        break;
      case 'E':
        level = Level::Error;
        break;
      case 'F':
        level = Level::Critical;
        break;
      default:
        return {Reject::NoMatch};
    }
    // mmdd, yyyymmdd (glog since 0.5), or yymmdd (CockroachDB)
    std::size_t digits = 1;
    while (digits < 10 && is_digit(line[digits])) ++digits;
    if ((digits != 5 && digits != 7 && digits != 9) || line[digits] != ' ')
      return {Reject::NoMatch};
    const int month = two_digits(line.data() + digits - 4);
    const int day = two_digits(line.data() + digits - 2);
    const int seconds = clock_seconds(line.data() + digits + 1);
    std::size_t at = digits + 9;
    if (seconds < 0 || month < 1 || month > 12 || day < 1 || day > 31) return {Reject::NoMatch};
    std::int64_t clock = seconds * std::int64_t{1'000'000};
    if (at < line.size() && line[at] == '.') {
      std::int64_t unit = 100'000;
      for (++at; at < line.size() && is_digit(line[at]); ++at, unit /= 10) {
        clock += (line[at] - '0') * unit;
      }
    }
    at = skip_blanks(line, at);
    const std::size_t thread = at;
    while (at < line.size() && is_digit(line[at])) ++at;
    const std::string_view thread_id = line.substr(thread, at - thread);
    at = skip_blanks(line, at);
    const std::size_t close =
        find(line.substr(0, std::min(line.size(), at + 256)), digits == 7 ? ' ' : ']', at);
    if (thread_id.empty() || close == npos) return {Reject::NoMatch};
    const std::string_view caller = line.substr(at, close - at);
    const std::size_t colon = caller.rfind(':');
    if (colon == npos || !all_digits(caller.substr(colon + 1))) return {Reject::NoMatch};

    std::optional<std::int64_t> us;
    if (digits >= 7) {
      const int century = digits == 7 ? 20 : two_digits(line.data() + 1);
      const int year = century * 100 + two_digits(line.data() + digits - 6);
      if (!valid_date(year, month, day)) return {Reject::NoMatch};
      const TimeContext context = row.time_context();
      us = days_from_civil(year, static_cast<unsigned>(month), static_cast<unsigned>(day)) *
               std::int64_t{86'400'000'000} +
           clock - context.zone_minutes * std::int64_t{60'000'000};
    } else {
      us = recent_date_us(month, day, clock, row.time_context());
    }
    if (!us) return {Reject::NoMatch};
    row.begin();
    row.timestamp(*us);
    row.level(level);
    std::string_view message = line.substr(close + 1);
    if (!message.empty() && message[0] == ' ') message.remove_prefix(1);
    row.message(trim(message));
    row.meta_text("caller", caller);
    if (const auto id = to_int(thread_id)) row.meta_int("thread", *id);
    return {};
  }
};

}  // namespace

std::unique_ptr<LineParser> make_klog_parser() { return std::make_unique<KlogParser>(); }

}  // namespace logforest::parse
