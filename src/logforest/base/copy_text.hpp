// Short texts without calls: most fields of a log record are a few bytes long, and a call of
// memcpy or memcmp with a length nobody knows costs more than the bytes.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace logforest {

// memcpy(to, from.data(), from.size()).
inline void copy_text(char* to, std::string_view from) noexcept {
  const char* p = from.data();
  const std::size_t n = from.size();
  if (n <= 16) {
    if (n >= 8) {
      std::uint64_t head;
      std::uint64_t tail;
      std::memcpy(&head, p, 8);
      std::memcpy(&tail, p + n - 8, 8);
      std::memcpy(to, &head, 8);
      std::memcpy(to + n - 8, &tail, 8);
    } else if (n >= 4) {
      std::uint32_t head;
      std::uint32_t tail;
      std::memcpy(&head, p, 4);
      std::memcpy(&tail, p + n - 4, 4);
      std::memcpy(to, &head, 4);
      std::memcpy(to + n - 4, &tail, 4);
    } else if (n != 0) {
      const char middle = p[n / 2];
      const char end = p[n - 1];
      to[0] = p[0];
      to[n / 2] = middle;
      to[n - 1] = end;
    }
    return;
  }
  if (n > 128) {
    std::memcpy(to, p, n);
    return;
  }
  // Pieces of 16; the last overlaps the one before it.
  struct Piece {
    char bytes[16];
  };
  Piece last;
  std::memcpy(&last, p + n - 16, 16);
  for (std::size_t i = 0; i + 16 < n; i += 16) {
    Piece piece;
    std::memcpy(&piece, p + i, 16);
    std::memcpy(to + i, &piece, 16);
  }
  std::memcpy(to + n - 16, &last, 16);
}

// Says that kCopyPadding bytes behind a text may be read, though they do not belong to it.
struct Padded {};
inline constexpr std::size_t kCopyPadding = 48;

// As copy_text; may write kCopyPadding bytes behind `to` + size, too.
inline void copy_padded_text(char* to, std::string_view from) noexcept {
  struct Piece {
    char bytes[16];
  };
  const char* const p = from.data();
  Piece first;
  Piece second;
  std::memcpy(&first, p, 16);
  std::memcpy(&second, p + 16, 16);
  std::memcpy(to, &first, 16);
  std::memcpy(to + 16, &second, 16);
  for (std::size_t i = 32; i < from.size(); i += 32) {
    std::memcpy(&first, p + i, 16);
    std::memcpy(&second, p + i + 16, 16);
    std::memcpy(to + i, &first, 16);
    std::memcpy(to + i + 16, &second, 16);
  }
}

// A text of up to 16 bytes as two words and its length: equal exactly when the texts are.
struct ShortText {
  static constexpr std::size_t kLongest = 16;

  constexpr ShortText() = default;
  explicit ShortText(std::string_view text) noexcept : size(text.size()) {
    const char* p = text.data();
    if (size >= 8) {
      std::memcpy(&head, p, 8);
      std::memcpy(&tail, p + size - 8, 8);
    } else if (size >= 4) {
      std::uint32_t low;
      std::uint32_t high;
      std::memcpy(&low, p, 4);
      std::memcpy(&high, p + size - 4, 4);
      head = low;
      tail = high;
    } else if (size != 0) {
      head = static_cast<unsigned char>(p[0]);
      tail = static_cast<std::uint64_t>(static_cast<unsigned char>(p[size / 2])) << 8 |
             static_cast<unsigned char>(p[size - 1]);
    }
  }
  // 16 bits. The words of a text of 4 or 8 bytes are the same.
  [[nodiscard]] std::size_t hash() const noexcept {
    return static_cast<std::size_t>(((head ^ std::rotl(tail, 29)) + size) * 0x9e3779b97f4a7c15U >>
                                    48);
  }
  [[nodiscard]] bool operator==(const ShortText& other) const noexcept {
    return head == other.head && tail == other.tail && size == other.size;
  }

  std::uint64_t head = 0;
  std::uint64_t tail = 0;
  std::size_t size = 0;
};

}  // namespace logforest
