// Character classes and small matchers shared by the fingerprint and the masker. Both must agree
// on where a secret or an address ends: then a message has one fingerprint before and after
// masking.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace logforest::normalize {

enum CharClass : std::uint8_t {
  kWord = 1,  // part of a word; every byte >= 0x80 is
  kDigit = 2,
  kHex = 4,       // 0-9 a-f A-F
  kAlpha = 8,     // ASCII letters
  kSpace = 16,    // blanks and control bytes
  kTrigger = 32,  // may start or reveal a variable part
};

constexpr std::array<std::uint8_t, 256> make_classes() noexcept {
  std::array<std::uint8_t, 256> t{};
  for (std::size_t c = 0; c < 256; ++c) {
    std::uint8_t k = kWord;
    const auto ch = static_cast<char>(c);
    if (c <= 0x20 || c == 0x7f) k = kSpace;
    if (std::string_view(",;=()[]{}\"'|<>`?!&:").find(ch) != std::string_view::npos) k = 0;
    if (c >= '0' && c <= '9') k = kWord | kDigit | kHex | kTrigger;
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) k = kWord | kAlpha;
    if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) k |= kHex;
    if (std::string_view("@\"'<=:/\\").find(ch) != std::string_view::npos) k |= kTrigger;
    t[c] = k;
  }
  return t;
}
inline constexpr std::array<std::uint8_t, 256> kClasses = make_classes();

[[nodiscard]] constexpr bool is(char c, std::uint8_t classes) noexcept {
  return (kClasses[static_cast<unsigned char>(c)] & classes) != 0;
}
[[nodiscard]] constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

inline constexpr std::size_t kNone = static_cast<std::size_t>(-1);

// All of these take the whole text and a position; they return the end of the match or kNone.

// <EMAIL>, <EMAIL:3f9a...> (hash or pseudonym) and <*>; names have at most 24 characters.
[[nodiscard]] std::size_t match_mask(std::string_view s, std::size_t at) noexcept;
// The begin of a mask that ends before `end`, or kNone.
[[nodiscard]] std::size_t match_mask_before(std::string_view s, std::size_t end) noexcept;
// IPv6 as in RFC 4291 section 2.2 (with "::" or all groups, dotted quad at the end allowed); at
// least one digit, so that "abc::def" stays a name. The zone is not part of it.
[[nodiscard]] std::size_t match_ipv6(std::string_view s, std::size_t at) noexcept;
// aa:bb:cc:dd:ee:ff
[[nodiscard]] std::size_t match_mac(std::string_view s, std::size_t at) noexcept;
// +CC... with 8 to 15 digits (E.164) in groups, or (ddd) ddd-dddd.
[[nodiscard]] std::size_t match_phone(std::string_view s, std::size_t at) noexcept;
// ISO 13616 account number, compact or in groups of four, mod 97 checked.
[[nodiscard]] std::size_t match_iban(std::string_view s, std::size_t at) noexcept;
// A whole word that is a credential by its form: JWT, or the prefix of a known issuer.
[[nodiscard]] bool is_api_key(std::string_view word) noexcept;
[[nodiscard]] bool is_jwt(std::string_view word) noexcept;

// Where the value of an unquoted pair ends: blanks, quotes, , ; & | < > ` and brackets that close
// something opened before the value. `skip_words(i)`: the first byte from i on that is no kWord.
template <class SkipWords>
[[nodiscard]] std::size_t value_end(std::string_view s, std::size_t at, bool stop_at_ampersand,
                                    SkipWords&& skip_words) noexcept {
  int open = 0;
  std::size_t i = at;
  for (i = skip_words(i); i < s.size(); i = skip_words(i + 1)) {
    const char c = s[i];
    if (is(c, kSpace) || c == '"' || c == '\'' || c == ',' || c == ';' || c == '|' || c == '`' ||
        c == '>')
      break;
    if (c == '<') {
      const std::size_t mask = match_mask(s, i);
      if (mask == kNone) break;
      i = mask - 1;
    } else if (c == '&') {
      if (stop_at_ampersand) break;
    } else if (c == '(' || c == '[' || c == '{') {
      ++open;
    } else if (c == ')' || c == ']' || c == '}') {
      if (open-- == 0) break;
    }
  }
  return std::min(i, s.size());
}
[[nodiscard]] std::size_t value_end(std::string_view s, std::size_t at,
                                    bool stop_at_ampersand) noexcept;

// True if the word at `at` follows "Bearer ".
[[nodiscard]] bool after_bearer(std::string_view s, std::size_t at) noexcept;

// Whether the quote at `at` may open: an apostrophe inside a word, or before a blank, does not.
[[nodiscard]] bool quote_opens(std::string_view s, std::size_t at) noexcept;
// The closing quote of the one that opens at `at`, or kNone. `"` knows backslash escapes and text
// that is itself escaped (\"...\"); an apostrophe inside a word does not close.
[[nodiscard]] std::size_t match_quote(std::string_view s, std::size_t at) noexcept;

}  // namespace logforest::normalize
