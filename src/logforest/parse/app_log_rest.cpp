#include <algorithm>
#include <utility>

#include "logforest/parse/app_log_header.hpp"
#include "logforest/parse/scan.hpp"

namespace logforest::parse::app_words {

using namespace scan;

namespace {

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

}  // namespace

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

}  // namespace logforest::parse::app_words
