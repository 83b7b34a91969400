// Column encoders of Postgres' binary COPY format
// (https://www.postgresql.org/docs/15/sql-copy.html, "Binary Format").
//
// The encoder of a column is chosen once per batch. Rows are encoded in windows: each column first
// adds the size of its cells to the rows' sizes, then writes its cells at the rows' cursors, so the
// inner loops run down one column and hold no dispatch.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "logforest/record/columns.hpp"

namespace logforest::io {

// Microseconds from 1970 (ours) to 2000 (Postgres').
inline constexpr std::int64_t kPgEpochUs = 946684800000000;

template <class T>
void put_be(char* at, T value) noexcept {
  static_assert(sizeof(T) == 2 || sizeof(T) == 4 || sizeof(T) == 8);
  if constexpr (sizeof(T) == 2) {
    const auto v = __builtin_bswap16(std::bit_cast<std::uint16_t>(value));
    std::memcpy(at, &v, sizeof v);
  } else if constexpr (sizeof(T) == 4) {
    const auto v = __builtin_bswap32(std::bit_cast<std::uint32_t>(value));
    std::memcpy(at, &v, sizeof v);
  } else {
    const auto v = __builtin_bswap64(std::bit_cast<std::uint64_t>(value));
    std::memcpy(at, &v, sizeof v);
  }
}

inline constexpr std::int32_t kPgNull = -1;

class ColumnEncoder {
 public:
  ColumnEncoder() = default;
  ColumnEncoder(const ColumnEncoder&) = delete;
  ColumnEncoder& operator=(const ColumnEncoder&) = delete;
  virtual ~ColumnEncoder() = default;
  // Adds the bytes of the cells (without their length word) of rows [first, first + n).
  virtual void add_sizes(std::size_t first, std::span<std::uint32_t> sizes) const = 0;
  // Writes length word and value of each cell and moves the rows' cursors behind them.
  virtual void write(std::size_t first, std::span<char*> cursors) const = 0;
};
using Encoder = std::unique_ptr<ColumnEncoder>;

// Fixed-width cells: `get(row)` gives the value in the type Postgres expects, `valid(row)`.
template <class Out, class Get, class Valid>
class FixedEncoder final : public ColumnEncoder {
 public:
  FixedEncoder(Get get, Valid valid) : get_(std::move(get)), valid_(std::move(valid)) {}
  void add_sizes(std::size_t first, std::span<std::uint32_t> sizes) const override {
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      sizes[i] += valid_(first + i) ? static_cast<std::uint32_t>(sizeof(Out)) : 0U;
    }
  }
  void write(std::size_t first, std::span<char*> cursors) const override {
    for (std::size_t i = 0; i < cursors.size(); ++i) {
      char*& at = cursors[i];
      if (valid_(first + i)) {
        put_be(at, static_cast<std::int32_t>(sizeof(Out)));
        put_be(at + 4, static_cast<Out>(get_(first + i)));
        at += 4 + sizeof(Out);
      } else {
        put_be(at, kPgNull);
        at += 4;
      }
    }
  }

 private:
  Get get_;
  Valid valid_;
};
template <class Out, class Get, class Valid>
Encoder fixed_encoder(Get get, Valid valid) {
  return std::make_unique<FixedEncoder<Out, Get, Valid>>(std::move(get), std::move(valid));
}

// Variable-width cells: `get(row)` gives the bytes.
template <class Get, class Valid>
class BytesEncoder final : public ColumnEncoder {
 public:
  BytesEncoder(Get get, Valid valid) : get_(std::move(get)), valid_(std::move(valid)) {}
  void add_sizes(std::size_t first, std::span<std::uint32_t> sizes) const override {
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      if (valid_(first + i)) sizes[i] += static_cast<std::uint32_t>(get_(first + i).size());
    }
  }
  void write(std::size_t first, std::span<char*> cursors) const override {
    for (std::size_t i = 0; i < cursors.size(); ++i) {
      char*& at = cursors[i];
      if (valid_(first + i)) {
        const std::string_view value = get_(first + i);
        put_be(at, static_cast<std::int32_t>(value.size()));
        std::memcpy(at + 4, value.data(), value.size());
        at += 4 + value.size();
      } else {
        put_be(at, kPgNull);
        at += 4;
      }
    }
  }

 private:
  Get get_;
  Valid valid_;
};
template <class Get, class Valid>
Encoder bytes_encoder(Get get, Valid valid) {
  return std::make_unique<BytesEncoder<Get, Valid>>(std::move(get), std::move(valid));
}

// --- our own columns ------------------------------------------------------------------------
template <class Out, class T>
Encoder encode(const FixedColumn<T>& c, std::int64_t subtract = 0) {
  const auto get = [=, &c](std::size_t row) {
    if constexpr (std::is_floating_point_v<T>) {
      return c[row];
    } else {
      return static_cast<std::int64_t>(c[row]) - subtract;
    }
  };
  if (c.validity().null_count() == 0) {
    return fixed_encoder<Out>(get, [](std::size_t) { return true; });
  }
  return fixed_encoder<Out>(get, [&c](std::size_t row) { return c.is_valid(row); });
}
// Codes as the labels of a Postgres enum.
template <std::size_t N>
Encoder encode_names(const FixedColumn<std::uint8_t>& c,
                     const std::array<std::string_view, N>& names) {
  return bytes_encoder([&c, &names](std::size_t row) { return names[c[row]]; },
                       [&c](std::size_t row) { return c.is_valid(row); });
}
// Text that Postgres would refuse (NUL bytes, invalid UTF-8) is replaced by U+2400 and U+FFFD.
[[nodiscard]] Encoder encode(const Utf8Column& c);
[[nodiscard]] Encoder encode(const DictColumn& c);
// `text` as Postgres takes it: every NUL becomes U+2400, every bad byte U+FFFD.
[[nodiscard]] std::string clean_text(std::string_view text);
[[nodiscard]] bool is_clean_text(std::string_view text) noexcept;

}  // namespace logforest::io
