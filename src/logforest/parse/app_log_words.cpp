#include "logforest/parse/app_log_words.hpp"

#include <algorithm>

#include "logforest/parse/app_log.hpp"
#include "logforest/parse/scan.hpp"

namespace logforest::parse {

using namespace scan;

std::optional<Level> header_level(std::string_view word, bool lower_case) noexcept {
  if (word.empty() || word.size() > 13 || !is_alpha(word[0])) return std::nullopt;
  bool all_upper = true;
  bool any_upper = false;
  for (const char c : word) {
    if (!is_alpha(c)) return std::nullopt;
    all_upper = all_upper && is_upper(c);
    any_upper = any_upper || is_upper(c);
  }
  if (word.size() == 1 && !all_upper) return std::nullopt;
  if (!any_upper && !lower_case) return std::nullopt;
  if (any_upper && !all_upper && !is_upper(word[0])) return std::nullopt;
  if (!all_upper &&
      (word.size() < 3 || word == "Log" || word == "log" || word == "default" ||
       word == "Default" || word == "config" || word == "Config" || word == "detail" ||
       word == "hint" || word == "statement" || word == "success" || word == "Success" ||
       word == "failure" || word == "Failure" || word == "fine")) {
    return std::nullopt;
  }
  return level_from_name(word);
}

namespace app_words {

Gap skip_gap(std::string_view s, std::size_t& at) noexcept {
  Gap gap;
  const auto blanks = [&] {
    for (; at < s.size() && is_blank(s[at]); ++at) {
      ++gap.blanks;
      gap.tab = gap.tab || s[at] == '\t';
    }
  };
  blanks();
  if (at >= s.size()) return gap;
  const char c = s[at];
  const char next = at + 1 < s.size() ? s[at + 1] : ' ';
  if (c == '|' || (c == ':' && next != ':') || ((c == ',' || c == ';') && is_blank(next))) {
    gap.mark = c;
    ++at;
  } else if (c == '-' && (is_blank(next) || next == '-')) {
    std::size_t end = at;
    while (end < s.size() && s[end] == '-') ++end;
    if (end - at > 4 || (end < s.size() && !is_blank(s[end]) && s[end] != ':')) return gap;
    at = end < s.size() && s[end] == ':' ? end + 1 : end;
    gap.mark = '-';
  } else if (c == '-' && next == '>' && at + 2 < s.size() && is_blank(s[at + 2])) {
    at += 2;
    gap.mark = '-';
  } else {
    return gap;
  }
  blanks();
  return gap;
}

namespace {

constexpr bool is_name(char c) noexcept {
  return is_alnum(c) || c == '.' || c == '_' || c == '$' || c == '/' || c == '-' || c == '@' ||
         c == '#' || c == '\\';
}

}  // namespace

// End of the name that begins at `at`; "::" belongs to it, one ':' ends it.
std::size_t name_end(std::string_view s, std::size_t at) noexcept {
  const std::size_t limit = std::min(s.size(), at + 160);
  while (at < limit) {
    if (is_name(s[at])) {
      ++at;
    } else if (s[at] == ':' && at + 2 < limit && s[at + 1] == ':' && is_name(s[at + 2])) {
      at += 2;
    } else {
      break;
    }
  }
  return at;
}

// A class, module or component rather than a word of English.
bool looks_like_logger(std::string_view w) noexcept {
  if (w.size() < 3 || !(is_alpha(w[0]) || w[0] == '_' || w[0] == '/')) return false;
  for (std::size_t i = 1; i + 1 < w.size(); ++i) {
    const char c = w[i];
    if ((c == '.' || c == '$' || c == '/' || c == ':') && is_alnum(w[i + 1])) return true;
    if (c == '_' || (is_upper(c) && is_lower(w[i - 1]))) return true;
  }
  return false;
}

// "org.hibernate.util", "homeassistant.components.zha": no thread is called so.
bool dotted_name(std::string_view w) noexcept {
  if (w.size() < 3 || !is_alpha(w[0])) return false;
  bool dot = false;
  for (std::size_t i = 1; i < w.size(); ++i) {
    if (w[i] == '-' && is_alnum(w[i - 1]) && i + 1 < w.size() && is_alpha(w[i + 1])) continue;
    if (w[i] == '.') {
      dot = i + 1 < w.size() && is_alpha(w[i + 1]);
      if (!dot) return false;
    } else if (!is_alnum(w[i]) && w[i] != '_' && w[i] != '$') {
      return false;
    }
  }
  return dot;
}

// A word before ": " right behind the level: a component ("agent: Synced") unless English has it
// before a colon ("failed: no space").
bool plain_component(std::string_view w) noexcept {
  if (w.size() < 2 || w.size() > 40 || !is_alpha(w[0])) return false;
  if (w.ends_with("ed") || w.ends_with("ing") || w.ends_with("Ed")) return false;
  for (const std::string_view word :
       {"error",   "Error",   "ERROR",   "exception", "Exception", "failure", "Failure", "warning",
        "Warning", "note",    "Note",    "reason",    "Reason",    "status",  "Status",  "result",
        "Result",  "message", "Message", "usage",     "Usage",     "detail",  "details", "cause",
        "Cause",   "http",    "https",   "total",     "Total",     "time",    "Time",    "from",
        "to",      "is",      "was",     "at",        "on",        "for",     "by",      "with",
        "of",      "in",      "url",     "URL",       "id",        "ID",      "ip",      "IP",
        "user",    "User",    "host",    "Host",      "file",      "File",    "path",    "Path",
        "version", "Version"}) {
    if (w == word) return false;
  }
  return true;
}

// "file.go:12"; `at` is behind the name "file.go".
std::size_t caller_end(std::string_view s, std::size_t begin, std::size_t at) noexcept {
  if (at >= s.size() || s[at] != ':' || s.substr(begin, at - begin).find('.') == npos) return npos;
  std::size_t end = at + 1;
  while (end < s.size() && is_digit(s[end])) ++end;
  if (end == at + 1 || end - at > 7) return npos;
  return end < s.size() && !is_blank(s[end]) && s[end] != ':' && s[end] != ']' ? npos : end;
}

}  // namespace app_words

}  // namespace logforest::parse
