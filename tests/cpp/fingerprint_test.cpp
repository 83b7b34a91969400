#include "logforest/normalize/fingerprint.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "logforest/normalize/byte_masks.hpp"
#include "logforest/normalize/chars.hpp"
#include "logforest/pipeline/enrich.hpp"

namespace logforest {
namespace {

std::string text(std::string_view message) {
  std::string out;
  template_text(message, out);
  return out;
}

struct Case {
  std::string_view message;
  std::string_view expected;
};

TEST(Fingerprint, Templates) {
  const Case cases[] = {
      {"", ""},
      {"no variables here", "no variables here"},
      {"took 5 ms", "took <*> ms"},
      {"took 5ms.", "took <*>."},
      {"size -1.5e9 kB", "size <*> kB"},
      {"Received block blk_-160899 of size 91178 from /10.250.10.6",
       "Received block <*> of size <*> from <*>"},
      {"at 2025-11-02T03:04:05.678+01:00 ok", "at <*> ok"},
      {"12:30:45,123 up", "<*> up"},
      {"id 550e8400-e29b-41d4-a716-446655440000 done", "id <*> done"},
      {"from 10.0.0.1:8080 to 10.0.0.2", "from <*> to <*>"},
      {"peer [2001:db8::dead:beef]:443 gone", "peer [<*>]:<*> gone"},
      {"peer fe80::dead:beef%eth0 gone", "peer <*> gone"},
      {"peer ::1 gone", "peer <*> gone"},
      {"mac ab:cd:ef:ab:cd:0f up", "mac <*> up"},
      {"std::vector a::b dead::beef", "std::vector a::b dead::beef"},
      {"open /var/log/app.log failed", "open <*> failed"},
      {"open /var/log/app failed: no such file", "open <*> failed: no such file"},
      {"GET /a/b?x=y&z=w done", "GET <*> done"},
      {"see https://example.org/a?b=c.", "see <*>."},
      {"open C:\\Windows\\System done", "open C:<*> done"},
      {"read/write and N/A", "read/write and N/A"},
      {"user \"root\" in", "user \"<*>\" in"},
      {"user 'root' can't", "user '<*>' can't"},
      {"msg=\"the disk is full\" code=7", "msg=\"the disk is full\" code=<*>"},
      {R"({"user":"bob","age":5})", R"({"user":"<*>","age":<*>})"},
      {R"({\"user\":\"bob\"})", R"({\"user\":\"<*>\"})"},
      {"mail bob@example.com now", "mail <*> now"},
      {"mail <EMAIL> now", "mail <*> now"},
      {"mail <EMAIL:3f9a-b_c> now", "mail <*> now"},
      {"<*> x", "<*> x"},
      {"card 4111 1111 1111 1111 used", "card <*> used"},
      {"card <CARD> used", "card <*> used"},
      {"iban GB29 NWBK 6016 1331 9268 19 paid", "iban <*> paid"},
      {"call +1 (555) 123-4567 now", "call <*> now"},
      {"call (555) 123-4567 now", "call <*> now"},
      {"password=hunter two", "password=<*> two"},
      {"db_password: 'a b' x", "db_password: '<*>' x"},
      {R"("password":"p q" x)", R"("password":"<*>" x)"},
      {"Authorization: Bearer abc.def x", "Authorization: Bearer <*> x"},
      {"Authorization: Basic dXNlcjpw== x", "Authorization: Basic <*> x"},
      {"Bearer abcdefghijklmnopq x", "Bearer <*> x"},
      {"key AKIAABCDEFGHIJKLMNOP x", "key <*> x"},
      {"class OneVeryLongClassNameWithoutAny x", "class OneVeryLongClassNameWithoutAny x"},
      {"list 1,2, 3 4 end", "list <*> end"},
      {"@Override foo @ bar", "@Override foo @ bar"},
      {"t\xc3\xa4glich 5\xe2\x82\xac", "t\xc3\xa4glich <*>"},
      {"unclosed \"quote here", "unclosed \"quote here"},
      {"at Foo.bar(Foo.java:12)\n\tat Baz", "at Foo.bar(Foo.java:<*>)\n\tat Baz"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(text(c.message), c.expected) << c.message;
    EXPECT_EQ(text(c.expected), c.expected) << "a template is its own template";
  }
}

// A contract: these values are stored. A change here is a migration.
TEST(Fingerprint, GoldenValues) {
  const std::pair<std::string_view, std::int64_t> golden[] = {
      {"", 7713880529143198},
      {"took 5 ms", 2398578465386549},
      {"Received block blk_-160899 of size 91178 from /10.250.10.6", 5443950038914945},
      {"user \"root\" logged in from 10.0.0.1", 2910894094834957},
  };
  for (const auto& [message, value] : golden) EXPECT_EQ(fingerprint(message), value) << message;
}

TEST(Fingerprint, ValuesDoNotMatter) {
  EXPECT_EQ(fingerprint("took 5 ms"), fingerprint("took 123.4 ms"));
  EXPECT_NE(fingerprint("took 5 ms"), fingerprint("took 5 s"));
  EXPECT_LT(fingerprint("x"), std::int64_t{1} << 53);
  EXPECT_GE(fingerprint("x"), 0);
}

TEST(Fingerprint, LongMessagesAreBounded) {
  const std::string head(kMaxTemplateBytes, 'x');
  EXPECT_EQ(text(head + "tail"), head);
  EXPECT_EQ(fingerprint(head + " a"), fingerprint(head + " b"));
  const std::string digits(kMaxFingerprintInput * 2, '7');
  EXPECT_EQ(text(digits), "<*>");
  std::string hostile;
  while (hostile.size() < kMaxFingerprintInput) hostile += "password='\\\"<A'x\"";
  EXPECT_LE(text(hostile).size(), kMaxTemplateBytes);
}

// Every block border, in every kernel.
TEST(ByteMasks, KernelsAgree) {
  std::string all;
  for (int i = 0; i < 700; ++i) all += static_cast<char>(i * 37);
  for (std::size_t size = 0; size <= all.size(); ++size) {
    const std::size_t blocks = (size + 63) / 64;
    std::vector<std::uint64_t> w1(blocks), t1(blocks), w2(blocks), t2(blocks);
    normalize::byte_masks(all.data(), size, w1.data(), t1.data());
    normalize::detail::byte_masks_portable(all.data(), size, w2.data(), t2.data());
    ASSERT_EQ(w1, w2) << size;
    ASSERT_EQ(t1, t2) << size;
    const std::string padded = all.substr(0, size) + std::string(63, '7');
    normalize::byte_masks_padded(padded.data(), size, w1.data(), t1.data());
    ASSERT_EQ(w1, w2) << size;
    ASSERT_EQ(t1, t2) << size;
  }
}

// What stands behind a message changes nothing.
TEST(Fingerprint, PaddingDoesNotCount) {
  const std::string text =
      "GET /a/b?c=1 from 10.0.0.7:80 fe80::1 ab:cd:ef:01:02:03 'x y' k=\"v\" 12-";
  for (std::size_t size = 0; size <= text.size(); ++size) {
    for (const char behind : {'7', '=', ':', '<', '\0', 'x'}) {
      const std::string padded = text.substr(0, size) + std::string(kFingerprintPadding, behind);
      const std::string_view message(padded.data(), size);
      ASSERT_EQ(fingerprint(message, kFingerprintPadding), fingerprint(text.substr(0, size)))
          << size << behind;
    }
  }
}

TEST(Fingerprint, PositionInBlocksDoesNotMatter) {
  for (std::size_t pad = 0; pad < 140; ++pad) {
    const std::string front(pad, 'x');
    EXPECT_EQ(text(front + " AKIAABCDEFGHIJKLMNOP /a/b?q=w 'v' bob@x.yz k"),
              front + " <*> '<*>' <*> k");
  }
}

TEST(Enrich, SetsTemplateIds) {
  RecordBatch batch;
  batch.message.set(0, "took 5 ms");
  batch.message.set(2, "took 6 ms");
  batch.rows = 4;
  enrich(batch, {});
  EXPECT_EQ(batch.template_id[0], fingerprint("took 9 ms"));
  EXPECT_EQ(batch.template_id[0], batch.template_id[2]);
  EXPECT_EQ(batch.template_id[1], fingerprint(""));
  EXPECT_EQ(batch.template_id.size(), 4u);
  EXPECT_EQ(batch.template_id.validity().null_count(), 0);
}

}  // namespace
}  // namespace logforest
