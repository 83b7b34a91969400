#include <cstring>
#include <memory>

#include "logforest/parse/scan.hpp"
#include "logforest/parse/syslog.hpp"
#include "logforest/parse/syslog3164_header.hpp"

namespace logforest::parse {

using namespace scan;
using namespace syslog_header;

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

}  // namespace logforest::parse
