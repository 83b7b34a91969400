#include "logforest/normalize/mask_match.hpp"

#include <algorithm>
#include <array>

#include "logforest/normalize/chars.hpp"

namespace logforest::normalize {

namespace {

char at_or(std::string_view s, std::size_t i) noexcept { return i < s.size() ? s[i] : '\0'; }
bool digit(std::string_view s, std::size_t i) noexcept { return i < s.size() && is(s[i], kDigit); }
bool alnum(char c) noexcept {
  return is(c, kAlpha | kDigit) || static_cast<unsigned char>(c) >= 0x80;
}

// Letters, digits and masks next to a number or address: it is a part of something else.
bool blocked_before(std::string_view s, std::size_t at) noexcept {
  if (at == 0) return false;
  const char c = s[at - 1];
  return alnum(c) || c == '_' || (c == '>' && match_mask_before(s, at) != kNone);
}
bool blocked_after(std::string_view s, std::size_t end) noexcept {
  if (end >= s.size()) return false;
  return alnum(s[end]) || s[end] == '_' || (s[end] == '<' && match_mask(s, end) != kNone);
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
  const auto ends = [s](std::size_t end) {
    return !blocked_after(s, end) && !(at_or(s, end) == '.' && digit(s, end + 1));
  };
  const auto valid = [](std::string_view d) { return card_prefix(d) && luhn(d); };
  if (n >= 13) return n <= 19 && ends(i) && valid({digits.data(), n}) ? i : kNone;
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
    if (i > at && s[i - 1] != '-' && s[i - 1] != '.') continue;
    if (is_api_key(s.substr(i, std::min(end - i, longest)))) return {i, end};
    std::size_t stop = i;  // keys of capitals end with them
    while (stop < end && stop - i <= 64 && is(s[stop], kAlpha | kDigit)) ++stop;
    if (stop < end && !is(s[stop], kAlpha | kDigit) && s[stop] != '_' &&
        is_api_key(s.substr(i, stop - i)))
      return {i, stop};
  }
  return {};
}

}  // namespace

Span find_email(std::string_view s, std::size_t at, std::size_t from) noexcept {
  const bool encoded = s[at] == '%';
  if (encoded && s.substr(at, 3) != "%40") return {};
  std::size_t begin = at;
  while (begin > from && local_char(s[begin - 1])) --begin;
  while (begin < at && !alnum(s[begin])) ++begin;
  if (begin == at || s[at - 1] == '.') return {};
  const std::size_t domain = at + (encoded ? 3 : 1);
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
  for (int part = 0; part < 4; ++part) {
    if (part > 0 && at_or(s, i++) != '.') return {};
    unsigned value = 0;
    const std::size_t first = i;
    while (i - first < 3 && digit(s, i)) value = value * 10 + static_cast<unsigned>(s[i++] - '0');
    if (i == first || value > 255) return {};
  }
  if (blocked_after(s, i) || (at_or(s, i) == '.' && digit(s, i + 1))) return {};
  return {begin, i};
}

Span find_ipv6(std::string_view s, std::size_t at, std::size_t from) noexcept {
  std::size_t begin = at;
  if (s[at] == ':') {
    // "::" may stand behind groups that are too short to be a run of their own.
    while (begin > from && at - begin < 40 && (is(s[begin - 1], kHex) || s[begin - 1] == ':'))
      --begin;
  }
  if (at_or(s, begin) == ':' && at_or(s, begin + 1) != ':') ++begin;  // addr:2001:db8::1
  if (blocked_before(s, begin) || (begin > 0 && s[begin - 1] == '.')) return {};
  const std::size_t end = match_ipv6(s, begin);
  return end == kNone || blocked_after(s, end) ? Span{} : Span{begin, end};
}

Span find_card(std::string_view s, std::size_t at, std::size_t from) noexcept {
  for (std::size_t i = std::max(at, from); i < s.size(); ++i) {
    if (!is(s[i], kDigit)) {
      if ((s[i] == ' ' || s[i] == '-') && digit(s, i + 1)) continue;
      break;
    }
    if (blocked_before(s, i) || (i > 1 && s[i - 1] == '.' && is(s[i - 2], kDigit))) continue;
    const std::size_t end = card_at(s, i);
    if (end != kNone) return {i, end};
  }
  return {};
}

Span find_iban(std::string_view s, std::size_t at) noexcept {
  if (blocked_before(s, at)) return {};
  const std::size_t end = match_iban(s, at);
  return end == kNone || blocked_after(s, end) ? Span{} : Span{at, end};
}

Span find_phone(std::string_view s, std::size_t at) noexcept {
  if (blocked_before(s, at) || (at > 0 && s[at - 1] == '.')) return {};
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
  if (at > 0 && token_char(s[at - 1])) return {};
  while (end < s.size() && token_char(s[end])) ++end;
  while (end > at && s[end - 1] == '.') --end;
  if (is_api_key(s.substr(at, end - at))) return {at, end};
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
