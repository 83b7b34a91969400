// Binary COPY without a server: what the encoders write is read back cell by cell.
#include "logforest/io/pg_encode.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "logforest/io/pg_copy.hpp"
#include "logforest/record/level.hpp"

namespace logforest::io {
namespace {

using Cell = std::optional<std::string>;

template <class T>
T read_be(std::string_view bytes) {
  T value = 0;
  std::memcpy(&value, bytes.data(), sizeof value);
  if constexpr (sizeof(T) == 2) return static_cast<T>(__builtin_bswap16(value));
  if constexpr (sizeof(T) == 4) return static_cast<T>(__builtin_bswap32(value));
  if constexpr (sizeof(T) == 8) return static_cast<T>(__builtin_bswap64(value));
}
std::int64_t int8_of(const Cell& cell) {
  return static_cast<std::int64_t>(read_be<std::uint64_t>(cell.value()));
}
std::int16_t int2_of(const Cell& cell) {
  return static_cast<std::int16_t>(read_be<std::uint16_t>(cell.value()));
}
double float8_of(const Cell& cell) {
  return std::bit_cast<double>(read_be<std::uint64_t>(cell.value()));
}

// The cells of one column; sizes and bytes written have to agree.
std::vector<Cell> cells(const Encoder& column, std::size_t rows, std::size_t first = 0) {
  std::vector<std::uint32_t> sizes(rows, 4);
  column->add_sizes(first, sizes);
  std::size_t total = 0;
  for (const std::uint32_t size : sizes) total += size;
  std::string bytes(total, '\x7f');
  std::vector<char*> cursors;
  char* at = bytes.data();
  for (const std::uint32_t size : sizes) {
    cursors.push_back(at);
    at += size;
  }
  const std::vector<char*> begins = cursors;
  column->write(first, cursors);
  std::vector<Cell> out;
  for (std::size_t i = 0; i < rows; ++i) {
    EXPECT_EQ(cursors[i], begins[i] + sizes[i]) << "row " << i;
    const auto length = static_cast<std::int32_t>(
        read_be<std::uint32_t>(std::string_view(begins[i], sizeof(std::uint32_t))));
    if (length == kPgNull) {
      EXPECT_EQ(sizes[i], 4U);
      out.emplace_back();
    } else {
      EXPECT_EQ(static_cast<std::uint32_t>(length) + 4, sizes[i]);
      out.emplace_back(std::string(begins[i] + 4, static_cast<std::size_t>(length)));
    }
  }
  return out;
}

template <class Column, class T>
Column column_of(const std::vector<std::optional<T>>& values) {
  Column column;
  for (std::size_t row = 0; row < values.size(); ++row) {
    if (values[row]) column.set(row, *values[row]);
  }
  column.finish(values.size());
  return column;
}
Utf8Column texts(const std::vector<Cell>& values) {
  Utf8Column column;
  for (std::size_t row = 0; row < values.size(); ++row) {
    if (values[row]) column.set(row, *values[row]);
  }
  column.finish(values.size());
  return column;
}
DictColumn words(const std::vector<Cell>& values) {
  DictColumn column;
  for (std::size_t row = 0; row < values.size(); ++row) {
    if (values[row]) column.set(row, *values[row]);
  }
  column.finish(values.size());
  return column;
}
const std::string kReplaced = "\xef\xbf\xbd";

TEST(PgEncode, WholeNumbersAndTimes) {
  using Int = std::optional<std::int64_t>;
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  const auto column =
      column_of<FixedColumn<std::int64_t>, std::int64_t>({Int{0}, Int{-1}, Int{}, Int{most}});
  const auto plain = cells(encode<std::int64_t>(column), 4);
  EXPECT_EQ(int8_of(plain[0]), 0);
  EXPECT_EQ(int8_of(plain[1]), -1);
  EXPECT_FALSE(plain[2]);
  EXPECT_EQ(int8_of(plain[3]), most);
  const auto times = cells(encode<std::int64_t>(column, kPgEpochUs), 4);
  EXPECT_EQ(int8_of(times[0]), -kPgEpochUs);
  EXPECT_FALSE(times[2]);
}

TEST(PgEncode, SmallNumbersAndFractions) {
  using Short = std::optional<std::int16_t>;
  const auto status =
      column_of<FixedColumn<std::int16_t>, std::int16_t>({Short{200}, Short{}, Short{-1}});
  const auto shorts = cells(encode<std::int16_t>(status), 3);
  EXPECT_EQ(shorts[0]->size(), 2U);
  EXPECT_EQ(int2_of(shorts[0]), 200);
  EXPECT_FALSE(shorts[1]);
  EXPECT_EQ(int2_of(shorts[2]), -1);
  using Real = std::optional<double>;
  const auto took = column_of<FixedColumn<double>, double>(
      {Real{-0.0}, Real{1.5}, Real{std::numeric_limits<double>::infinity()}, Real{}});
  const auto reals = cells(encode<double>(took), 4);
  EXPECT_TRUE(std::signbit(float8_of(reals[0])));
  EXPECT_EQ(float8_of(reals[1]), 1.5);
  EXPECT_EQ(float8_of(reals[2]), std::numeric_limits<double>::infinity());
  EXPECT_FALSE(reals[3]);
}

TEST(PgEncode, NamesOfLevels) {
  FixedColumn<std::uint8_t> level;
  for (std::size_t row = 0; row < kLevelNames.size(); ++row) {
    level.set(row, static_cast<std::uint8_t>(row));
  }
  level.finish(kLevelNames.size());
  const auto found = cells(encode_names(level, kLevelNames), kLevelNames.size());
  for (std::size_t row = 0; row < found.size(); ++row) EXPECT_EQ(found[row], kLevelNames[row]);
}

TEST(PgEncode, CleanTextGoesAsItIs) {
  const std::vector<Cell> values{"plain", "", Cell{}, "é 日本 \U0001F600", "tab\tand\nline"};
  EXPECT_EQ(cells(encode(texts(values)), values.size()), values);
  EXPECT_EQ(cells(encode(words(values)), values.size()), values);
}

TEST(PgEncode, WhatPostgresRefusesIsReplaced) {
  using namespace std::string_literals;
  const std::vector<Cell> values{"a\0b"s, "\xff", Cell{}, "cut \xc3", "\xed\xa0\x80", "fine"};
  const std::vector<Cell> expected{
      "a\u2400b", kReplaced, Cell{}, "cut " + kReplaced, kReplaced + kReplaced + kReplaced, "fine"};
  EXPECT_EQ(cells(encode(texts(values)), values.size()), expected);
  EXPECT_EQ(cells(encode(words(values)), values.size()), expected);
}

TEST(PgEncode, CharacterCutBetweenTwoValuesIsBadInBoth) {
  const std::vector<Cell> values{"x\xc3", "\xa9y"};  // together they are valid
  const std::vector<Cell> expected{"x" + kReplaced, kReplaced + "y"};
  EXPECT_EQ(cells(encode(texts(values)), 2), expected);
  EXPECT_EQ(cells(encode(words(values)), 2), expected);
}

TEST(PgEncode, CleanTextIsValidAndChangesNothingValid) {
  for (const std::string text : {"", "a", "é", "日", "\U0001F600", "a é 日"}) {
    EXPECT_TRUE(is_clean_text(text));
    EXPECT_EQ(clean_text(text), text);
  }
  for (const std::string text : {"\xc0\x80", "\xf5", "\xe2\x82", "\xf0\x9f\x98", "\x80"}) {
    EXPECT_FALSE(is_clean_text(text));
    EXPECT_TRUE(is_clean_text(clean_text(text))) << clean_text(text);
  }
}

TEST(PgEncode, RowsFromTheMiddle) {
  std::vector<Cell> values;
  for (int i = 0; i < 700; ++i) values.push_back(i % 7 == 0 ? Cell{} : Cell{std::string(i, 'x')});
  const Utf8Column column = texts(values);
  const auto encoder = encode(column);
  for (const std::size_t first : {0UL, 1UL, 255UL, 256UL, 699UL}) {
    const auto found = cells(encoder, values.size() - first, first);
    EXPECT_TRUE(std::equal(found.begin(), found.end(), values.begin() + static_cast<long>(first)));
  }
}

}  // namespace
}  // namespace logforest::io
