// Words and marks in the headers of application logs.
#pragma once

#include <cstddef>
#include <string_view>

namespace logforest::parse::app_words {

// Separators of header fields: blanks and at most one mark.
struct Gap {
  std::size_t blanks = 0;
  char mark = 0;  // '-', '|', ':', ',', ';'
  bool tab = false;
};

Gap skip_gap(std::string_view s, std::size_t& at) noexcept;
// End of the name that begins at `at`; "::" belongs to it, one ':' ends it.
[[nodiscard]] std::size_t name_end(std::string_view s, std::size_t at) noexcept;
// A class, module or component rather than a word of English.
[[nodiscard]] bool looks_like_logger(std::string_view w) noexcept;
// "org.hibernate.util", "homeassistant.components.zha": no thread is called so.
[[nodiscard]] bool dotted_name(std::string_view w) noexcept;
// Whether a word before ": " right behind the level is a component.
[[nodiscard]] bool plain_component(std::string_view w) noexcept;
// The end of "file.go:12"; `at` is behind the name "file.go".
[[nodiscard]] std::size_t caller_end(std::string_view s, std::size_t begin,
                                     std::size_t at) noexcept;

}  // namespace logforest::parse::app_words
