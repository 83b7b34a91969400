#include "logforest/search/segment.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "logforest/search/fold.hpp"

using namespace logforest;
using namespace logforest::search;

namespace {
std::string folded(std::string_view text) {
  std::string out;
  fold(text, out);
  return out;
}

bool may_hold_term(const Segment& segment, std::string_view term) {
  for (const Probe& probe : probes(term, 1000)) {
    if (!may_hold(segment, probe)) return false;
  }
  return true;
}

Segment segment_of(const std::vector<std::string>& messages) {
  SegmentBuilder builder(messages.size());
  for (std::size_t i = 0; i < messages.size(); ++i) {
    builder.add(static_cast<std::int64_t>(i), static_cast<std::int64_t>(i), messages[i]);
  }
  return builder.finish();
}

std::vector<std::string> random_messages(std::size_t n, unsigned seed) {
  std::mt19937 random(seed);
  const std::vector<std::string> pieces{"Order ", "É",    "ß",  "10.0.", "§", " ",
                                        "x",      "日本", "0f", "-",     "Z", ":",
                                        "123456", "User", "\"", "\\",    "%"};
  std::vector<std::string> out(n);
  for (auto& text : out) {
    for (auto i = random() % 14; i > 0; --i) text += pieces[random() % pieces.size()];
    text += std::to_string(random());
  }
  return out;
}
}  // namespace

TEST(Fold, AsciiAndBeyond) {
  EXPECT_EQ(folded("Hello WORLD 1_x"), "hello world 1_x");
  EXPECT_EQ(folded("ÄÖÜ ÉÑ ΣΑΣ ДЖ"), "äöü éñ σασ дж");
  EXPECT_EQ(folded("\u1e9e \u212a \u212b"), "ß k å");
  EXPECT_EQ(folded("日本 ǅ"), "日本 ǆ");
  EXPECT_EQ(folded(""), "");
}

TEST(Fold, LettersThatLocalesDisagreeAbout) {
  // I, dotted and dotless, as Turkish and all others lower them; Lithuanian adds a dot above.
  for (const char* text : {"I", "i", "\u0130", "\u0131", "i\u0307"}) EXPECT_EQ(folded(text), "i");
}

TEST(Fold, BytesThatAreNotText) {
  EXPECT_EQ(folded(std::string_view("a\0b", 3)), "a\u2400b");
  EXPECT_EQ(folded("a\xff\xc3"), "a\ufffd\ufffd");
  EXPECT_EQ(folded("\xed\xa0\x80"), "\ufffd\ufffd\ufffd");            // a surrogate
  EXPECT_EQ(folded("\xf0\x82\x82\xac"), "\ufffd\ufffd\ufffd\ufffd");  // too long a form
}

TEST(Segment, NeverRulesOutWhatIsThere) {
  const auto messages = random_messages(500, 7);
  const Segment segment = segment_of(messages);
  for (const std::string& text : messages) {
    const std::string all = folded(text);
    for (std::size_t from = 0; from < all.size(); from += 3) {
      for (const std::size_t length : {1U, 2U, 3U, 5U, 8U, 40U}) {
        if ((static_cast<unsigned char>(all[from]) & 0xc0) == 0x80) continue;  // inside a letter
        std::string term = all.substr(from, length);
        while (from + term.size() < all.size() &&
               (static_cast<unsigned char>(all[from + term.size()]) & 0xc0) == 0x80) {
          term.push_back(all[from + term.size()]);
        }
        ASSERT_TRUE(may_hold_term(segment, term)) << term << " in " << text;
      }
    }
  }
}

TEST(Segment, RulesOutMostOfWhatIsNot) {
  const Segment segment = segment_of(random_messages(2000, 7));
  std::mt19937 random(3);
  int words = 0;
  int numbers = 0;
  for (int i = 0; i < 1000; ++i) {
    std::string word;
    for (int k = 0; k < 7; ++k) word.push_back(static_cast<char>('a' + random() % 26));
    words += may_hold_term(segment, word);
    numbers += may_hold_term(segment, std::to_string(100000000 + random() % 900000000));
  }
  EXPECT_LT(words, 5);
  EXPECT_LT(numbers, 50);
  EXPECT_TRUE(may_hold_term(segment, ""));
}

TEST(Segment, IdsAsRunsAndTimesAsBounds) {
  SegmentBuilder builder(8);
  for (const std::int64_t id : {7, 5, 6, 20, 1}) builder.add(id, 100 - id, "x");
  const Segment segment = builder.finish();
  std::vector<std::int64_t> ids(segment.ids.size() / 8);
  std::memcpy(ids.data(), segment.ids.data(), segment.ids.size());
  EXPECT_EQ(ids, (std::vector<std::int64_t>{1, 1, 5, 7, 20, 20}));
  EXPECT_EQ(segment.rows, 5);
  EXPECT_EQ(segment.min_time, 80);
  EXPECT_EQ(segment.max_time, 99);
  EXPECT_EQ(builder.rows(), 0U);
}

TEST(Segment, SizeStaysInBounds) {
  const auto many = random_messages(2048, 1);
  EXPECT_LE(segment_of(many).filter.size(), 16 * many.size());
  EXPECT_EQ(segment_of({""}).filter.size() % 8, 0U);
  std::mt19937 random(5);
  std::string noise(100'000, ' ');
  for (char& c : noise) c = static_cast<char>(random());
  const Segment segment = segment_of(std::vector<std::string>(60, noise));
  EXPECT_LE(segment.filter.size(), 60 * noise.size() / 8);
  EXPECT_TRUE(may_hold_term(segment, folded(noise).substr(0, 1)));
}

TEST(Segment, BatchIsCutIntoEvenPieces) {
  LogBatch batch;
  for (const std::size_t rows : {3000U, 2500U}) {
    auto chunk = std::make_shared<RecordBatch>();
    for (std::size_t row = 0; row < rows; ++row) {
      chunk->id.set(row, static_cast<std::int64_t>(batch.num_rows() + row));
      chunk->timestamp.set(row, 1);
      chunk->level.set(row, static_cast<std::uint8_t>(row == 2999 ? 4 : 1));
      chunk->service.set(row, row % 2 == 0 ? "Even" : "odd");
      chunk->message.set(row, "hello");
      if (row == 10) chunk->status_code.set(row, 503);
    }
    chunk->rows = rows;
    chunk->finish();
    batch.chunks.push_back(chunk);
  }
  const auto segments = build_segments(batch, 2048);
  ASSERT_EQ(segments.size(), 3U);
  std::int32_t rows = 0;
  std::int32_t critical = 0;
  std::int32_t failed = 0;
  const auto has = [](const Segment& segment, std::string_view column, std::string_view value) {
    const auto all = value_probes(value_hash(column, value));
    return std::ranges::all_of(all, [&](const Probe& p) { return may_hold(segment, p); });
  };
  for (const Segment& segment : segments) {
    rows += segment.rows;
    critical += has(segment, "level", "CRITICAL");
    failed += has(segment, "status", "5");
    EXPECT_TRUE(has(segment, "service", "even"));
    EXPECT_TRUE(has(segment, "level", "INFO"));
    EXPECT_FALSE(has(segment, "service", "nobody"));
    EXPECT_TRUE(may_hold_term(segment, "ell"));
  }
  EXPECT_EQ(rows, 5500);
  EXPECT_EQ(critical, 1);
  EXPECT_EQ(failed, 2);
  EXPECT_TRUE(build_segments(LogBatch{}, 100).empty());
}
