// The words of a message: runs of ASCII letters, lower case, 3 to 32 long. Numbers, identifiers
// and hexadecimal text are variables, not words: a run that touches a digit or '_' is skipped.
#pragma once

#include <cstddef>
#include <string_view>

namespace logforest::features {

inline constexpr std::size_t kLeastWord = 3;
inline constexpr std::size_t kLongestWord = 32;

template <class F>
void for_each_word(std::string_view text, F&& f) {
  const auto letter = [](char c) noexcept {
    return static_cast<unsigned char>((c | 0x20) - 'a') < 26;
  };
  const auto digit = [](char c) noexcept {
    return static_cast<unsigned char>(c - '0') < 10 || c == '_';
  };
  char lower[kLongestWord];
  std::size_t i = 0;
  while (i < text.size()) {
    if (!letter(text[i]) && !digit(text[i])) {
      ++i;
      continue;
    }
    const std::size_t begin = i;
    bool plain = true;
    for (; i < text.size() && (letter(text[i]) || digit(text[i])); ++i) {
      if (digit(text[i])) {
        plain = false;
      } else if (i - begin < kLongestWord) {
        lower[i - begin] = static_cast<char>(text[i] | 0x20);
      }
    }
    const std::size_t length = i - begin;
    if (plain && length >= kLeastWord && length <= kLongestWord) f(std::string_view(lower, length));
  }
}

}  // namespace logforest::features
