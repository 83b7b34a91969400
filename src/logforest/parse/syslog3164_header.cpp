#include "logforest/parse/syslog3164_header.hpp"

#include <bit>

#include "logforest/parse/app_log.hpp"
#include "logforest/parse/scan.hpp"
#include "logforest/parse/scan_padded.hpp"

namespace logforest::parse::syslog_header {

using namespace scan;

namespace {

constexpr std::size_t kMaxTag = 96;

// Text between "[" at `open` and its "]", at most 64 bytes without blanks; npos when there is none.
std::size_t pid_end(std::string_view s, std::size_t open) noexcept {
  for (std::size_t i = open + 1; i < s.size() && i - open <= 64; ++i) {
    if (s[i] == ']') return i;
    if (is_blank(s[i]) || s[i] == '[') return npos;
  }
  return npos;
}

// Behind the pid: " (address)" as macOS writes it, then ":".
void finish_tag(std::string_view s, std::size_t at, Syslog3164Fields& out) noexcept {
  if (at + 1 < s.size() && s[at] == ' ' && s[at + 1] == '(') {
    const std::size_t close = closing_bracket(s.substr(0, at + 256), at + 1);
    if (close != npos && close + 1 < s.size() && s[close + 1] == ':') {
      out.address = s.substr(at + 2, close - at - 2);
      at = close + 1;
    }
  }
  if (at < s.size() && s[at] == ':') ++at;
  if (at < s.size() && s[at] == ' ') ++at;
  out.message = s.substr(at);
}

// Names of several words: "Google Chrome Helper[123]:", "-- root[2421]:", "syslogd 1.4.1:".
bool spaced_tag(std::string_view s, std::size_t blank, Syslog3164Fields& out) noexcept {
  int words = 1;
  for (std::size_t i = blank; i < s.size() && i < 64; ++i) {
    const char c = s[i];
    if (c == ' ') {
      if (++words > 5) return false;
    } else if (c == '[') {
      const std::size_t close = pid_end(s, i);
      if (close == npos || close + 1 >= s.size() ||
          (s[close + 1] != ':' && s.substr(close + 1, 2) != " (") ||
          !all_digits(s.substr(i + 1, close - i - 1))) {
        return false;
      }
      out.tag = s.substr(0, i);
      out.pid = s.substr(i + 1, close - i - 1);
      finish_tag(s, close + 1, out);
      return true;
    } else if (c == ':') {
      // "syslogd 1.4.1:", "Server Administrator:"
      const bool names =
          is_upper(s[0]) && is_lower(s[1]) && is_upper(s[blank + 1]) && is_lower(s[blank + 2]);
      if (words != 2 || !(is_digit(s[blank + 1]) || names) || i + 1 >= s.size() || s[i + 1] != ' ')
        return false;
      out.tag = s.substr(0, i);
      finish_tag(s, i, out);
      return true;
    } else if (!is_alnum(c) && c != '.' && c != '-' && c != '_' && c != '/' && c != '(' &&
               c != ')') {
      return false;
    }
  }
  return false;
}

}  // namespace

bool scan_tag(std::string_view s, Syslog3164Fields& out) noexcept {
  std::size_t i = 0;
  for (; i < s.size() && i <= kMaxTag; ++i) {
    const char c = s[i];
    if (c == ':') {
      if (i == 0) return false;
      const char next = i + 1 < s.size() ? s[i + 1] : ' ';
      if (next == ':' || next == '/' || is_digit(next)) {
        if (next == ':') ++i;
        continue;  // "a::b", a URL, a port
      }
      if (!is_alpha(s[0]) && s[0] != '/' && s[0] != '_' && s[0] != '(' && s[0] != '-' &&
          s[0] != '.') {
        return false;
      }
      out.tag = s.substr(0, i);
      finish_tag(s, i, out);
      return true;
    }
    if (c == '[') {
      const std::size_t close = i == 0 ? npos : pid_end(s, i);
      if (close == npos) return false;
      const char next = close + 1 < s.size() ? s[close + 1] : ' ';
      if (next != ':' && next != ' ') return false;
      out.tag = s.substr(0, i);
      out.pid = s.substr(i + 1, close - i - 1);
      finish_tag(s, close + 1, out);
      return true;
    }
    if (c == '\t' && i > 0) {  // Snare: the rest is a table
      out.tag = s.substr(0, i);
      out.message = s;
      return true;
    }
    if (c == ' ' && i > 0 && i + 2 < s.size() && s[i + 1] == '[' && is_digit(s[i + 2])) {
      const std::size_t close = pid_end(s, i + 1);  // "sogod [812]: text"
      if (close != npos && close + 1 < s.size() && s[close + 1] == ':') {
        out.tag = s.substr(0, i);
        out.pid = s.substr(i + 2, close - i - 2);
        finish_tag(s, close + 1, out);
        return true;
      }
    }
    if (c == ' ') return i > 0 && spaced_tag(s, i, out);
    if (c < ' ') return false;
  }
  return false;
}

std::optional<Level> facility_severity(std::string_view token) noexcept {
  if (token.size() > 4 && token.front() == '<' && token.back() == '>') {
    token = token.substr(1, token.size() - 2);
  }
  const std::size_t dot = find(token.substr(0, 16), '.');
  if (dot == npos) return std::nullopt;
  const std::string_view facility = token.substr(0, dot);
  const bool local = facility.size() == 6 && facility.starts_with("local");
  bool known = local;
  for (const std::string_view name :
       {"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron",
        "authpriv", "ftp", "ntp", "security", "console"}) {
    known = known || facility == name;
  }
  return known ? level_from_name(token.substr(dot + 1)) : std::nullopt;
}

namespace {

// "notice mcpd[4421]: text" behind a host: a bare severity, told by the process behind it.
std::optional<Level> bare_severity(std::string_view word, std::string_view s,
                                   Syslog3164Fields& out) noexcept {
  if (word.size() < 3 || word.size() > 7 || !is_lower(word[0]) || !is_lower(word[1])) {
    return std::nullopt;
  }
  const auto level = header_level(word, true);
  if (!level || word.size() + 1 >= s.size()) return std::nullopt;
  Syslog3164Fields probe;
  const std::string_view tail = s.substr(skip_blanks(s, word.size()));
  if (!scan_tag(tail, probe) || probe.pid.empty() || probe.tag.find(' ') != npos) {
    return std::nullopt;
  }
  out.message = probe.message;
  out.tag = probe.tag;
  out.pid = probe.pid;
  out.address = probe.address;
  return level;
}

}  // namespace

bool scan_cisco(std::string_view s, Syslog3164Fields& out) noexcept {
  if (s.size() < 6 || s[0] != '%') return false;
  const std::size_t colon = find(s.substr(0, 80), ':');
  if (colon == npos) return false;
  out.tag = s.substr(0, colon);
  finish_tag(s, colon, out);
  return true;
}

std::optional<Level> cisco_severity(std::string_view tag) noexcept {
  const std::size_t dash = tag.find('-');
  if (dash == npos || dash < 2 || dash + 2 >= tag.size() || tag[dash + 2] != '-' ||
      tag[dash + 1] < '0' || tag[dash + 1] > '7') {
    return std::nullopt;
  }
  return level_from_syslog(static_cast<unsigned>(tag[dash + 1] - '0'));
}

std::string_view next_token(std::string_view s) noexcept {
  std::size_t end = 0;
  while (end < s.size() && !is_blank(s[end])) ++end;
  return s.substr(0, end);
}

bool is_tag_token(std::string_view token) noexcept {
  if (token.size() < 2 || token.back() != ':') return false;
  return !is_ip(token.substr(0, token.size() - 1));
}

namespace {

// "host tag[pid]: text"
bool scan_host_tag(std::string_view s, Syslog3164Fields& out) noexcept {
  const std::string_view host = next_token(s);
  const std::size_t behind = skip_blanks(s, host.size());
  if (behind >= s.size() || !scan_tag(s.substr(behind), out)) return false;
  out.host = host;
  return true;
}

}  // namespace

void scan_body(std::string_view s, Syslog3164Fields& out) noexcept {
  std::string_view word = next_token(s);
  if ((out.severity = facility_severity(word)) && word.size() + 1 < s.size()) {
    s.remove_prefix(skip_blanks(s, word.size()));
    word = next_token(s);
    if (!is_tag_token(word) && word.back() != ']' && scan_host_tag(s, out)) return;
    out.message = s;
    scan_tag(s, out);
    return;
  }
  out.message = s;
  if (scan_cisco(s, out)) return;
  const std::string_view token = next_token(s);
  if (token.empty()) return;
  std::size_t behind = skip_blanks(s, token.size());
  const std::string_view rest = s.substr(behind);
  if (is_tag_token(token)) {
    if (!rest.empty() && rest[0] == '%' && scan_cisco(rest, out)) {
      out.host = token.substr(0, token.size() - 1);
      return;
    }
    if (scan_tag(s, out)) return;
  }
  if (behind >= s.size() || token.size() > 255) return;  // one word is a message
  if (token[0] == '[' && token.back() == ']' && token.size() > 2 &&
      all_digits(token.substr(1, token.size() - 2))) {  // "[812] text": neither host nor tag
    out.pid = token.substr(1, token.size() - 2);
    out.message = rest;
    return;
  }
  if (rest.size() > 4 && rest[0] == '[' && is_digit(rest[1]) && is_alpha(token[0]) &&
      scan_tag(s, out)) {
    return;  // "sogod [812]: text"
  }
  if (token.back() == ']' && is_alpha(token[0]) && find(token, '[') < token.size() - 2) {
    if (scan_tag(s, out)) return;  // "unbound[812:0] text": there is no host
  }
  out.host = token;
  if (!out.host.empty() && out.host.back() == ':') out.host.remove_suffix(1);
  out.message = rest;
  const std::string_view second = next_token(rest);
  if ((out.severity = facility_severity(second)) && second.size() + 1 < rest.size()) {
    const std::string_view tail = rest.substr(skip_blanks(rest, second.size()));
    out.message = tail;
    scan_tag(tail, out);
    return;
  }
  if ((out.severity = bare_severity(second, rest, out))) return;
  if (rest.starts_with(": %") && scan_cisco(rest.substr(2), out)) return;
  if (!scan_cisco(rest, out)) scan_tag(rest, out);
}

bool scan_usual_body(std::string_view s, Syslog3164Fields& out) noexcept {
  const char* const p = s.data();  // read behind the end of s
  std::uint64_t blanks = 0;        // and control characters
  std::uint64_t stops = 0;         // of a tag
  std::uint64_t closing = 0;
  std::uint64_t dots = 0;
  std::uint64_t marks = 0;  // of facilities in words, Cisco's names, brackets in brackets
  for (unsigned i = 0; i < 64; i += 16) {
    const Bytes v = load(p + i);
    const Bytes blank = at_most(v, ' ');
    const Bytes open = is(v, '[');
    blanks |= std::uint64_t{bits(blank)} << i;
    stops |= std::uint64_t{bits(either(blank, either(is(v, ':'), open)))} << i;
    closing |= std::uint64_t{bits(is(v, ']'))} << i;
    dots |= std::uint64_t{bits(is(v, '.'))} << i;
    marks |= std::uint64_t{bits(either(open, either(is(v, '<'), is(v, '%'))))} << i;
  }
  const auto next = [](std::uint64_t mask, unsigned from) {
    return static_cast<unsigned>(std::countr_zero(mask & (~std::uint64_t{0} << from)));
  };
  const auto host = static_cast<unsigned>(std::countr_zero(blanks));
  if (host == 0 || host > 40 || p[host] != ' ' || p[host - 1] == ':') return false;
  const unsigned tag = host + 1;
  const unsigned tag_end = next(stops, tag);
  if (tag_end == tag || tag_end > 60) return false;
  const bool numbered = p[tag_end] == '[';
  const unsigned colon = numbered ? next(closing, tag_end) + 1 : tag_end;
  if (colon > 61 || colon + 2 > s.size() || p[colon] != ':') return false;
  if (numbered) {
    marks &= marks - 1;  // the lowest is most often the bracket; if not, one is left
    if (next(blanks, tag_end) < colon) return false;
  } else if (p[colon + 1] != ' ' || !is_alpha(p[tag])) {
    return false;
  }
  if ((marks << (63 - colon)) != 0 || (dots << (63 - colon) >> (63 - colon) >> host) != 0)
    return false;
  const std::string_view name = s.substr(0, host);
  if ((dots << (63 - host)) != 0 && facility_severity(name)) return false;
  out.host = name;
  out.tag = s.substr(tag, tag_end - tag);
  if (numbered) out.pid = s.substr(tag_end + 1, colon - tag_end - 2);
  out.message = s.substr(colon + (p[colon + 1] == ' ' ? 2 : 1));
  return true;
}

}  // namespace logforest::parse::syslog_header
