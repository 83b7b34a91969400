#include "logforest/parse/app_log_lead.hpp"

#include <algorithm>

#include "logforest/base/time.hpp"
#include "logforest/parse/scan.hpp"

namespace logforest::parse::app_words {

using namespace scan;

bool leading_level(std::string_view s, std::size_t& at, AppFields& out) noexcept {
  std::size_t begin = 0;
  char close = 0;
  if (!s.empty() && (s[0] == '[' || s[0] == '<' || s[0] == '(')) {
    close = s[0] == '[' ? ']' : s[0] == '<' ? '>' : ')';
    begin = 1;
  }
  if (close == ']') begin = skip_blanks(s, begin);
  std::size_t end = begin;
  while (end < s.size() && is_alpha(s[end])) ++end;
  // "info  [2025-...]": in small letters only right before a stamp in brackets.
  const std::size_t behind = skip_blanks(s, end);
  const bool boxed =
      behind > end && behind + 1 < s.size() && s[behind] == '[' && is_digit(s[behind + 1]);
  out.level = header_level(s.substr(begin, end - begin), close != 0 || boxed);
  if (!out.level || end >= s.size()) return false;
  if (close == ']' && s[end] == '|') {  // "[ERROR|auth|L83] stamp"
    const std::size_t stop = find(s.substr(0, end + 80), ']', end);
    if (stop == npos) return false;
    const std::size_t bar = find(s, '|', end + 1);
    out.logger = s.substr(end + 1, (bar < stop ? bar : stop) - end - 1);
    if (bar < stop) out.caller = s.substr(bar + 1, stop - bar - 1);
    at = stop + 1;
  } else if (close == ']' && is_blank(s[end]) && behind < s.size() && is_digit(s[behind])) {
    // "[ INFO 2025-11-22T10:00:01 main] text": the caller reads the stamp, then "main]".
    const std::size_t stop = find(s.substr(0, std::min(s.size(), behind + 120)), ']', behind);
    if (stop == npos) return false;
    const std::size_t word = s.substr(0, stop).rfind(' ');
    if (word == npos || word < behind + 8) return false;
    out.logger = s.substr(word + 1, stop - word - 1);
    at = behind;
    return true;
  } else if (close != 0) {
    if (s[end] != close) return false;
    at = end + 1;
  } else {
    if (s[end] != ':' && s[end] != ',' && s[end] != '|' && !is_blank(s[end])) return false;
    at = is_blank(s[end]) ? end : end + 1;
  }
  at = skip_blanks(s, at);
  // Cassandra's "INFO  [main] stamp"
  if (close == 0 && at + 5 < s.size() && s[at] == '[' && is_alpha(s[at + 1]) &&
      (month_number(s.data() + at + 1) == 0 || s[at + 4] != ' ')) {
    const std::size_t stop = find(s.substr(0, std::min(s.size(), at + 120)), ']', at);
    if (stop != npos) {
      out.thread = s.substr(at + 1, stop - at - 1);
      at = skip_blanks(s, stop + 1);
    }
  }
  return true;
}

std::string_view leading_name(std::string_view s, std::size_t& at) noexcept {
  if (s.size() < 4 || s[0] != '[') return {};
  const std::size_t close = find(s.substr(0, std::min(s.size(), std::size_t{66})), ']');
  if (close == npos || close < 2 || close + 2 >= s.size() || s[close + 1] != ' ') return {};
  const std::string_view word = s.substr(1, close - 1);
  const bool stamped = is_digit(s[close + 2]) || s[close + 2] == '[';
  for (const char c : word) {
    if (!is_alnum(c) && c != '-' && c != '_' && c != '.' && c != '/' && c != '#' &&
        !(c == ' ' && stamped)) {
      return {};
    }
  }
  at = skip_blanks(s, close + 1);
  return word;
}

std::string_view leading_words(std::string_view s, std::size_t& at) noexcept {
  int words = 0;
  std::size_t begin = 0;  // of the word
  const std::size_t limit = std::min(s.size(), std::size_t{120});
  for (std::size_t i = 0; i + 19 < limit; ++i) {
    const char c = s[i];
    if (i == begin && i > 0 && is_digit(c) && is_digit(s[i + 3]) && s[i + 4] == '-' &&
        is_digit(s[i + 5]) && s[i + 7] == '-' && (s[i + 10] == ' ' || s[i + 10] == 'T') &&
        s[i + 13] == ':') {
      at = i;
      return s.substr(0, i - 1);
    }
    if (c == ' ' || c == ':') {
      if (i == begin || ++words > 2) return {};
      begin = i + 1;
    } else if (!is_alnum(c) && c != '-' && c != '_' && c != '.' && c != '/') {
      return {};
    }
  }
  return {};
}

}  // namespace logforest::parse::app_words
