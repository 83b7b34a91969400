#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "logforest/parse/app_log.hpp"
#include "logforest/parse/row_builder.hpp"
#include "logforest/parse/scan.hpp"
#include "logforest/parse/scan_padded.hpp"
#include "logforest/parse/syslog.hpp"

namespace logforest::parse {

using namespace scan;

bool Bsd3164Clock::read(std::string_view text, const TimeContext& context, std::int64_t& us,
                        std::size_t& length) noexcept {
  if (text.size() < 14) return false;
  // "Mon dd hh:mm:ss" of a day seen before; a year or a fraction behind it goes the long way.
  if (text.size() > 15 && text[15] != '.' && std::memcmp(text.data(), date_, sizeof date_) == 0) {
    const int seconds = clock_seconds(text.data() + 7);
    const bool year = text[15] == ' ' && text.size() > 20 && all_digits(text.substr(16, 4)) &&
                      (text[20] == ' ' || text[20] == ':');
    const bool zone = text.size() > 20 && is_upper(text[16]) && is_upper(text[17]);
    if (seconds >= 0 && !year && !zone) {
      us = midnight_us_ + seconds * std::int64_t{1'000'000};
      length = 15;
      return true;
    }
  }
  const auto parsed = parse_rfc3164_time(text, context);
  if (!parsed) return false;
  us = parsed->us;
  length = parsed->length;
  if (length != 15 || text[6] != ' ') return true;
  const int seconds = clock_seconds(text.data() + 7);
  // Where one year ends and the next is too far ahead the hour decides: never remembered.
  constexpr std::int64_t day = 86'400'000'000;
  const std::int64_t ahead = us - context.now_us;
  if (seconds >= 0 && ahead < kAheadOfYearUs - 2 * day && ahead > kAheadOfYearUs - 362 * day) {
    std::memcpy(date_, text.data(), sizeof date_);
    midnight_us_ = us - seconds * std::int64_t{1'000'000};
  }
  return true;
}

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

// "daemon.err", "<auth.notice>": facility and severity in words, as OpenWrt, FreeBSD and others
// write them.
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

// "%FACILITY-SEVERITY-MNEMONIC: text"
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

// "host tag[pid]: text"
bool scan_host_tag(std::string_view s, Syslog3164Fields& out) noexcept {
  const std::string_view host = next_token(s);
  const std::size_t behind = skip_blanks(s, host.size());
  if (behind >= s.size() || !scan_tag(s.substr(behind), out)) return false;
  out.host = host;
  return true;
}

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

// What scan_body makes of "host tag[pid]: text" and "host tag: text" where the header fits into 64
// bytes and nothing in it could mean more. These are most lines, and here they cost no loops. False
// for other lines.
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

// A Cisco message number "000123: " and the marks of an unsynchronised clock before the stamp.
std::size_t skip_cisco_sequence(std::string_view s, Syslog3164Fields& out) noexcept {
  std::size_t at = 0;
  while (at < s.size() && at < 10 && is_digit(s[at])) ++at;
  if (at > 0 && at + 1 < s.size() && s[at] == ':' && s[at + 1] == ' ') {
    out.sequence = s.substr(0, at);
    at += 2;
    const std::string_view token = next_token(s.substr(at));
    if (is_tag_token(token) && at + token.size() + 1 < s.size() &&
        month_number(token.data()) == 0) {
      out.host = token.substr(0, token.size() - 1);
      at += token.size() + 1;
    }
  } else {
    at = 0;
  }
  if (at + 4 < s.size() && (s[at] == '*' || s[at] == '.') && is_alpha(s[at + 1])) ++at;
  return at;
}

// "1 2024-..." or "1 - " behind the priority.
bool versioned(std::string_view s) noexcept {
  std::size_t at = 0;
  while (at < s.size() && at < 3 && is_digit(s[at])) ++at;
  if (at == 0 || s[0] == '0' || at + 2 >= s.size() || s[at] != ' ') return false;
  s.remove_prefix(at + 1);
  return s.starts_with("- ") ||
         (s.size() > 10 && is_digit(s[0]) && is_digit(s[3]) && s[4] == '-' && s[7] == '-');
}

bool iso_start(std::string_view s) noexcept {
  return s.size() >= 19 && is_digit(s[0]) && is_digit(s[3]) && s[4] == '-' && s[7] == '-' &&
         (s[10] == 'T' || s[10] == ' ');
}

// "2026 May 17 10:05:03"
bool year_first(std::string_view s) noexcept {
  return s.size() > 22 && is_digit(s[0]) && is_digit(s[3]) && s[4] == ' ' && s[8] == ' ' &&
         month_number(s.data() + 5) != 0;
}

// "Sun May 17 10:05:03 2026 daemon.err dnsmasq[123]: ...": told by its second part only.
bool openwrt(std::string_view s, const TimeContext& context, Syslog3164Fields& out) noexcept {
  if (s.size() < 32 || s[3] != ' ' || s[7] != ' ' || s[19] != ' ' || s[24] != ' ') return false;
  std::string_view rest = s.substr(25);
  out.severity = facility_severity(next_token(rest));
  if (!out.severity) return false;
  const auto parsed = parse_time(s, context);
  if (!parsed || parsed->length != 24) return false;
  out.has_time = true;
  out.timestamp_us = parsed->us;
  scan_body(rest, out);
  return true;
}

// "ERROR", "[warn]": a level, not a host.
bool level_word(std::string_view host) noexcept {
  if (host.size() > 2 && host[0] == '[') {
    return level_from_name(host.substr(1, host.find(']') - 1)).has_value();
  }
  if (host.size() < 4 || !is_upper(host[0]) || !is_upper(host[host.size() - 2])) return false;
  return level_from_name(host).has_value();
}

}  // namespace

bool scan_syslog3164(std::string_view line, const TimeContext& context, Bsd3164Clock& clock,
                     Syslog3164Fields& out) noexcept {
  std::construct_at(&out);  // an assignment would make another and copy it
  std::string_view s = line;
  if (!s.empty() && s[0] == '<') {
    const Priority priority = read_priority(s);
    if (priority.value < 0) return false;
    out.priority = priority.value;
    s.remove_prefix(priority.length);
    if (versioned(s)) return false;  // RFC 5424, damaged
    if (!s.empty() && s[0] == ' ') s.remove_prefix(1);
  }
  if (s.empty()) return false;
  std::string_view cisco_host;
  if (is_digit(s[0]) || s[0] == '*' || s[0] == '.') {
    s.remove_prefix(skip_cisco_sequence(s, out));
    cisco_host = out.host;
  }
  std::size_t length = 0;
  if (is_alpha(s.empty() ? ' ' : s[0])) {
    out.has_time = clock.read(s, context, out.timestamp_us, length);
    if (!out.has_time && out.priority < 0) return openwrt(s, context, out);
  } else if (year_first(s)) {
    if (const auto parsed = parse_time(s, context); parsed && parsed->length > 19) {
      out.has_time = true;
      out.timestamp_us = parsed->us;
      length = parsed->length;
    }
  } else if (iso_start(s)) {
    if (const auto parsed = parse_iso8601(s, context)) {
      out.has_time = true;
      out.timestamp_us = parsed->us;
      length = parsed->length;
    }
  }
  if (!out.has_time) {
    if (out.priority < 0) {  // a bare "%ASA-4-106023: ..."
      return s[0] == '%' && scan_cisco(s, out) && cisco_severity(out.tag).has_value();
    }
    // RFC 3164 section 4.3.3: no stamp, so all of it is the message (a tag is taken where it is).
    out.message = s;
    if (!scan_cisco(s, out)) scan_tag(s, out);
    return true;
  }
  const bool iso = !is_alpha(s[0]);
  const bool blank_inside = iso && s[10] == ' ';
  s.remove_prefix(length);
  if (s.starts_with(" UTC:") || s.starts_with(" GMT:")) s.remove_prefix(4);
  if (!s.empty() && s[0] == ':') s.remove_prefix(1);
  if (s.empty() || !is_blank(s[0])) return s.empty() && out.priority >= 0;
  s = s.substr(skip_blanks(s, 0));
  if (!scan_usual_body(s, out)) scan_body(s, out);
  if (!cisco_host.empty()) out.host = cisco_host;
  // Without a priority an ISO stamp opens many a format; only "host tag[pid]:" makes it syslog, and
  // a host is not called ERROR or [info].
  if (iso && out.priority < 0 &&
      (out.host.empty() || out.tag.empty() || out.host[0] == '[' ||
       level_from_name(out.host).has_value())) {
    return false;
  }
  // With a blank inside it tells still less.
  if (blank_inside && out.priority < 0 && (!all_digits(out.pid) || all_digits(out.host))) {
    return false;
  }
  return iso || out.priority >= 0 || !level_word(out.host);
}

namespace {

class Syslog3164Parser final : public LineParser {
 public:
  LineResult parse_line(std::string_view line, RowBuilder& row) override {
    if (!scan_syslog3164(line, row.time_context(), clock_, f_)) {
      return {!line.empty() && line[0] == '<' ? Reject::InvalidHeader : Reject::NoMatch};
    }
    row.begin();
    if (f_.has_time) row.timestamp(f_.timestamp_us);
    if (!f_.host.empty()) row.source(f_.host);
    row.message(trim(f_.message), Padded{});
    if (f_.priority >= 0) {
      row.level(level_from_syslog(static_cast<unsigned>(f_.priority & 7)));
      row.meta_wrote(write_priority(row.meta_room(31), f_.priority));
    } else if (const auto level = guess_level()) {
      row.level(*level);
    }
    if (!f_.tag.empty()) service(row);
    if (!f_.pid.empty()) write_pid(row);
    if (!f_.address.empty()) row.meta_named(R"("address")", f_.address);
    if (!f_.sequence.empty()) row.meta_named(R"("sequence")", f_.sequence);
    return {};
  }

 private:
  void write_pid(RowBuilder& row) const {
    if (f_.pid.size() <= 16 && f_.pid[0] != '0' && all_digits(f_.pid)) {
      char* p = literal(row.meta_room(48), R"("pid":)");
      row.meta_wrote(literal(copy_padded(p, f_.pid), ","));
    } else if (const auto pid = to_int(f_.pid)) {
      row.meta_named(R"("pid")", *pid);
    } else {
      row.meta_named(R"("pid")", f_.pid);
    }
  }
  void service(RowBuilder& row) const {
    if (f_.tag[0] != '%') return row.service(f_.tag);
    const std::string_view mnemonic = f_.tag.substr(1);
    row.meta_text("mnemonic", mnemonic);
    row.service(mnemonic.substr(0, mnemonic.find('-')));
  }

  // "%ASA-6-302013" says it, or "auth.err" in the header; otherwise what the message begins with:
  // "error:", "ERROR ", "[error]", "level=error", JSON's "level", "[ID 702911 user.error]".
  [[nodiscard]] std::optional<Level> guess_level() const noexcept {
    if (f_.severity) return f_.severity;
    if (!f_.tag.empty() && f_.tag[0] == '%') {
      if (const auto level = cisco_severity(f_.tag)) return level;
    }
    const std::string_view text = f_.message.substr(0, 160);
    const char open = text.empty() ? ' ' : text[0];
    if (open == '[' || open == '<') {
      const std::size_t close = find(text, open == '[' ? ']' : '>');
      if (close == npos) return std::nullopt;
      const std::string_view inner = text.substr(1, close - 1);
      if (!inner.starts_with("ID ")) return header_level(inner, true);
      const std::size_t space = inner.rfind(' ');
      return facility_severity(inner.substr(space + 1));
    }
    if (open == '{') {
      for (const std::string_view key : {R"("level":)", R"("severity":)"}) {
        std::size_t at = text.find(key);
        if (at == npos) continue;
        at = skip_blanks(text, at + key.size());
        if (at >= text.size() || text[at] != '"') return std::nullopt;
        return level_from_name(text.substr(at + 1, find(text, '"', at + 1) - at - 1));
      }
      return std::nullopt;
    }
    std::size_t end = 0;
    while (end < text.size() && is_alpha(text[end])) ++end;
    if (end >= text.size() || end > 13) return behind_label(text, end);
    if (text[end] == '=') return named_level(text);
    if (end < 4 ||
        (text[end] != ':' && !(is_blank(text[end]) && is_upper(open) && is_upper(text[end - 1])))) {
      return behind_label(text, end);
    }
    const auto level = level_from_name(text.substr(0, end));
    return level ? level : behind_label(text, end);
  }

  // "imap(bob)<12>: Error: ...", "4F2D3A: warning: ...": a level between colons behind one word;
  // `at` is inside that word. "(?@192.0.2.9) [WARNING] ..." likewise.
  [[nodiscard]] static std::optional<Level> behind_label(std::string_view text,
                                                         std::size_t at) noexcept {
    while (at < text.size() && at < 80 && !is_blank(text[at])) ++at;
    if (at < 2 || at + 5 > text.size()) return std::nullopt;
    const bool bracketed = text[at - 1] == ')' && text[0] == '(' && text[at + 1] == '[';
    if (text[at - 1] != ':' && !bracketed) return std::nullopt;
    const std::size_t begin = at + (bracketed ? 2 : 1);
    std::size_t end = begin;
    while (end < text.size() && is_alpha(text[end])) ++end;
    if (end >= text.size() || end - begin < 4 || text[end] != (bracketed ? ']' : ':')) {
      return std::nullopt;
    }
    return header_level(text.substr(begin, end - begin), true);
  }

  // "... level=error ..." among pairs.
  [[nodiscard]] static std::optional<Level> named_level(std::string_view text) noexcept {
    for (const std::string_view key : {"level=", "lvl=", "severity="}) {
      const std::size_t at = text.find(key);
      if (at == npos || (at > 0 && !is_blank(text[at - 1]))) continue;
      std::string_view value = text.substr(at + key.size());
      if (value.starts_with('"')) value.remove_prefix(1);
      std::size_t end = 0;
      while (end < value.size() && is_alpha(value[end])) ++end;
      return level_from_name(value.substr(0, end));
    }
    return std::nullopt;
  }

  Bsd3164Clock clock_;
  Syslog3164Fields f_;
};

}  // namespace

std::unique_ptr<LineParser> make_syslog3164_parser() {
  return std::make_unique<Syslog3164Parser>();
}

}  // namespace logforest::parse
