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

namespace {
// Ids that the digest of a segment names for terms; every one if it does not tell.
std::vector<std::int64_t> named(const Segment& segment, const std::vector<std::string>& terms) {
  std::vector<std::int64_t> out;
  const auto hits = DigestSearch(terms).find(segment.digest, segment.ids);
  for (std::int32_t row = 0; !hits && row < segment.rows; ++row) out.push_back(row);
  if (hits) {
    for (const Hit& hit : *hits) out.push_back(hit.id);
  }
  return out;
}
}  // namespace

TEST(Numbers, BecomeOneByteAndACode) {
  std::vector<NumberCode> codes;
  const auto reduced = [&](std::string_view text) {
    std::string out;
    codes.clear();
    without_numbers(text, out, codes);
    return out;
  };
  using Codes = std::vector<NumberCode>;
  EXPECT_EQ(reduced("took 12 ms"), "took \x02 ms");
  EXPECT_EQ(codes, (Codes{22}));
  EXPECT_EQ(reduced("10.0.3.7:80"), "\x02.\x02.\x02.\x02:\x02");
  EXPECT_EQ(codes, (Codes{20, 0, 3, 7, 90}));
  EXPECT_EQ(reduced("7, 07, 007, 999"), "\x02, \x02, \x02, \x02");
  EXPECT_EQ(codes, (Codes{7, 17, 117, 1109}));
  EXPECT_EQ(reduced("a1b2 added bad2bad x7y"), "\x02 added \x01 x\x02y");
  EXPECT_EQ(codes.size(), 2U);
  EXPECT_GE(codes[0], kExactCodes);
  EXPECT_EQ(reduced("137"), "\x02");
  EXPECT_EQ(codes, (Codes{247}));
  EXPECT_EQ(reduced("1370"), "\x02");
  EXPECT_GE(codes[0], kExactCodes);
  EXPECT_LT(codes[0], kNumberCodes);
  EXPECT_EQ(reduced("12345, 123456"), "\x02, \x01");
  EXPECT_EQ(reduced("dead"), "dead");
  EXPECT_EQ(reduced(std::string_view("a\0\1\2z", 5)), "a\x01\x01\x01z");  // not taken for ours
  EXPECT_TRUE(codes.empty());
  EXPECT_EQ(reduced(""), "");
}

TEST(Numbers, SpellingsOfTheEndsOfATerm) {
  using Texts = std::vector<std::string>;
  const auto texts = [](std::string_view term) {
    Texts out;
    for (const Spelling& spelling : spellings(term)) {
      EXPECT_EQ(spelling.codes.size(), std::ranges::count(spelling.text, kShortNumber));
      out.push_back(spelling.text);
    }
    return out;
  };
  EXPECT_EQ(texts("lock"), (Texts{"lock"}));
  EXPECT_EQ(texts("bad lock"), (Texts{"bad lock", "\x01 lock", "\x02 lock"}));
  EXPECT_EQ(texts("Lock be"), (Texts{"lock be", "lock \x01", "lock \x02"}));
  EXPECT_EQ(texts("123456 locks in 8f"), (Texts{"\x01 locks in \x01", "\x01 locks in \x02"}));
  EXPECT_EQ(texts("locks in facade"), (Texts{"locks in facade", "locks in \x01"}));
  EXPECT_EQ(texts("locks 12 of 345678 in x"), (Texts{"locks \x02 of \x01 in x"}));
  EXPECT_EQ(texts("a x b").size(), 9U);
  EXPECT_TRUE(spellings("839201").empty());
  EXPECT_TRUE(spellings("facade").empty());
  EXPECT_TRUE(spellings("").empty());

  const auto allowed = [](const Spelling& spelling) {
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < kExactCodes; ++i) {
      if (spelling.codes.at(0).test(i)) out.push_back(i);
    }
    return out;
  };
  EXPECT_EQ(allowed(spellings("k 12 ms").back()), (std::vector<std::size_t>{22}));
  EXPECT_EQ(allowed(spellings("in 503").back()), (std::vector<std::size_t>{110 + 503}));
  EXPECT_EQ(allowed(spellings("in 7f").back()), (std::vector<std::size_t>{}));
  EXPECT_EQ(allowed(spellings("in 50").back()),
            (std::vector<std::size_t>{10 + 50, 610, 611, 612, 613, 614, 615, 616, 617, 618, 619}));
  EXPECT_EQ(allowed(spellings("50 in").back()),
            (std::vector<std::size_t>{60, 160, 260, 360, 460, 560, 660, 760, 860, 960, 1060}));
  EXPECT_EQ(allowed(spellings("in 7").back()).size(), 111U);  // 7, 70 to 79, 700 to 799
  EXPECT_EQ(spellings("in 50").back().codes.at(0).count(), 11U + kSharedCodes);
  EXPECT_EQ(spellings("in 12345").back().codes.at(0).count(), 1U);
}

TEST(Words, RareOnesStandApart) {
  const std::string texts("user anna left\0user ben left\0a \x02 z\0user anna.ben left\0\0", 55);
  const std::vector<std::uint32_t> begins{0, 15, 29, 35, 54};
  const std::vector<std::uint32_t> having{3, 3, 1, 4, 1};
  WordSplitter splitter;
  for (int again = 0; again < 2; ++again) {
    splitter.split(texts, begins, having, 8);
    EXPECT_EQ(splitter.words(), std::string("anna\0ben\0", 9));  // user, left: ten records
    EXPECT_EQ(splitter.texts(),
              std::string("user \x03 left\0a \x02 z\0user \x03.\x03 left\0\0", 33));
    ASSERT_EQ(splitter.size(), 4U);
    const auto marks = [&](std::size_t i) {
      return std::vector<NumberCode>(splitter.marks_of(i).begin(), splitter.marks_of(i).end());
    };
    using Codes = std::vector<NumberCode>;
    EXPECT_EQ(splitter.text_of(0), splitter.text_of(1));
    EXPECT_EQ(marks(0), (Codes{kFirstWordCode}));
    EXPECT_EQ(marks(1), (Codes{kFirstWordCode + 1}));
    EXPECT_EQ(marks(2), (Codes{WordSplitter::kNumberHere}));
    EXPECT_EQ(marks(3), (Codes{kFirstWordCode, kFirstWordCode + 1}));
    EXPECT_TRUE(marks(4).empty());
  }
  splitter.split(texts, begins, having, 1);
  EXPECT_EQ(splitter.words(), "");
  EXPECT_EQ(splitter.texts(), texts);
}

TEST(Words, WordingsOfATermGoByTheRareWords) {
  const std::string words("anna\0ben\0hannah\0", 16);
  const std::string texts("user \x03 left\0", 12);
  const auto wordings = [&](std::string_view term) {
    std::vector<std::string> out;
    for (const Spelling& spelling : spellings(term)) {
      std::vector<Wording> some;
      Pattern pattern(spelling);
      pattern.wordings(words, texts, some);
      for (const Wording& wording : some) {
        out.push_back(wording.text);
        for (const Mark& mark : wording.marks) {
          for (const NumberCode code : mark.words)
            out.back() += std::to_string(code - kFirstWordCode);
        }
      }
    }
    return out;
  };
  using Texts = std::vector<std::string>;
  EXPECT_EQ(wordings("nn"), (Texts{"nn",
                                   "\x03"
                                   "02"}));
  EXPECT_EQ(wordings("user anna left"), (Texts{"user \x03 left"
                                               "0"}));
  EXPECT_EQ(wordings("user hanna left"), (Texts{"user hanna left"}));
  EXPECT_EQ(wordings("nna left"), (Texts{"nna left",
                                         "\x03 left"
                                         "0"}));
  EXPECT_EQ(wordings("left hann"), (Texts{"left hann",
                                          "left \x03"
                                          "2"}));
  EXPECT_EQ(wordings("x, x"), (Texts{"x, x"}));
  EXPECT_EQ(wordings("(ben)"), (Texts{"(\x03)1"}));
}

TEST(Digest, WordsThatFewRecordsHave) {
  // A skewed vocabulary: some words are common in the segment, most are rare.
  std::mt19937 random(12);
  const auto word = [&] {
    const double u = static_cast<double>(random() % 10'000) / 10'000;
    const auto n = static_cast<unsigned>(600 * u * u * u);
    return std::string(1 + n % 3, static_cast<char>('g' + n % 17)) + "o" +
           static_cast<char>('g' + n / 17 % 19) + (n % 5 == 0 ? "ä" : "");
  };
  std::vector<std::string> messages;
  for (int i = 0; i < 1500; ++i) {
    messages.push_back(i % 2 == 0 ? "User " + word() + "." + word() + " failed to sign in after " +
                                        std::to_string(random() % 40) + " tries"
                                  : "job " + word() + std::to_string(random() % 3000) + " of " +
                                        word() + " done\x03" + word());
  }
  const Segment segment = segment_of(messages);
  ASSERT_FALSE(segment.digest.empty());
  for (int n = 0; n < 1500; ++n) {
    const std::string text = folded(messages[random() % messages.size()]);
    const std::string piece = text.substr(random() % text.size(), 1 + random() % 18);
    if (folded(piece) != piece) continue;  // cut inside of a character
    const auto ids = named(segment, {piece});
    for (std::size_t row = 0; row < messages.size(); ++row) {
      if (folded(messages[row]).find(piece) == std::string::npos) continue;
      ASSERT_TRUE(std::ranges::binary_search(ids, static_cast<std::int64_t>(row)))
          << piece << " in " << messages[row];
    }
  }
  EXPECT_TRUE(named(segment, {"failed to sign in of"}).empty());
  EXPECT_TRUE(named(segment, {"tries", "done"}).empty());
}

TEST(Digest, OfTheVersionBeforeStillTells) {
  const auto frame = [](std::string_view raw) {
    std::string out(ZSTD_compressBound(raw.size()), '\0');
    out.resize(ZSTD_compress(out.data(), out.size(), raw.data(), raw.size(), 1));
    return out;
  };
  const std::string texts = frame(std::string_view("lock of anna\0\x02 locks\0", 21));
  // Two records: text 1 with number 7, text 0; unit 1, times 5 and 6.
  const std::string rows =
      frame(std::string_view("\1\0\0\0"
                             "\1\0"
                             "\0\0"
                             "\7"
                             "\0"
                             "\1"
                             "\x0a\2",
                             13));
  std::string digest(4, '\0');
  digest[0] = static_cast<char>(texts.size());
  digest[3] = 0x20;
  digest += texts + rows;
  const std::string ids("\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0", 16);
  const auto hits = [&](const std::string& term) -> std::vector<std::int64_t> {
    const auto found = DigestSearch(std::vector{term}).find(digest, ids);
    if (!found) return {-1};
    std::vector<std::int64_t> out;
    for (const Hit& hit : *found) out.push_back(hit.id);
    return out;
  };
  using Ids = std::vector<std::int64_t>;
  EXPECT_EQ(hits("lock"), (Ids{0, 1}));
  EXPECT_EQ(hits("of ann"), (Ids{1}));
  EXPECT_EQ(hits("7 locks"), (Ids{0}));
  EXPECT_EQ(hits("8 locks"), Ids{});
  EXPECT_EQ(hits("lock\x03"), (Ids{-1}));  // no mark then
}

TEST(Digest, NamesTheRecordsThatHoldAllTerms) {
  const std::vector<std::string> messages{
      "payment 17 refused by provider", "order 18 from warehouse",
      "payment 19 accepted by provider", "", "PROVIDER gone, payment 3 lost"};
  const Segment segment = segment_of(messages);
  using Ids = std::vector<std::int64_t>;
  EXPECT_EQ(named(segment, {"provider"}), (Ids{0, 2, 4}));
  EXPECT_EQ(named(segment, {"provider", "payment"}), (Ids{0, 2, 4}));
  EXPECT_EQ(named(segment, {"provider", "warehouse"}), Ids{});
  EXPECT_EQ(named(segment, {"9 accepted"}), (Ids{2}));
  EXPECT_EQ(named(segment, {"order 18 from"}), (Ids{1}));
  const Segment exits = segment_of({"exit 137 of x", "exit 1370", "exit 13", "exit 1370000",
                                    "exit 13, then exit 137", "exit 5 of 137"});
  EXPECT_EQ(named(exits, {"exit 137"}), (Ids{0, 1, 3, 4}));
  EXPECT_EQ(named(exits, {"exit 13"}), (Ids{0, 1, 2, 3, 4}));
  EXPECT_EQ(named(exits, {"exit 13,"}), (Ids{4}));
  EXPECT_EQ(named(exits, {"exit 5", "of 137"}), (Ids{5}));
  EXPECT_EQ(named(exits, {"exit 137", "of x"}), (Ids{0}));
  EXPECT_EQ(named(segment_of({"exit 137 of x", "exit 138 of x"}), {"137 of"}), (Ids{0}));
  EXPECT_EQ(named(segment, {"18", "payment"}), (Ids{0, 2, 4}));  // numbers do not tell
  EXPECT_FALSE(DigestSearch(std::vector<std::string>{"18"}).tells());
}

TEST(Digest, NumbersOfManyRecordsOfOneText) {
  std::vector<std::string> messages;
  for (int i = 0; i < 600; ++i) {
    messages.push_back(i % 3 == 0 ? "retry " + std::to_string(i) + " of request"
                                  : "took " + std::to_string(i) + " ms, then " +
                                        std::to_string(i * 7 % 1000) + " ms");
  }
  const Segment segment = segment_of(messages);
  for (std::int64_t i = 0; i < 600; ++i) {
    const std::string number = std::to_string(i);
    const auto ids = i % 3 == 0 ? named(segment, {"retry " + number + " of"})
                                : named(segment, {"took " + number + " ms"});
    EXPECT_EQ(ids, (std::vector<std::int64_t>{i}));
    if (i % 3 == 0) continue;
    const std::string second = std::to_string(i * 7 % 1000);
    EXPECT_EQ(named(segment, {"k " + number + " ms, then " + second + " m"}),
              (std::vector<std::int64_t>{i}));
    EXPECT_TRUE(std::ranges::binary_search(named(segment, {"then " + second}), i));
  }
}

TEST(Digest, EveryPieceOfEveryMessageIsNamed) {
  const auto messages = random_messages(400, 3);
  const Segment segment = segment_of(messages);
  ASSERT_FALSE(segment.digest.empty());
  std::mt19937 random(4);
  std::size_t less = 0;
  for (std::size_t row = 0; row < messages.size(); ++row) {
    const std::string text = folded(messages[row]);
    for (int n = 0; n < 8; ++n) {
      const std::size_t from = random() % text.size();
      const std::string piece = text.substr(from, 1 + random() % 12);
      if (folded(piece) != piece) continue;  // cut inside of a character
      const auto ids = named(segment, {piece});
      EXPECT_TRUE(std::ranges::binary_search(ids, static_cast<std::int64_t>(row))) << piece;
      less += ids.size() < messages.size() / 4 ? 1 : 0;
    }
  }
  EXPECT_GT(less, 100U);
}

TEST(Digest, TimesAndIdsInAnyOrder) {
  SegmentBuilder builder(6);
  const std::vector<std::int64_t> ids{50, 10, 11, 40, 12, 41};
  const std::vector<std::int64_t> times{-5'000'000, 7'000'000, 7'000'000, 1'764'000'000'123'456,
                                        0,          3};
  for (std::size_t i = 0; i < ids.size(); ++i) {
    builder.add(ids[i], times[i], i % 2 == 0 ? "even row" : "odd row");
  }
  const Segment segment = builder.finish();
  const auto hits = DigestSearch(std::vector<std::string>{"row"}).find(segment.digest, segment.ids);
  ASSERT_TRUE(hits);
  ASSERT_EQ(hits->size(), ids.size());
  for (const Hit& hit : *hits) {
    const auto at = static_cast<std::size_t>(std::ranges::find(ids, hit.id) - ids.begin());
    EXPECT_EQ(hit.time, times.at(at));
    EXPECT_EQ(hit.peers, std::ranges::count(times, times[at]));
  }
  EXPECT_TRUE(std::ranges::is_sorted(*hits, {}, &Hit::id));
  EXPECT_EQ(named(segment, {"odd"}), (std::vector<std::int64_t>{10, 40, 41}));
}

TEST(Digest, BuilderStartsAnew) {
  SegmentBuilder builder(2);
  builder.add(1, 1, "first message");
  EXPECT_EQ(named(builder.finish(), {"first"}).size(), 1U);
  builder.add(2, 2, "second message");
  const Segment second = builder.finish();
  EXPECT_TRUE(named(second, {"first"}).empty());
  EXPECT_EQ(named(second, {"second"}), std::vector<std::int64_t>{2});
}

TEST(Digest, DamagedOnesDoNotTell) {
  const Segment segment = segment_of(random_messages(64, 9));
  const DigestSearch search(std::vector<std::string>{"order"});
  ASSERT_TRUE(search.find(segment.digest, segment.ids));
  EXPECT_FALSE(search.find("", segment.ids));
  EXPECT_FALSE(search.find(segment.digest.substr(0, 3), segment.ids));
  EXPECT_FALSE(search.find(segment.digest.substr(0, segment.digest.size() / 3), segment.ids));
  EXPECT_FALSE(search.find(std::string(100, '\xff'), segment.ids));
  EXPECT_FALSE(search.find(segment.digest, segment.ids.substr(0, 11)));
  std::string older = segment.digest;  // of another version
  older[3] = 0;
  EXPECT_FALSE(search.find(older, segment.ids));
  EXPECT_FALSE(search.find(segment.digest, segment_of(random_messages(63, 9)).ids));
  std::mt19937 random(1);
  for (int n = 0; n < 2000; ++n) {  // whatever it says: no crash
    std::string damaged = segment.digest;
    damaged[random() % damaged.size()] = static_cast<char>(random());
    (void)search.find(damaged, segment.ids);
  }
}

TEST(Digest, WhatDoesNotCompressHasNone) {
  std::mt19937_64 random(2);
  std::vector<std::string> messages(300);
  for (auto& text : messages) {
    for (int i = 0; i < 200; ++i) text += static_cast<char>('g' + random() % 20);
  }
  const Segment segment = segment_of(messages);
  EXPECT_TRUE(segment.digest.empty());
  EXPECT_EQ(named(segment, {"zzzzz"}).size(), messages.size());
}
