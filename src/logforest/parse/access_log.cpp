#include "logforest/parse/access_log.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "logforest/base/time.hpp"
#include "logforest/parse/scan.hpp"
#include "logforest/parse/scan_padded.hpp"

namespace logforest::parse {

using namespace scan;

bool ClfClock::load(const char* p) noexcept {
  const int day = two_digits(p);
  const unsigned month = month_number(p + 3);
  const int high = two_digits(p + 7);
  const int low = two_digits(p + 9);
  if (high < 0 || low < 0 || p[2] != '/' || p[6] != '/') return false;
  const int year = high * 100 + low;
  if (!valid_date(year, static_cast<int>(month), day)) return false;
  midnight_us_ = days_from_civil(year, month, static_cast<unsigned>(day)) * 86'400'000'000;
  std::memcpy(date_, p, sizeof date_);
  return true;
}

bool ClfClock::read(std::string_view text, std::int64_t& us, std::size_t& length) noexcept {
  if (text.size() < 20 || text[11] != ':') return false;
  const char* p = text.data();
  if (std::memcmp(p, date_, sizeof date_) != 0 && !load(p)) return false;
  const int seconds = clock_seconds(p + 12);
  if (seconds < 0) return false;
  std::int64_t at = midnight_us_ + seconds * std::int64_t{1'000'000};
  std::size_t i = 20;
  if (i < text.size() && text[i] == '.') {
    std::int64_t unit = 100'000;
    for (++i; i < text.size() && is_digit(text[i]); ++i, unit /= 10) at += (text[i] - '0') * unit;
  }
  while (i < text.size() && text[i] == ' ') ++i;
  if (i + 5 <= text.size() && (text[i] == '+' || text[i] == '-')) {
    const int h = two_digits(p + i + 1);
    const int m = two_digits(p + i + 3);
    if (h < 0 || m < 0 || h > 23 || m > 59) return false;
    const std::int64_t offset = (h * 60 + m) * std::int64_t{60'000'000};
    at += text[i] == '+' ? -offset : offset;
    i += 5;
  }
  us = at;
  length = i;
  return true;
}

namespace {

std::string_view dash_is_empty(std::string_view s) noexcept {
  return s == "-" ? std::string_view{} : s;
}

bool is_dashes(std::string_view s) noexcept {
  for (const char c : s) {
    if (c != '-' && c != ' ') return false;
  }
  return true;
}

// One word of the head, blanks before it skipped.
std::string_view next_word(std::string_view& s) noexcept {
  s.remove_prefix(skip_blanks(s, 0));
  std::size_t end = 0;
  while (end < s.size() && !is_blank(s[end])) ++end;
  const std::string_view word = s.substr(0, end);
  s.remove_prefix(end);
  return word;
}

constexpr std::array<bool, 256> host_bytes() noexcept {
  std::array<bool, 256> out{};
  for (unsigned c = 0; c < 128; ++c) out[c] = is_alnum(static_cast<char>(c));
  for (const char c : std::string_view(".:-_%[]*/")) out[static_cast<unsigned char>(c)] = true;
  return out;
}
constexpr std::array<bool, 256> kHostBytes = host_bytes();

bool host_like(std::string_view s) noexcept {
  for (const char c : s) {
    if (!kHostBytes[static_cast<unsigned char>(c)]) return false;
  }
  return !s.empty();
}

// The usual head, "1.2.3.4 - - [": three words with one blank behind each, the client an IPv4
// address. Where the bracket is; npos for other heads.
std::size_t scan_usual_head(std::string_view line, AccessFields& out) noexcept {
  const char* const begin = line.data();
  const char* const end = begin + line.size();
  const std::size_t client = ipv4_length(line);
  if (client == 0 || client + 4 >= line.size() || begin[client] != ' ') return npos;
  const auto stop = [](Bytes v) { return either(at_most(v, ' '), is(v, '[')); };
  const char* const ident = begin + client + 1;
  const char* const ident_end = first_of(ident, end, stop);
  if (ident_end == ident || ident_end >= end || *ident_end != ' ') return npos;
  const char* const user = ident_end + 1;
  const char* const user_end = first_of(user, end, stop);
  if (user_end == user || end - user_end < 2 || user_end[0] != ' ' || user_end[1] != '[')
    return npos;
  out.client = line.substr(0, client);
  out.client_is_ip = true;
  out.ident = dash_is_empty({ident, static_cast<std::size_t>(ident_end - ident)});
  out.user = dash_is_empty({user, static_cast<std::size_t>(user_end - user)});
  return static_cast<std::size_t>(user_end - begin) + 1;
}

// "[vhost] client ident user": the user may hold blanks.
bool scan_head(std::string_view head, AccessFields& out) noexcept {
  const std::string_view first = next_word(head);
  if (first.empty()) return false;
  const std::string_view second = next_word(head);
  if (second.empty()) return false;
  std::string_view third = next_word(head);
  if (third.empty()) return false;
  if (!host_like(first) && first != "-") return false;
  const std::string_view more = trim(head);
  if (more.empty()) {
    out.client = first;
    out.ident = dash_is_empty(second);
    out.user = dash_is_empty(third);
    return true;
  }
  if (second != "-" && !is_ip(strip_port(first)) && is_ip(strip_port(second))) {
    out.vhost = first;
    out.client = second;
    out.ident = dash_is_empty(third);
    out.user = is_dashes(more) ? std::string_view{} : more;
    return true;
  }
  if (second != "-" && is_ip(strip_port(second)) && is_ip(strip_port(first)) && third == "-") {
    out.vhost = first;
    out.client = second;
    out.ident = {};
    out.user = dash_is_empty(more);
    return true;
  }
  out.client = first;
  out.ident = dash_is_empty(second);
  const std::string_view user{third.data(),
                              static_cast<std::size_t>(more.data() + more.size() - third.data())};
  if (user.size() > 256) return false;
  out.user = is_dashes(user) ? std::string_view{} : user;
  return true;
}

// "GET /path HTTP/1.1", "GET /path" (HTTP/0.9); anything else stays a malformed request.
void split_request(std::string_view request, AccessFields& out) noexcept {
  std::size_t end = 0;
  if (request.size() > 4 && std::memcmp(request.data(), "GET ", 4) == 0) {
    end = 3;
  } else {
    while (end < request.size() && end < 24 &&
           (is_upper(request[end]) || request[end] == '-' || request[end] == '_')) {
      ++end;
    }
  }
  if (end == 0 || end + 1 >= request.size() || request[end] != ' ' || request[0] == '-') return;
  std::size_t last = request.size();
  const std::string_view tail = request.substr(last - std::min<std::size_t>(last, 9));
  // " HTTP/1.1" in most; the last blank is looked for in others.
  const bool usual =
      tail.size() == 9 && tail.starts_with(" HTTP/") && tail[7] == '.' && tail[8] != ' ';
  const std::size_t space = usual && tail[6] != ' ' ? last - 9 : request.rfind(' ');
  if (space > end && request.size() - space > 5 &&
      std::memcmp(request.data() + space + 1, "HTTP/", 5) == 0) {
    out.protocol = request.substr(space + 1);
    last = space;
  }
  const std::string_view target = trim(request.substr(end + 1, last - end - 1));
  if (target.empty()) {
    out.protocol = {};
    return;
  }
  out.method = request.substr(0, end);
  out.target = target;
}

// closing_quote for text with padding behind it.
std::size_t quoted_end(std::string_view s, std::size_t from) noexcept {
  const char* const end = s.data() + s.size();
  const char* const stop = first_in_long(s.data() + std::min(from, s.size()), end,
                                         [](Bytes v) { return either(is(v, '"'), is(v, '\\')); });
  if (stop == end) return npos;
  return *stop == '"' ? static_cast<std::size_t>(stop - s.data()) : closing_quote(s, from);
}

bool scan_tail(std::string_view s, AccessFields& out) noexcept {
  // s starts behind "] ". One bare word before the request is a host name.
  std::size_t at = skip_blanks(s, 0);
  if (at < s.size() && s[at] != '"') {
    const std::size_t end = find(s, ' ', at);
    if (end == npos || !host_like(s.substr(at, end - at))) return false;
    if (out.vhost.empty()) out.vhost = dash_is_empty(s.substr(at, end - at));
    at = skip_blanks(s, end);
  }
  if (at >= s.size() || s[at] != '"') return false;
  const std::size_t close = quoted_end(s, at + 1);
  if (close == npos) return false;
  out.request = s.substr(at + 1, close - at - 1);
  split_request(out.request, out);

  at = skip_blanks(s, close + 1);
  if (at + 3 <= s.size() && is_digit(s[at]) && is_digit(s[at + 1]) && is_digit(s[at + 2])) {
    out.status = (s[at] - '0') * 100 + (s[at + 1] - '0') * 10 + (s[at + 2] - '0');
    at += 3;
  } else if (at < s.size() && (s[at] == '-' || s[at] == '0')) {
    ++at;
  } else {
    return false;
  }
  if (at < s.size() && !is_blank(s[at])) return false;
  at = skip_blanks(s, at);
  if (at < s.size() && s[at] == '-') {
    ++at;
  } else if (at < s.size() && is_digit(s[at])) {
    std::int64_t value = 0;
    std::size_t digits = 0;
    for (; at < s.size() && is_digit(s[at]) && digits < 18; ++at, ++digits) {
      value = value * 10 + (s[at] - '0');
    }
    out.bytes = value;
  }
  if (at < s.size() && !is_blank(s[at])) return false;
  at = skip_blanks(s, at);
  if (at >= s.size() || s[at] != '"') {
    out.rest = at < s.size() ? trim(s.substr(at)) : std::string_view{};
    return true;
  }
  const std::size_t ref_end = quoted_end(s, at + 1);
  if (ref_end == npos) {  // the line was cut: what stands before it is good
    out.rest = trim(s.substr(at));
    return true;
  }
  const std::size_t agent = skip_blanks(s, ref_end + 1);
  if (agent >= s.size() || s[agent] != '"') {
    out.rest = trim(s.substr(at));
    return true;
  }
  const std::size_t agent_end = std::min(quoted_end(s, agent + 1), s.size());  // or cut
  out.combined = true;
  out.referrer = dash_is_empty(s.substr(at + 1, ref_end - at - 1));
  out.user_agent = dash_is_empty(s.substr(agent + 1, agent_end - agent - 1));
  if (agent_end + 1 < s.size()) out.rest = trim(s.substr(agent_end + 1));
  return true;
}

}  // namespace

bool scan_access_log(std::string_view line, ClfClock& clock, AccessFields& out) noexcept {
  std::construct_at(&out);
  std::size_t open = scan_usual_head(line, out);
  std::size_t length = 0;
  if (open != npos && clock.read(line.substr(open + 1), out.timestamp_us, length)) {
    const std::size_t close = open + 1 + length;
    if (close < line.size() && line[close] == ']') return scan_tail(line.substr(close + 1), out);
  }
  std::construct_at(&out);
  open = find(line, '[');
  for (int tries = 0; open != npos && tries < 4; ++tries, open = find(line, '[', open + 1)) {
    length = 0;
    if (open < 2 || line[open - 1] != ' ') continue;
    if (!clock.read(line.substr(open + 1), out.timestamp_us, length)) continue;
    const std::size_t close = open + 1 + length;
    if (close >= line.size() || line[close] != ']') continue;
    return scan_head(line.substr(0, open - 1), out) && scan_tail(line.substr(close + 1), out);
  }
  return false;
}

}  // namespace logforest::parse
