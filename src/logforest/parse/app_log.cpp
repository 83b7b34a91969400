#include "logforest/parse/app_log.hpp"

#include <utility>

#include "logforest/parse/app_log_lead.hpp"
#include "logforest/parse/app_log_stamp.hpp"
#include "logforest/parse/app_log_words.hpp"
#include "logforest/parse/row_builder.hpp"
#include "logforest/parse/scan.hpp"

namespace logforest::parse {

using namespace scan;
using namespace app_words;

namespace {

// "thread:Class@line" as ZooKeeper writes it.
void take_thread(std::string_view inner, AppFields& out) noexcept {
  const std::size_t sign = inner.rfind('@');
  if (sign != npos && all_digits(inner.substr(sign + 1))) {
    const std::size_t colon = inner.rfind(':', sign);
    if (colon != npos && colon + 1 < sign && out.logger.empty()) {
      out.thread = inner.substr(0, colon);
      out.logger = inner.substr(colon + 1, sign - colon - 1);
      out.caller = inner.substr(sign + 1);
      return;
    }
  }
  const std::size_t colon = inner.rfind(':');
  if (colon != npos && colon > 1 && inner[colon - 1] == ' ' &&
      all_digits(inner.substr(colon + 1))) {  // "salt.minion      :1234"
    const std::string_view name = trim(inner.substr(0, colon));
    if (out.logger.empty() && name.find(' ') == npos) {
      out.logger = name;
      out.caller = inner.substr(colon + 1);
      return;
    }
  }
  if (colon != npos && colon > 0 && all_digits(inner.substr(colon + 1)) &&
      inner.find_first_of(" @:") == colon) {
    out.caller = inner;
    return;
  }
  const bool module = dotted_name(inner) || (looks_like_logger(inner) && inner.find(' ') == npos &&
                                             inner.find("::") != npos);
  if (out.thread.empty() && !(module && out.logger.empty())) {
    out.thread = inner;
  } else if (out.logger.empty()) {
    out.logger = inner;
  }
}

// "o.a.s.Slot SLOT_6700 [WARN] text": a level in capitals and brackets behind two or three words.
bool level_ahead(std::string_view s, std::size_t& at, AppFields& out) noexcept {
  std::size_t end = skip_blanks(s, at);
  const std::size_t first = end;
  std::size_t first_end = end;
  for (int words = 0; words < 4 && end < s.size(); ++words) {
    if (s[end] == '[') {
      const std::size_t close = find(s.substr(0, std::min(s.size(), end + 16)), ']', end);
      if (words < 2 || close == npos) return false;
      const std::string_view inner = trim(s.substr(end + 1, close - end - 1));
      const std::string_view word = s.substr(first, first_end - first);
      if (inner.size() < 4 || is_lower(inner[1]) || !looks_like_logger(word)) return false;
      if (!(out.level = header_level(inner, false))) return false;
      out.logger = word;
      at = close + 1;
      return true;
    }
    const std::size_t stop = name_end(s, end);
    if (stop == end || stop >= s.size() || s[stop] != ' ') return false;
    if (header_level(s.substr(end, stop - end), false)) return false;  // the usual place
    if (words == 0) first_end = stop;
    end = skip_blanks(s, stop);
  }
  return false;
}

// Reads header fields up to and with the level. False: there is no level.
bool read_level(std::string_view s, std::size_t& at, AppFields& out, bool& bracketed,
                Gap& before) noexcept {
  if (at < s.size() && (s[at] == ',' || s[at] == ';')) {  // "stamp;ERROR;module;text"
    const std::size_t end = find(s.substr(0, std::min(s.size(), at + 16)), s[at], at + 1);
    if (end != npos && (out.level = header_level(trim(s.substr(at + 1, end - at - 1)), true))) {
      at = end + 1;
      return true;
    }
  }
  if (level_ahead(s, at, out)) {
    bracketed = true;
    return true;
  }
  bool dashed = false;
  for (int n = 0; n < 6; ++n) {
    const Gap gap = skip_gap(s, at);
    dashed = dashed || gap.mark == '-';
    before = gap;
    if (at >= s.size()) return false;
    const char c = s[at];
    if (c == '[' || c == '<' || c == '(') {
      const std::size_t close = closing_bracket(s.substr(0, std::min(s.size(), at + 160)), at);
      if (close == npos) return false;
      const std::string_view inner = trim(s.substr(at + 1, close - at - 1));
      if (inner.empty()) return false;
      if ((out.level = header_level(inner, true))) {
        at = close + 1;
        bracketed = true;
        return true;
      }
      if (c != '[') {  // "<worker-1> WARN", "(main) INFO"
        if (!out.thread.empty() || inner.size() > 64) return false;
        out.thread = inner;
        at = close + 1;
        continue;
      }
      // "[7F12 verbose 'Default' opID=x]"
      if (const std::size_t blank = inner.find(' '); blank != npos && inner.size() > blank + 4) {
        const std::size_t quote = inner.find(" '", blank + 1);
        if (quote != npos &&
            (out.level = header_level(inner.substr(blank + 1, quote - blank - 1), true))) {
          out.thread = inner.substr(0, blank);
          const std::size_t stop = inner.find('\'', quote + 2);
          if (stop != npos) out.logger = inner.substr(quote + 2, stop - quote - 2);
          at = close + 1;
          bracketed = true;
          return true;
        }
      }
      // "[Server thread/WARN]"
      if (const std::size_t slash = inner.rfind('/');
          slash != npos && (out.level = header_level(inner.substr(slash + 1), false))) {
        out.thread = inner.substr(0, slash);
        at = close + 1;
        bracketed = true;
        return true;
      }
      if (out.pid.empty() && all_digits(inner)) {
        out.pid = inner;
      } else {
        take_thread(inner, out);
      }
      at = close + 1;
      continue;
    }
    const std::size_t end = name_end(s, at);
    if (end == at) return false;
    const std::string_view word = s.substr(at, end - at);
    const char stop = end < s.size() ? s[end] : ' ';
    // "E! [inputs.ping]"
    if (stop == '!' && word.size() == 1 && end + 1 < s.size() && is_blank(s[end + 1]) &&
        (out.level = header_level(word, false))) {
      at = end + 1;
      return true;
    }
    // "request_id=4f2d [error] text", as Elixir puts metadata before the level.
    if (stop == '=' && is_lower(word[0])) {
      std::size_t value = end + 1;
      while (value < s.size() && value - end < 80 && !is_blank(s[value]) && s[value] != '"')
        ++value;
      if (value >= s.size() || s[value] != ' ' || value == end + 1) return false;
      const std::size_t begin =
          out.prefix.empty() ? at : static_cast<std::size_t>(out.prefix.data() - s.data());
      out.prefix = s.substr(begin, value - begin);
      at = value;
      continue;
    }
    const bool closed = stop == ':' || stop == '|' || stop == '[' || stop == ']' || stop == '(' ||
                        is_blank(stop) || stop == ',' ||
                        (stop == '>' && end + 1 < s.size() && is_blank(s[end + 1]));
    if (!closed) return false;
    const bool set_off = stop == ':' || stop == '|' || s.substr(end, 3) == " : ";
    // "T:1234" is a thread.
    const bool label =
        word.size() == 1 && stop == ':' && end + 1 < s.size() && is_digit(s[end + 1]);
    if (!label && (out.level = header_level(word, n == 0 || set_off))) {
      at = stop == '>' ? end + 1 : end;  // Log4perl's "ERROR>"
      return true;
    }
    if (stop == '>') return false;
    // "warning/ApiListener:"
    if (const std::size_t slash = word.find('/');
        n == 0 && stop == ':' && slash != npos && slash + 1 < word.size() &&
        (out.level = header_level(word.substr(0, slash), true))) {
      out.logger = word.substr(slash + 1);
      at = end;
      return true;
    }
    // "util.py[WARNING]:"
    if (stop == '[') {
      const std::size_t close = find(s.substr(0, std::min(s.size(), end + 16)), ']', end);
      if (close != npos && (out.level = header_level(s.substr(end + 1, close - end - 1), true))) {
        if (out.logger.empty()) out.logger = word;
        at = close + 1;
        bracketed = true;
        return true;
      }
    }
    // "laravel.EMERGENCY"
    const std::size_t dot = word.rfind('.');
    if (dot != npos && dot + 3 < word.size() && stop == ':') {
      const std::string_view tail = word.substr(dot + 1);
      if (is_upper(tail[0]) && is_upper(tail[1]) && (out.level = header_level(tail, false))) {
        out.logger = word.substr(0, dot);
        at = end;
        return true;
      }
    }
    if (all_digits(word) && word.size() <= 10) {
      if (out.pid.empty()) out.pid = word;
      at = stop == ']' ? end + 1 : end;
      continue;
    }
    // Any other word must be set off by a mark, or stand right before the level.
    std::size_t behind = end;
    const Gap after = skip_gap(s, behind);
    bool accept = after.mark != 0 || stop == '[';
    if (!accept && behind < s.size() && n < 3) {
      const std::size_t next_end = name_end(s, behind);
      accept = header_level(s.substr(behind, next_end - behind), false).has_value() ||
               ((s[behind] == '[' || s[behind] == '(') && [&] {
                 const std::size_t close =
                     find(s.substr(0, behind + 16), s[behind] == '[' ? ']' : ')', behind);
                 return close != npos &&
                        header_level(trim(s.substr(behind + 1, close - behind - 1)), true);
               }());
    }
    if (!accept || (after.mark == ':' && n > 1 && !dashed)) return false;
    if (out.logger.empty()) {
      out.logger = word;
    } else if (out.thread.empty()) {
      out.thread = word;
    }
    at = end;
    if (stop == '[') {
      const std::size_t close = find(s.substr(0, std::min(s.size(), end + 24)), ']', end);
      if (close == npos || !all_digits(s.substr(end + 1, close - end - 1))) return false;
      out.pid = s.substr(end + 1, close - end - 1);
      at = close + 1;
      if (at < s.size() && s[at] == '.') ++at;  // "web_php[118770].ERR"
    }
  }
  return false;
}

// The name at `at` is a logger, told by what follows it: ": ", " : ", " - ", "|", a tab.
struct LoggerContext {
  bool dashed = false;  // fields are set off by " - "
  bool piped = false;   // ... by '|'
  bool tight = false;   // ... by ':' without a blank
  bool wide = false;    // ... by two blanks or more
  bool first = false;   // it stands right behind the level
  bool boxed = false;   // the stamp and the level stand in brackets
  bool always = false;  // this layout always has one (Spark, Hadoop, HDFS)
};

bool read_logger(std::string_view s, std::size_t& at, const LoggerContext& how,
                 AppFields& out) noexcept {
  const std::size_t end = name_end(s, at);
  if (how.piped) {
    const std::size_t bar = find(s.substr(0, std::min(s.size(), at + 60)), '|', at);
    const std::string_view field = bar == npos ? std::string_view{} : trim(s.substr(at, bar - at));
    if (bar != npos && field.find(' ') == npos) {
      if (out.logger.empty()) out.logger = field;
      at = bar;  // skip_gap eats it
      return true;
    }
    if (!out.logger.empty() || !how.first) return false;  // "| shop.Cart - message"
  }
  if (end == at || !(is_alpha(s[at]) || s[at] == '_' || s[at] == '/' || s[at] == '$')) return false;
  const std::string_view word = s.substr(at, end - at);
  if (const std::size_t caller = caller_end(s, at, end); caller != npos) {
    out.caller = s.substr(at, caller - at);
    at = caller;
    return true;
  }
  const char stop = end < s.size() ? s[end] : 0;
  if (stop == '[') {  // "vpxd[45715]"
    const std::size_t close = find(s.substr(0, std::min(s.size(), end + 24)), ']', end);
    if (close == npos || !all_digits(s.substr(end + 1, close - end - 1))) return false;
    out.logger = word;
    out.pid = s.substr(end + 1, close - end - 1);
    at = close + 1;
    return true;
  }
  const bool named = looks_like_logger(word);
  if (stop == ':') {
    const char next = end + 1 < s.size() ? s[end + 1] : ' ';
    const bool accept =
        is_blank(next) ? named || how.always || (how.first && plain_component(word)) : how.tight;
    if (!accept) return false;
    out.logger = word;
    at = end + 1;
    return true;
  }
  std::size_t behind = end;
  const Gap gap = skip_gap(s, behind);
  const bool accept =
      (gap.mark == ':' && gap.blanks > 1) ||
      (gap.mark == '-' && gap.blanks > 1 &&
       (named || how.dashed || (how.first && (how.wide || how.boxed || !out.thread.empty())))) ||
      (how.wide && gap.blanks > 1 && gap.mark == 0) ||
      // oslo: "stamp pid LEVEL module.of.it text"
      (how.first && gap.blanks == 1 && gap.mark == 0 && !out.pid.empty() && is_lower(word[0]) &&
       dotted_name(word)) ||
      (named && gap.mark == 0 && gap.blanks > 0 && behind < s.size() && s[behind] == '[' &&
       word.find('.') != npos);
  if (!accept) return false;
  out.logger = word;
  at = end;
  return true;
}

// Whether the text behind a bracket shows that the bracket was a header field.
bool header_follows(std::string_view s, std::size_t at) noexcept {
  AppFields probe;
  const Gap gap = skip_gap(s, at);
  if (gap.mark == '-' || gap.mark == ':' || gap.mark == '|') return true;
  return at < s.size() && read_logger(s, at, LoggerContext{}, probe);
}

// "message (kafka.log.SnapshotFile)"
bool trailing_logger(std::string_view s, std::size_t from, AppFields& out) noexcept {
  if (s.empty() || s.back() != ')') return false;
  const std::size_t open = s.rfind('(');
  if (open == npos || open < from + 1 || s[open - 1] != ' ') return false;
  const std::string_view inner = s.substr(open + 1, s.size() - open - 2);
  const std::size_t dot = inner.rfind('.');
  if (dot == npos || dot + 1 >= inner.size() || !is_upper(inner[dot + 1]) || !is_alpha(inner[0])) {
    return false;
  }
  for (const char c : inner) {
    if (!is_alnum(c) && c != '.' && c != '$' && c != '_') return false;
  }
  out.logger = inner;
  out.message = trim(s.substr(from, open - from));
  return true;
}

// Behind Spring Boot's "---": "[application] [thread] [trace-span] logger : message", of which the
// thread and the logger are always there; a logger may hold brackets.
void read_spring(std::string_view s, std::size_t at, AppFields& out) noexcept {
  std::string_view before;
  for (int n = 0; n < 3 && at < s.size() && s[at] == '['; ++n) {
    const std::size_t close = closing_bracket(s.substr(0, std::min(s.size(), at + 200)), at);
    if (close == npos) break;
    before = std::exchange(out.thread, trim(s.substr(at + 1, close - at - 1)));
    at = skip_blanks(s, close + 1);
  }
  const std::size_t colon = s.substr(0, std::min(s.size(), at + 120)).find(" : ", at);
  const std::string_view name = colon == npos ? std::string_view{} : trim(s.substr(at, colon - at));
  if (!name.empty() && name.find(' ') == npos) {
    out.logger = name;
    at = colon + 3;
  }
  out.message = s.substr(at);
}

void read_rest(std::string_view s, std::size_t at, bool bracketed, LoggerContext how,
               AppFields& out) noexcept {
  // "NOTICE[1234]", "WARN (4):"
  if (at < s.size() && s[at] == '[' && !bracketed) {
    const std::size_t close = find(s.substr(0, std::min(s.size(), at + 24)), ']', at);
    if (close != npos && all_digits(s.substr(at + 1, close - at - 1))) {
      out.pid = s.substr(at + 1, close - at - 1);
      at = close + 1;
    }
  } else if (s.substr(at, 2) == " (" && at + 4 < s.size() && is_digit(s[at + 2])) {
    const std::size_t close = find(s.substr(0, std::min(s.size(), at + 14)), ')', at);
    const std::string_view number =
        close == npos ? std::string_view{} : s.substr(at + 2, close - at - 2);
    if (number.size() == 1) {
      at = close + 1;
    } else if (all_digits(number) && close + 1 < s.size() && s[close + 1] == ':') {  // pino-pretty
      out.pid = number;
      at = close + 1;
    }
  }
  how.tight = at < s.size() && s[at] == ':' && at + 1 < s.size() && !is_blank(s[at + 1]);
  Gap gap = skip_gap(s, at);
  how.dashed = how.dashed || gap.mark == '-';
  how.piped = gap.mark == '|';
  how.wide = gap.blanks > 1;
  if (trailing_logger(s, at, out)) return;
  if (gap.tab && out.thread.empty() && out.logger.empty()) {  // "thread <tab> logger <tab> text"
    const std::size_t first = find(s.substr(0, std::min(s.size(), at + 100)), '\t', at);
    const std::size_t second = first == npos ? npos : find(s, '\t', first + 1);
    if (second != npos && dotted_name(s.substr(first + 1, second - first - 1))) {
      out.thread = s.substr(at, first - at);
      out.logger = s.substr(first + 1, second - first - 1);
      out.message = s.substr(second + 1);
      return;
    }
  }
  if (gap.tab && out.logger.empty()) {  // zap: "logger <tab> text"
    const std::size_t end = name_end(s, at);
    if (end > at && end < s.size() && s[end] == '\t' && is_alpha(s[at]) && end + 1 < s.size() &&
        s[end + 1] != '{') {
      out.logger = s.substr(at, end - at);
      at = end + 1;
      if (const std::size_t stop = name_end(s, at); caller_end(s, at, stop) != npos) {
        out.caller = s.substr(at, caller_end(s, at, stop) - at);
        at = skip_blanks(s, at + out.caller.size());
      }
      out.message = s.substr(at);
      return;
    }
  }
  for (int n = 0; n < 5 && at < s.size(); ++n) {
    if (s[at] == '[') {
      const std::size_t close = closing_bracket(s.substr(0, std::min(s.size(), at + 200)), at);
      if (close == npos) break;
      const std::string_view inner = trim(s.substr(at + 1, close - at - 1));
      if (inner.starts_with("req-") && out.request_id.empty()) {
        out.request_id = inner;
        at = skip_blanks(s, close + 1);
        break;
      }
      if (inner.empty() && n > 0) {  // Log4j's empty context
        at = close + 1;
        gap = skip_gap(s, at);
        continue;
      }
      if (inner == "-" && !out.logger.empty() && out.request_id.empty()) {  // oslo without one
        at = skip_blanks(s, close + 1);
        break;
      }
      if (bracketed && n == 0 && out.pid.empty() && inner.size() <= 10 && all_digits(inner)) {
        out.pid = inner;
        at = close + 1;
        gap = skip_gap(s, at);
        continue;
      }
      const bool word =
          !inner.empty() && inner.size() <= 64 && inner.find_first_of(" =,\"") == npos;
      const bool name = out.logger.empty() && dotted_name(inner);
      const bool room = name || out.thread.empty() || (out.logger.empty() && bracketed);
      if (inner.empty() || !room || !(name || header_follows(s, close + 1) || (word && n == 0))) {
        break;
      }
      take_thread(inner, out);
      at = close + 1;
    } else if (s[at] == '(' && out.thread.empty()) {  // "[logger] (thread)", "(thread) [logger]"
      const std::size_t close = find(s.substr(0, std::min(s.size(), at + 80)), ')', at);
      if (close == npos || close == at + 1 || close + 2 >= s.size() || s[close + 1] != ' ') break;
      const bool behind = n > 0 && !out.logger.empty() && s[at - 2] == ']';
      if (!behind && (n > 0 || s[close + 2] != '[')) break;
      out.thread = trim(s.substr(at + 1, close - at - 1));
      at = close + 1;
    } else if (is_digit(s[at]) && out.pid.empty()) {  // Spring Boot: "12345 --- [main]"
      std::size_t end = at;
      while (end < s.size() && is_digit(s[end])) ++end;
      if (s.substr(end, 5) != " --- ") break;
      out.pid = s.substr(at, end - at);
      at = skip_blanks(s, end + 4);
      return read_spring(s, at, out);
    } else if (out.logger.empty() || how.piped || (out.caller.empty() && n == 0)) {
      const std::string_view had = out.logger;
      how.first = n == 0;
      if (!read_logger(s, at, how, out)) break;
      if (!had.empty()) out.logger = had;
    } else {
      break;
    }
    gap = skip_gap(s, at);
    how.wide = how.wide && gap.blanks > 1;
    if (gap.tab && s[at] == '{') break;
  }
  out.message = s.substr(at);
}

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

}  // namespace

namespace {

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
