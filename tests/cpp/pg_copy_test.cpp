// The stream of a binary COPY without a server: signature, rows and trailer as Postgres reads them.
#include "logforest/io/pg_copy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace logforest::io {
namespace {

struct Pieces final : PgConnection::CopySink {
  std::string all;
  std::size_t largest = 0;
  std::size_t count = 0;
  void put(std::string_view piece) override {
    all += piece;
    largest = std::max(largest, piece.size());
    ++count;
  }
};

// Reads what Postgres would; anything out of place fails the test.
class CopyReader {
 public:
  explicit CopyReader(std::string_view bytes) : bytes_(bytes) {
    EXPECT_EQ(take(11), std::string_view("PGCOPY\n\377\r\n\0", 11));
    EXPECT_EQ(number(4), 0);  // flags
    EXPECT_EQ(number(4), 0);  // length of the header's extension
  }
  std::vector<std::vector<std::optional<std::string>>> rows() {
    std::vector<std::vector<std::optional<std::string>>> out;
    for (std::int64_t fields = number(2); fields != 0xffff; fields = number(2)) {
      auto& row = out.emplace_back();
      for (; fields > 0; --fields) {
        const std::int64_t size = number(4);
        if (size == 0xffffffff) {
          row.emplace_back();
        } else {
          row.emplace_back(std::string(take(static_cast<std::size_t>(size))));
        }
      }
      if (::testing::Test::HasFailure()) return out;
    }
    EXPECT_TRUE(bytes_.empty()) << "bytes behind the trailer";
    return out;
  }

 private:
  std::string_view take(std::size_t n) {
    EXPECT_LE(n, bytes_.size()) << "the stream ends early";
    const std::string_view out = bytes_.substr(0, n);
    bytes_.remove_prefix(out.size());
    return out;
  }
  std::int64_t number(std::size_t n) {
    std::int64_t out = 0;
    for (const char c : take(n)) out = out << 8 | static_cast<unsigned char>(c);
    return out;
  }
  std::string_view bytes_;
};

std::vector<Encoder> encoders_of(const std::vector<std::string>& texts) {
  std::vector<Encoder> out;
  out.push_back(fixed_encoder<std::int64_t>(
      [](std::size_t row) { return static_cast<std::int64_t>(row) * 3; },
      [](std::size_t row) { return row % 5 != 0; }));
  out.push_back(bytes_encoder([&](std::size_t row) { return std::string_view(texts[row]); },
                              [](std::size_t) { return true; }));
  return out;
}

TEST(PgCopy, NoRowsAreAHeaderAndATrailer) {
  Pieces sink;
  BinaryCopy copy(sink);
  copy.rows(encoders_of({}), 0);
  copy.finish();
  EXPECT_EQ(sink.all.size(), 21U);
  EXPECT_TRUE(CopyReader(sink.all).rows().empty());
}

// Windows end inside of the rows, and pieces leave before the end, without holding everything.
TEST(PgCopy, EveryRowOnceInOrder) {
  for (const std::size_t rows : {1UL, 255UL, 256UL, 257UL, 3000UL}) {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < rows; ++i) {
      texts.push_back(std::string(i % 800, 'a') + std::to_string(i));
    }
    Pieces sink;
    BinaryCopy copy(sink);
    copy.rows(encoders_of(texts), rows);
    copy.finish();
    const auto found = CopyReader(sink.all).rows();
    ASSERT_EQ(found.size(), rows);
    for (std::size_t i = 0; i < rows; ++i) {
      ASSERT_EQ(found[i].size(), 2U);
      EXPECT_EQ(found[i][0].has_value(), i % 5 != 0);
      EXPECT_EQ(found[i][1], texts[i]);
    }
    if (rows == 3000) {
      EXPECT_GT(sink.count, 2U);
      EXPECT_LT(sink.largest, sink.all.size() / 2);
    }
  }
}

TEST(PgCopy, SeveralChunksAreOneStream) {
  const std::vector<std::string> texts{"one", "two", "three"};
  Pieces sink;
  BinaryCopy copy(sink);
  copy.rows(encoders_of(texts), 3);
  copy.rows(encoders_of(texts), 2);
  copy.finish();
  EXPECT_EQ(CopyReader(sink.all).rows().size(), 5U);
}

TEST(PgCopy, RecordsHaveACellForEveryColumn) {
  RecordBatch batch;
  for (std::size_t row = 0; row < 3; ++row) {
    batch.id.set(row, static_cast<std::int64_t>(row) + 1);
    batch.timestamp.set(row, kPgEpochUs + static_cast<std::int64_t>(row));
    batch.level.set(row, 1);
    batch.message.set(row, row == 1 ? std::string_view("nul\0", 4) : "text");
    batch.service.set(row, "web");
  }
  batch.rows = 3;
  batch.finish();
  Pieces sink;
  BinaryCopy copy(sink);
  copy.rows(record_encoders(batch), batch.rows);
  copy.finish();
  const auto found = CopyReader(sink.all).rows();
  const std::string& list = log_column_list();
  const auto columns = static_cast<std::size_t>(std::ranges::count(list, ',')) + 1;
  ASSERT_EQ(found.size(), 3U);
  for (std::size_t row = 0; row < 3; ++row) {
    ASSERT_EQ(found[row].size(), columns);
    EXPECT_EQ(found[row][0]->back(), static_cast<char>(row + 1));
    EXPECT_EQ(found[row][2], std::string(7, '\0') + static_cast<char>(row));  // from 2000 on
    EXPECT_EQ(found[row][3], "INFO");
    EXPECT_EQ(found[row][4], "web");
    EXPECT_EQ(found[row][6], row == 1 ? "nul\xe2\x90\x80" : "text");
    EXPECT_FALSE(found[row][7]);  // no endpoint
  }
}

}  // namespace
}  // namespace logforest::io
