// Words of a text as scikit-learn's vectorizers see them: lower case, two or more characters of
// the class \w (letters, digits and underscore of any script).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace logforest::classify {

[[nodiscard]] bool is_word_character(std::uint32_t c) noexcept;
[[nodiscard]] std::uint32_t to_lower(std::uint32_t c) noexcept;

// Reused from text to text: views are valid until the next call.
class Tokens {
 public:
  // keep_numbers = false leaves out words that hold a digit.
  void cut(std::string_view text, bool keep_numbers);

  [[nodiscard]] std::size_t size() const noexcept { return ends_.size(); }
  [[nodiscard]] std::string_view operator[](std::size_t i) const noexcept {
    const std::uint32_t begin = begins_[i];
    return {buffer_.data() + begin, ends_[i] - begin};
  }
  // Words i .. i+n-1 joined by one blank (words lie in the buffer with a blank between them).
  [[nodiscard]] std::string_view gram(std::size_t i, std::size_t n) const noexcept {
    const std::uint32_t begin = begins_[i];
    return {buffer_.data() + begin, ends_[i + n - 1] - begin};
  }

 private:
  std::size_t other(std::string_view text, std::size_t at);

  std::vector<char> buffer_;
  std::vector<std::uint32_t> begins_, ends_;
  char* out_ = nullptr;
  std::uint32_t characters_ = 0;  // of the word being written
};

}  // namespace logforest::classify
