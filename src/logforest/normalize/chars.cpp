#include "logforest/normalize/chars.hpp"

#include <algorithm>
#include <cstring>

namespace logforest::normalize {

namespace {

constexpr std::size_t kMaxMaskName = 24;
constexpr std::size_t kMaxMaskTag = 64;

char at_or(std::string_view s, std::size_t i) noexcept { return i < s.size() ? s[i] : '\0'; }
bool digit(std::string_view s, std::size_t i) noexcept { return i < s.size() && is(s[i], kDigit); }
bool upper(char c) noexcept { return c >= 'A' && c <= 'Z'; }

std::size_t dotted_quad(std::string_view s, std::size_t i) noexcept {
  for (int part = 0; part < 4; ++part) {
    if (part > 0) {
      if (at_or(s, i) != '.') return kNone;
      ++i;
    }
    unsigned value = 0;
    const std::size_t begin = i;
    while (digit(s, i) && i - begin < 3) value = value * 10 + static_cast<unsigned>(s[i++] - '0');
    if (i == begin || value > 255 || digit(s, i)) return kNone;
  }
  return i;
}

}  // namespace

std::size_t match_mask(std::string_view s, std::size_t at) noexcept {
  std::size_t i = at + 1;
  if (at_or(s, i) == '*') return at_or(s, i + 1) == '>' ? i + 2 : kNone;
  if (!upper(at_or(s, i))) return kNone;
  const std::size_t name = i;
  while (i < s.size() && i - name < kMaxMaskName &&
         (upper(s[i]) || is(s[i], kDigit) || s[i] == '_'))
    ++i;
  if (at_or(s, i) == ':') {
    const std::size_t tag = ++i;
    while (i < s.size() && i - tag < kMaxMaskTag &&
           (is(s[i], kAlpha | kDigit) || s[i] == '_' || s[i] == '-'))
      ++i;
    if (i == tag) return kNone;
  }
  return at_or(s, i) == '>' ? i + 1 : kNone;
}

std::size_t match_mask_before(std::string_view s, std::size_t end) noexcept {
  if (end < 3 || s[end - 1] != '>') return kNone;
  const std::size_t limit =
      end > kMaxMaskName + kMaxMaskTag + 3 ? end - kMaxMaskName - kMaxMaskTag - 3 : 0;
  for (std::size_t i = end - 1; i-- > limit;) {
    if (s[i] == '<') return match_mask(s, i) == end ? i : kNone;
  }
  return kNone;
}

std::size_t match_ipv6(std::string_view s, std::size_t at) noexcept {
  std::size_t i = at;
  int groups = 0;
  bool gap = false;
  bool any_digit = false;
  if (at_or(s, i) == ':') {
    if (at_or(s, i + 1) != ':') return kNone;
    gap = true;
    i += 2;
  }
  std::size_t end = i;
  while (groups < 8) {
    const std::size_t begin = i;
    while (i < s.size() && i - begin < 4 && is(s[i], kHex)) any_digit |= is(s[i++], kDigit);
    if (i == begin) break;
    if (at_or(s, i) == '.' && groups <= 6 && digit(s, i + 1)) {
      const std::size_t quad = dotted_quad(s, begin);
      if (quad == kNone) return kNone;
      end = quad;
      groups += 2;
      break;
    }
    if (i < s.size() && is(s[i], kAlpha | kDigit)) return kNone;
    end = i;
    ++groups;
    if (at_or(s, i) != ':') break;
    if (at_or(s, i + 1) == ':') {
      if (gap) break;
      gap = true;
      i += 2;
      end = i;
    } else if (i + 1 < s.size() && is(s[i + 1], kHex)) {
      ++i;
    } else {
      break;
    }
  }
  if (!any_digit || (gap ? groups > 7 || groups == 0 : groups != 8)) return kNone;
  return end < s.size() && is(s[end], kAlpha | kDigit) ? kNone : end;
}

std::size_t match_mac(std::string_view s, std::size_t at) noexcept {
  if (at + 17 > s.size()) return kNone;
  for (std::size_t i = 0; i < 17; ++i) {
    if (i % 3 == 2 ? s[at + i] != ':' : !is(s[at + i], kHex)) return kNone;
  }
  const char next = at_or(s, at + 17);
  return next == ':' || is(next, kAlpha | kDigit) ? kNone : at + 17;
}

std::size_t match_phone(std::string_view s, std::size_t at) noexcept {
  std::size_t i = at;
  if (at_or(s, i) == '(') {
    constexpr std::string_view form = "(ddd) ddd-dddd";
    for (std::size_t k = 0; k < form.size(); ++k) {
      if (form[k] == 'd' ? !digit(s, at + k) : at_or(s, at + k) != form[k]) return kNone;
    }
    i = at + form.size();
    return i < s.size() && is(s[i], kWord) && s[i] != '.' && s[i] != '_' ? kNone : i;
  }
  if (at_or(s, i) != '+' || !digit(s, i + 1) || s[i + 1] == '0') return kNone;
  ++i;
  const auto ends = [s](std::size_t end) {
    if (end >= s.size()) return true;
    if (s[end] == '.') return !digit(s, end + 1);
    return !is(s[end], kWord) || s[end] == '-' || s[end] == '_';
  };
  int digits = 0;
  bool open = false;
  bool dots = false;  // +1.555.123.4567: dots only, so that no address is taken for a group
  bool others = false;
  std::size_t best = kNone;
  for (;;) {
    while (digit(s, i)) {
      ++digits;
      ++i;
    }
    if (digits > 15) break;
    if (digits >= 8 && !open && ends(i)) best = i;
    std::size_t next = i;
    const char c = at_or(s, i);
    if (c == ')' && open) {
      open = false;
      ++next;
      if (at_or(s, next) == ' ' || at_or(s, next) == '-') ++next;
      others = true;
    } else if (c == '(' && !open) {
      open = true;
      ++next;
      others = true;
    } else if (c == ' ' || c == '-') {
      ++next;
      if (at_or(s, next) == '(' && !open) {
        open = true;
        ++next;
      }
      others = true;
    } else if (c == '.') {
      ++next;
      dots = true;
    }
    if (next == i || !digit(s, next) || (dots && others)) break;
    i = next;
  }
  return best;
}

std::size_t match_iban(std::string_view s, std::size_t at) noexcept {
  if (at + 15 > s.size() || !upper(s[at]) || !upper(s[at + 1]) || !digit(s, at + 2) ||
      !digit(s, at + 3))
    return kNone;
  char compact[34];
  std::size_t n = 0;
  std::size_t i = at;
  const bool grouped = at_or(s, at + 4) == ' ' || at_or(s, at + 4) == '-';
  const char separator = grouped ? s[at + 4] : '\0';
  std::size_t best = kNone;
  const auto valid = [&compact](std::size_t length) {
    unsigned rest = 0;
    for (std::size_t k = 0; k < length; ++k) {
      const char c = compact[(k + 4) % length];
      rest = is(c, kDigit) ? (rest * 10 + static_cast<unsigned>(c - '0')) % 97
                           : (rest * 100 + static_cast<unsigned>(c - 'A' + 10)) % 97;
    }
    return rest == 1;
  };
  while (i < s.size() && n < sizeof compact && (upper(s[i]) || is(s[i], kDigit))) {
    compact[n++] = s[i++];
    const bool stop =
        i >= s.size() || !is(s[i], kWord) || s[i] == '.' || s[i] == '_' || s[i] == separator;
    if (n >= 15 && stop && valid(n)) best = i;
    if (grouped && n % 4 == 0 && at_or(s, i) == separator) ++i;
  }
  return best;
}

bool is_jwt(std::string_view word) noexcept {
  // base64url of {"... . base64url . signature
  if (word.size() < 20 || !word.starts_with("eyJ")) return false;
  const std::size_t dot = word.find('.');
  return dot != std::string_view::npos && dot >= 8 && word.substr(dot + 1, 3) == "eyJ" &&
         word.find('.', dot + 4) != std::string_view::npos;
}

bool is_api_key(std::string_view word) noexcept {
  struct Issuer {
    std::string_view prefix;
    std::uint8_t tail;  // characters that must follow
  };
  static constexpr Issuer issuers[] = {
      {"AKIA", 16},      {"ASIA", 16},          {"AIza", 35},     {"ya29.", 20},
      {"sk_live_", 16},  {"sk_test_", 16},      {"rk_live_", 16}, {"rk_test_", 16},
      {"pk_live_", 16},  {"pk_test_", 16},      {"whsec_", 16},   {"sk-", 20},
      {"ghp_", 30},      {"gho_", 30},          {"ghu_", 30},     {"ghs_", 30},
      {"ghr_", 30},      {"github_pat_", 22},   {"glpat-", 20},   {"xoxb-", 10},
      {"xoxp-", 10},     {"xoxa-", 10},         {"xoxr-", 10},    {"xoxs-", 10},
      {"xapp-", 10},     {"SG.", 40},           {"npm_", 30},     {"pypi-", 40},
      {"hf_", 30},       {"shpat_", 32},        {"shpss_", 32},   {"dop_v1_", 40},
      {"sq0atp-", 20},   {"sq0csp-", 20},       {"hvs.", 20},     {"lin_api_", 30},
      {"dckr_pat_", 20}, {"EAACEdEose0cBA", 10}};
  if (word.size() < 15) return false;
  if (is_jwt(word)) return true;
  for (const Issuer& issuer : issuers) {
    if (word[0] != issuer.prefix[0] || !word.starts_with(issuer.prefix)) continue;
    const std::string_view tail = word.substr(issuer.prefix.size());
    if (tail.size() < issuer.tail) continue;
    // Prefixes without a sign of their own (AKIA...) must be one unbroken run of capitals.
    if (issuer.tail == 16 && issuer.prefix.size() == 4) {
      return std::all_of(tail.begin(), tail.end(),
                         [](char c) { return upper(c) || is(c, kDigit); });
    }
    return std::all_of(tail.begin(), tail.end(), [](char c) {
      return is(c, kAlpha | kDigit) || c == '_' || c == '-' || c == '.';
    });
  }
  return false;
}

std::size_t value_end(std::string_view s, std::size_t at, bool stop_at_ampersand) noexcept {
  return value_end(s, at, stop_at_ampersand, [s](std::size_t i) {
    while (i < s.size() && is(s[i], kWord)) ++i;
    return i;
  });
}

bool after_bearer(std::string_view s, std::size_t at) noexcept {
  constexpr std::string_view scheme = "bearer ";
  if (at < scheme.size()) return false;
  for (std::size_t i = 0; i < scheme.size(); ++i) {
    if (lower(s[at - scheme.size() + i]) != scheme[i]) return false;
  }
  return at == scheme.size() || !is(s[at - scheme.size() - 1], kAlpha | kDigit);
}

bool quote_opens(std::string_view s, std::size_t at) noexcept {
  if (s[at] != '\'') return true;
  return (at == 0 || !(is(s[at - 1], kWord) || s[at - 1] == '>')) && at + 1 < s.size() &&
         !is(s[at + 1], kSpace);
}

std::size_t match_quote(std::string_view s, std::size_t at) noexcept {
  if (s[at] == '\'') {
    for (std::size_t i = s.find('\'', at + 1); i != std::string_view::npos;
         i = s.find('\'', i + 1)) {
      if (i + 1 >= s.size() || !(is(s[i + 1], kWord) || s[i + 1] == '<') || s[i + 1] == '.')
        return i;
    }
    return kNone;
  }
  const bool escaped = at > 0 && s[at - 1] == '\\';
  for (std::size_t i = s.find('"', at + 1); i != std::string_view::npos; i = s.find('"', i + 1)) {
    std::size_t slashes = 0;
    while (i - slashes > at + 1 && s[i - slashes - 1] == '\\') ++slashes;
    if (escaped ? slashes == 1 : slashes % 2 == 0) return i;
  }
  return kNone;
}

}  // namespace logforest::normalize
