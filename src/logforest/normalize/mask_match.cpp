#include "logforest/normalize/mask_match.hpp"

#include <algorithm>
#include <array>

#include "logforest/normalize/chars.hpp"
#include "logforest/normalize/secrets.hpp"

namespace logforest::normalize {

namespace {

char at_or(std::string_view s, std::size_t i) noexcept { return i < s.size() ? s[i] : '\0'; }
bool digit(std::string_view s, std::size_t i) noexcept { return i < s.size() && is(s[i], kDigit); }
bool alnum(char c) noexcept {
  return is(c, kAlpha | kDigit) || static_cast<unsigned char>(c) >= 0x80;
}

// The letter of an escape: \n in text that is JSON, say.
bool escape_letter(std::string_view s, std::size_t i) noexcept {
  return i > 0 && s[i - 1] == '\\' && (s[i] == 'n' || s[i] == 't' || s[i] == 'r');
}

// Letters, digits and masks next to a number or address: it is a part of something else. An
// underscore is not: ip_10.0.0.1.
bool blocked_before(std::string_view s, std::size_t at) noexcept {
  if (at == 0) return false;
  const char c = s[at - 1];
  if (alnum(c)) return !escape_letter(s, at - 1);
  return c == '>' && match_mask_before(s, at) != kNone;
}
bool blocked_after(std::string_view s, std::size_t end) noexcept {
  if (end >= s.size()) return false;
  return alnum(s[end]) || (s[end] == '<' && match_mask(s, end) != kNone);
}

// The digits before the dot at `dot` are the whole part of a fraction: 0.4111111111111111
bool fraction_after(std::string_view s, std::size_t dot) noexcept {
  std::size_t i = dot;
  while (i > 0 && is(s[i - 1], kDigit)) --i;
  return i < dot && (i == 0 || !(alnum(s[i - 1]) || s[i - 1] == '.' || s[i - 1] == '_'));
}

// "version 1.2.3.4", "Version=4.0.0.0"
bool after_version(std::string_view s, std::size_t at) noexcept {
  constexpr std::string_view word = "version";
  for (int signs = 0; signs < 3 && at > 0; ++signs, --at) {
    const char c = s[at - 1];
    if (c != ' ' && c != '=' && c != ':' && c != '"' && c != '\'') break;
  }
  if (at < word.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (lower(s[at - word.size() + i]) != word[i]) return false;
  }
  return true;
}

char unhex(std::string_view code) noexcept {
  const auto value = [](char c) { return is(c, kDigit) ? c - '0' : lower(c) - 'a' + 10; };
  return static_cast<char>(value(code[0]) * 16 + value(code[1]));
}

bool local_char(char c) noexcept {
  return alnum(c) || c == '.' || c == '_' || c == '+' || c == '-';
}

bool luhn(std::string_view digits) noexcept {
  unsigned sum = 0;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    auto d = static_cast<unsigned>(digits[digits.size() - 1 - i] - '0');
    if (i % 2 == 1) d = d > 4 ? 2 * d - 9 : 2 * d;
    sum += d;
  }
  return sum % 10 == 0;
}

// Prefixes of issuers with the lengths they use (ISO/IEC 7812, as published by the schemes).
bool card_prefix(std::string_view d) noexcept {
  const std::size_t n = d.size();
  const int two = (d[0] - '0') * 10 + (d[1] - '0');
  const int four = two * 100 + (d[2] - '0') * 10 + (d[3] - '0');
  switch (d[0]) {
    case '4':
      return n == 13 || n == 16 || n == 19;  // Visa
    case '5':
      return n == 16 && two >= 51 && two <= 55;  // Mastercard
    case '2':
      return n == 16 && four >= 2221 && four <= 2720;  // Mastercard
    case '3':
      if (two == 34 || two == 37) return n == 15;  // American Express
      if (two == 36 || two == 38 || two == 39 || (four >= 3000 && four <= 3059)) return n == 14;
      return n == 16 && four >= 3528 && four <= 3589;  // JCB
    case '6':                                          // Discover, UnionPay
      return n >= 16 && (four == 6011 || two == 65 || two == 62 || (four >= 6440 && four <= 6499));
    default:
      return false;
  }
}

std::size_t card_at(std::string_view s, std::size_t at) noexcept {
  static constexpr std::array<std::array<std::uint8_t, 5>, 4> groupings{
      {{4, 4, 4, 4, 3}, {4, 4, 4, 4, 0}, {4, 6, 5, 0, 0}, {4, 6, 4, 0, 0}}};
  std::array<char, 20> digits{};
  std::size_t n = 0;
  std::size_t i = at;
  while (n < digits.size() && digit(s, i)) digits[n++] = s[i++];
  const char separator = at_or(s, i);
  const auto ends = [s](std::size_t end) { return !blocked_after(s, end); };
  const auto valid = [](std::string_view d) { return card_prefix(d) && luhn(d); };
  // Long numbers behind an underscore are mostly names of blocks and messages: blk_4...
  const std::size_t most = at > 0 && s[at - 1] == '_' ? 16 : 19;
  if (n >= 13) return n <= most && ends(i) && valid({digits.data(), n}) ? i : kNone;
  if (n != 4 || (separator != ' ' && separator != '-')) return kNone;
  for (const auto& groups : groupings) {
    n = 0;
    i = at;
    bool fits = true;
    for (std::size_t g = 0; g < groups.size() && groups[g] != 0 && fits; ++g) {
      if (g > 0) fits = at_or(s, i++) == separator;
      for (std::size_t k = 0; k < groups[g] && fits; ++k) {
        fits = digit(s, i);
        if (fits) digits[n++] = s[i++];
      }
    }
    if (fits && ends(i) && valid({digits.data(), n})) return i;
  }
  return kNone;
}

bool token_char(char c) noexcept {
  return is(c, kAlpha | kDigit) || c == '_' || c == '-' || c == '.';
}

// A key that is a part of a longer word: logs-AKIA... .txt
Span find_key_in_word(std::string_view s, std::size_t at, std::size_t end) noexcept {
  constexpr std::size_t longest = 4096;  // keeps hostile words linear
  for (std::size_t i = at; end - i >= 15; ++i) {
    if (i > at && s[i - 1] != '-' && s[i - 1] != '.' && s[i - 1] != '_') continue;
    if (is_api_key(s.substr(i, std::min(end - i, longest)))) return {i, end};
    std::size_t stop = i;  // keys of capitals end with them
    while (stop < end && stop - i <= 64 && is(s[stop], kAlpha | kDigit)) ++stop;
    if (stop < end && !is(s[stop], kAlpha | kDigit) && is_api_key(s.substr(i, stop - i)))
      return {i, stop};
  }
  return {};
}

}  // namespace

Span find_email(std::string_view s, std::size_t at, std::size_t from) noexcept {
  const std::size_t sign = s[at] == '@' ? 1 : (s.substr(at, 3) == "%40" ? 3 : 5);
  if (sign == 5 && s.substr(at, 5) != "%2540") return {};
  std::size_t begin = at;
  for (;;) {
    while (begin > from && local_char(s[begin - 1])) --begin;
    if (begin == from || s[begin - 1] != '%' || begin + 2 > at) break;
    const std::string_view code = s.substr(begin, 2);
    if (!is(code[0], kHex) || !is(code[1], kHex)) break;
    if (!local_char(unhex(code))) {  // %3D: an equals sign
      begin += 2;
      break;
    }
    --begin;
  }
  while (begin < at && !(alnum(s[begin]) || s[begin] == '%')) ++begin;
  if (begin == at || s[at - 1] == '.') return {};
  const std::size_t domain = at + sign;
  std::size_t i = domain;
  std::size_t end = kNone;
  while (i < s.size() && alnum(s[i])) {
    const std::size_t label = i;
    while (i < s.size() && (is(s[i], kAlpha) || static_cast<unsigned char>(s[i]) >= 0x80)) ++i;
    const std::size_t letters = i;
    while (i < s.size() && (alnum(s[i]) || s[i] == '-')) ++i;
    std::size_t stop = i;
    while (stop > label && s[stop - 1] == '-') --stop;
    const bool xn = s.substr(label, 4) == "xn--";
    if (label > domain && xn) {
      end = stop;
    } else if (label > domain && letters - label >= 2 && (letters == i || s[letters] == '-')) {
      end = letters;  // a dash and what follows it is no part of a top level
    }
    if (at_or(s, i) != '.') break;
    ++i;
  }
  return end == kNone ? Span{} : Span{begin, end};
}

Span find_ipv4(std::string_view s, std::size_t at, std::size_t from) noexcept {
  std::size_t begin = at;
  while (begin > from && at - begin < 4 && is(s[begin - 1], kDigit)) --begin;
  if (blocked_before(s, begin)) return {};
  if (begin > 1 && s[begin - 1] == '.' && alnum(s[begin - 2])) return {};
  std::size_t i = begin;
  unsigned low = 0;  // the last three numbers
  for (int part = 0; part < 4; ++part) {
    if (part > 0 && at_or(s, i++) != '.') return {};
    unsigned value = 0;
    const std::size_t first = i;
    while (i - first < 3 && digit(s, i)) value = value * 10 + static_cast<unsigned>(s[i++] - '0');
    if (i == first || value > 255) return {};
    if (part > 0) low |= value;
  }
  if (blocked_after(s, i) || (at_or(s, i) == '.' && digit(s, i + 1))) return {};
  // Chrome/120.0.0.0 is a version; host/10.0.0.1 is what Java prints of an address.
  if (low == 0 && begin > 1 && s[begin - 1] == '/' && is(s[begin - 2], kAlpha)) return {};
  return after_version(s, begin) ? Span{} : Span{begin, i};
}

namespace {

// 16:27:ac:... is a fingerprint of a key or a hardware address, however many groups it has.
bool only_pairs(std::string_view s) noexcept {
  for (std::size_t i = 0; i < s.size(); ++i) {
    if ((s[i] == ':') != (i % 3 == 2)) return false;
  }
  return true;
}

// An address whose first group has four characters, as nearly all have.
bool long_group(std::string_view s, std::size_t at) noexcept {
  for (std::size_t i = at; i < at + 4; ++i) {
    if (i >= s.size() || !is(s[i], kHex)) return false;
  }
  return at_or(s, at + 4) == ':';
}

Span ipv6_at(std::string_view s, std::size_t begin) noexcept {
  const std::size_t end = match_ipv6(s, begin);
  if (end == kNone || blocked_after(s, end) || only_pairs(s.substr(begin, end - begin))) return {};
  return {begin, end};
}

}  // namespace

Span find_ipv6(std::string_view s, std::size_t at, std::size_t from) noexcept {
  constexpr std::size_t longest = 40;
  std::size_t begin = at;
  if (s[at] == ':') {
    // "::" may stand behind groups that are too short to be a run of their own.
    while (begin > from && at - begin < longest && (is(s[begin - 1], kHex) || s[begin - 1] == ':'))
      --begin;
  }
  if (at_or(s, begin) == ':' && at_or(s, begin + 1) != ':') ++begin;  // addr:2001:db8::1
  if (!blocked_before(s, begin) && (begin == 0 || s[begin - 1] != '.')) {
    const Span span = ipv6_at(s, begin);
    if (span.found()) return span;
  }
  // What stands before it is no part of the address: name::fe80::1, 123456:fe80::1, name:::1
  for (std::size_t i = begin + 1; i < s.size() && i <= at + longest; ++i) {
    if (!is(s[i], kHex) && s[i] != ':') break;
    if (s[i - 1] != ':') continue;
    const bool gap = s[i] == ':' && at_or(s, i + 1) == ':' && i > 1 && alnum(s[i - 2]);
    if (!gap && !long_group(s, i)) continue;
    const Span span = ipv6_at(s, i);
    if (span.found()) return span;
  }
  return {};
}

bool is_id_name(std::string_view name) noexcept {
  static constexpr std::array<std::string_view, 10> kinds{
      "template", "trace", "span",   "parent", "request",
      "log",      "event", "thread", "block",  "correlation"};
  if (name.size() < 5 || lower(name.back()) != 'd' || lower(name[name.size() - 2]) != 'i')
    return false;
  name.remove_suffix(2);
  if (!is(name.back(), kAlpha)) name.remove_suffix(1);
  return std::any_of(kinds.begin(), kinds.end(), [name](std::string_view kind) {
    return name.size() >= kind.size() &&
           std::equal(kind.begin(), kind.end(), name.end() - static_cast<long>(kind.size()),
                      [](char a, char b) { return a == lower(b); });
  });
}

namespace {

// template_id=4..., "trace_id": 4...
bool is_id_value(std::string_view s, std::size_t at) noexcept {
  constexpr std::size_t longest = 40;
  std::size_t end = at;
  while (end > 0 && at - end < 4 && std::string_view("=:\"' \\").find(s[end - 1]) != kNone) --end;
  if (end == at) return false;
  std::size_t begin = end;
  while (begin > 0 && end - begin < longest && token_char(s[begin - 1])) --begin;
  return is_id_name(s.substr(begin, end - begin));
}

}  // namespace

Span find_card(std::string_view s, std::size_t at, std::size_t from) noexcept {
  for (std::size_t i = std::max(at, from); i < s.size(); ++i) {
    if (!is(s[i], kDigit)) {
      if ((s[i] == ' ' || s[i] == '-') && digit(s, i + 1)) continue;
      break;
    }
    if (blocked_before(s, i) || (i > 0 && s[i - 1] == '.' && fraction_after(s, i - 1))) continue;
    const std::size_t end = card_at(s, i);
    if (end != kNone && !is_id_value(s, i)) return {i, end};
  }
  return {};
}

Span find_iban(std::string_view s, std::size_t at) noexcept {
  if (blocked_before(s, at)) return {};
  const std::size_t end = match_iban(s, at);
  return end == kNone || blocked_after(s, end) ? Span{} : Span{at, end};
}

Span find_phone(std::string_view s, std::size_t at) noexcept {
  if (blocked_before(s, at)) return {};
  const std::size_t end = match_phone(s, at);
  return end == kNone || blocked_after(s, end) ? Span{} : Span{at, end};
}

Span find_token(std::string_view s, std::size_t at) noexcept {
  std::size_t end = at;
  if (after_bearer(s, at)) {
    while (end < s.size() &&
           (token_char(s[end]) || s[end] == '~' || s[end] == '+' || s[end] == '/'))
      ++end;
    const std::size_t body = end;
    while (end < s.size() && end - body < 2 && s[end] == '=') ++end;
    while (end > at && s[end - 1] == '.') --end;
    return {at, end};
  }
  const bool escape = at > 0 && escape_letter(s, at);
  const std::size_t body = escape ? at + 1 : at;
  const std::size_t key = match_private_key(s, body);
  if (key != kNone) return {body, key};
  if (at > 0 && token_char(s[at - 1]) && !escape_letter(s, at - 1)) return {};
  while (end < s.size() && token_char(s[end])) ++end;
  while (end > at && s[end - 1] == '.') --end;
  if (is_api_key(s.substr(at, end - at))) return {at, end};
  constexpr std::string_view hooks = "hooks.slack.com/services/";
  if (s.substr(at, hooks.size()) == hooks) return {at + hooks.size(), value_end(s, end, true)};
  return find_key_in_word(s, at, end);
}

Span find_url_password(std::string_view s, std::size_t at) noexcept {
  constexpr std::size_t longest = 512;
  const std::size_t begin = at + 3;
  const std::size_t limit = std::min(s.size(), begin + longest);
  std::size_t colon = kNone;
  std::size_t sign = kNone;
  for (std::size_t i = begin; i < limit; ++i) {
    const char c = s[i];
    if (is(c, kSpace) || c == '/' || c == '"' || c == '\'' || c == '?' || c == '#' || c == '\\')
      break;
    if (c == '<') {
      const std::size_t mask = match_mask(s, i);
      if (mask == kNone) break;
      i = mask - 1;
    } else if (c == ':' && colon == kNone) {
      colon = i;
    } else if (c == '@') {
      sign = i;
    }
  }
  if (sign == kNone || colon == kNone || colon + 1 >= sign) return {};
  return {colon + 1, sign};
}

bool is_no_secret(std::string_view value) noexcept {
  static constexpr std::array<std::string_view, 8> words{"null",  "none",      "nil", "true",
                                                         "false", "undefined", "n/a", "-"};
  if (value.empty() || match_mask(value, 0) == value.size()) return true;
  if (std::all_of(value.begin(), value.end(), [](char c) { return c == '*'; })) return true;
  return std::any_of(words.begin(), words.end(), [value](std::string_view word) {
    return value.size() == word.size() && std::equal(value.begin(), value.end(), word.begin(),
                                                     [](char a, char b) { return lower(a) == b; });
  });
}

}  // namespace logforest::normalize
