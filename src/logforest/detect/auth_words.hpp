// Whether a message tells of a failed login, by its words; asked once per template.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace logforest::detect {

[[nodiscard]] inline bool says_failed_login(std::string_view message) {
  static constexpr std::array<std::string_view, 14> kPhrases{"failed password",
                                                             "login failed",
                                                             "failed login",
                                                             "authentication fail",
                                                             "auth failed",
                                                             "invalid user",
                                                             "invalid password",
                                                             "wrong password",
                                                             "bad password",
                                                             "invalid credentials",
                                                             "logon failure",
                                                             "incorrect password",
                                                             "password authentication failed",
                                                             "unknown user"};
  std::string lower(message);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  });
  return std::any_of(kPhrases.begin(), kPhrases.end(), [&](std::string_view phrase) {
    return lower.find(phrase) != std::string::npos;
  });
}

// The word behind the first `marker` ("from ", "for "); empty when there is none.
[[nodiscard]] inline std::string_view word_after(std::string_view text, std::string_view marker) {
  const std::size_t at = text.find(marker);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + marker.size());
  return text.substr(0, std::min(text.find_first_of(" ,;:)\"'"), std::size_t{64}));
}

}  // namespace logforest::detect
