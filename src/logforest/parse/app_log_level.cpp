#include <algorithm>

#include "logforest/parse/app_log_header.hpp"
#include "logforest/parse/scan.hpp"

namespace logforest::parse::app_words {

using namespace scan;

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

namespace {

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

}  // namespace

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

}  // namespace logforest::parse::app_words
