#include "logforest/parse/app_log.hpp"

#include "logforest/parse/app_log_header.hpp"
#include "logforest/parse/app_log_lead.hpp"
#include "logforest/parse/app_log_stamp.hpp"
#include "logforest/parse/row_builder.hpp"
#include "logforest/parse/scan.hpp"

namespace logforest::parse {

using namespace scan;
using namespace app_words;

namespace {

class AppLogParser final : public LineParser {
 public:
  explicit AppLogParser(bool with_level) : with_level_(with_level) {}

  LineResult parse_line(std::string_view line, RowBuilder& row) override {
    if (!scan_app_log(line, row.time_context(), f_)) return {Reject::NoMatch};
    if (with_level_ && !f_.level) return {Reject::NoMatch};
    row.begin();
    row.timestamp(f_.timestamp_us);
    if (f_.ambiguous_date) row.count_ambiguous();
    if (f_.level) row.level(*f_.level);
    row.message(trim(f_.message));
    if (!f_.logger.empty()) {
      // Whoever names the service knows it better than the code's own modules.
      if (row.options().service.empty()) row.service(f_.logger);
      row.meta_text("logger", f_.logger);
    }
    if (!f_.thread.empty()) row.meta_text("thread", f_.thread);
    if (!f_.prefix.empty()) row.meta_text("prefix", f_.prefix);
    if (!f_.caller.empty()) row.meta_text("caller", f_.caller);
    if (const auto pid = to_int(f_.pid)) row.meta_int("pid", *pid);
    if (!f_.request_id.empty()) row.meta_text("request_id", f_.request_id);
    return {};
  }

 private:
  bool with_level_;
  AppFields f_;
};

// What stood in brackets before the stamp: a process by its number, or a thread.
void name_it(std::string_view named, AppFields& out) noexcept {
  if (!named.empty() && named.size() <= 10 && all_digits(named)) {
    out.pid = named;
  } else {
    out.thread = named;
  }
}

}  // namespace

bool scan_app_log(std::string_view line, const TimeContext& context, AppFields& out) noexcept {
  out = AppFields{};
  line.remove_prefix(skip_blanks(line, 0));
  std::size_t at = 0;
  std::string_view named;  // before the stamp
  if (!stamp_at(line, at, context, out)) {
    at = 0;
    if (leading_level(line, at, out)) {
      if (!stamp_at(line, at, context, out)) return false;
      if (!out.logger.empty() && out.logger.data() > line.data() + at) {  // inside the bracket
        const auto inside = static_cast<std::size_t>(out.logger.data() - line.data());
        if (trim(line.substr(at, inside - at)).empty()) at = inside + out.logger.size() + 1;
      }
      LoggerContext how;
      read_rest(line, at, true, how, out);
      return true;
    }
    out = AppFields{};
    named = leading_name(line, at);
    if (named.empty()) {
      out.prefix = leading_words(line, at);
      if (out.prefix.empty()) return false;
    }
    if (!stamp_at(line, at, context, out)) return false;
    name_it(named, out);
  }
  const std::size_t stamp_end = at;
  LoggerContext how;
  // yy/mm/dd (Spark, Hadoop) and yymmdd (HDFS): "level class: message" always.
  how.always =
      line.size() > 8 && is_digit(line[0]) && (line[2] == '/' || all_digits(line.substr(0, 6)));
  bool bracketed = false;
  Gap before;
  const std::string_view stamped_pid = out.pid;
  if (read_level(line, at, out, bracketed, before)) {
    how.dashed = before.mark == '-';
    how.boxed = bracketed && line[0] == '[';
    read_rest(line, at, bracketed, how, out);
    return true;
  }
  // Words before a stamp are a header only where a level follows, or stands among them.
  if (!out.prefix.empty() && out.prefix.data() == line.data()) {
    const std::size_t mark = out.prefix.find_last_of(": ");
    if (mark == npos || !(out.level = header_level(out.prefix.substr(mark + 1), true))) {
      return false;
    }
    out = AppFields{out.timestamp_us,
                    out.ambiguous_date,
                    out.level,
                    {},
                    out.prefix.substr(0, mark),
                    {},
                    {},
                    {},
                    {},
                    {}};
    at = stamp_end;
    skip_gap(line, at);
    out.message = line.substr(at);
    return true;
  }
  out.prefix = {};
  out.thread = {};
  out.logger = out.caller = {};
  out.pid = stamped_pid;
  name_it(named, out);
  at = stamp_end;
  skip_gap(line, at);
  out.message = line.substr(at);
  return true;
}

std::unique_ptr<LineParser> make_app_log_parser(bool with_level) {
  return std::make_unique<AppLogParser>(with_level);
}

}  // namespace logforest::parse
