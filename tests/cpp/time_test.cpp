#include "logforest/base/time.hpp"

#include <gtest/gtest.h>

#include <string>

namespace logforest {
namespace {

// 2026-11-21 13:38:32 UTC
constexpr std::int64_t kNow = 1795268312000000;
const TimeContext kContext{kNow, 0, false};

// The stamp when all of `text` is read, else -1.
std::int64_t whole(std::string_view text, const TimeContext& context = kContext) {
  const auto parsed = parse_time(text, context);
  return parsed && parsed->length == text.size() ? parsed->us : -1;
}

// The fast reader takes no other view of a text than parse_time, whatever day it read before.
TEST(Time, StampReaderReadsTheSame) {
  StampReader reader;
  const auto same = [&](std::string_view text) {
    const auto fast = reader.read(text, kContext);
    const auto slow = parse_time(text, kContext);
    ASSERT_EQ(fast.has_value(), slow.has_value()) << text;
    if (!slow) return;
    EXPECT_EQ(fast->us, slow->us) << text;
    EXPECT_EQ(fast->length, slow->length) << text;
  };
  const std::string stamps[] = {"2026-03-01T00:00:00.014Z", "2024-02-29 23:59:60.123456789+05:30",
                                "1969-12-31T12:34:56-23:59", "2023-12-31T09:08:07.5Z"};
  same(std::string(24, '\0'));
  for (const std::string& stamp : stamps) {
    same(stamp);
    for (std::size_t i = 0; i < stamp.size(); ++i) {
      same(std::string_view(stamp).substr(0, i));
      for (const char c :
           {'0', '1', '3', '6', '9', ':', '.', 'Z', '-', '+', '/', 'T', ' ', '\xff'}) {
        std::string changed = stamp;
        changed[i] = c;
        same(changed);
        same(stamp);  // another day may have been kept
        changed.insert(i, 1, c);
        same(changed);
      }
    }
  }
}

TEST(Time, EveryFormOfOneMoment) {
  constexpr std::int64_t us = 1431857103000000;  // 2015-05-17 10:05:03 UTC, a Sunday
  for (const char* text : {"2015-05-17T10:05:03Z",
                           "2015-05-17 10:05:03",
                           "2015-05-17T10:05:03.000+00:00",
                           "2015-05-17T12:05:03+0200",
                           "2015-05-17 12:05:03 +02",
                           "2015-05-17 10:05:03 UTC",
                           "20150517T100503Z",
                           "20150517100503",
                           "2015/05/17 10:05:03",
                           "17/May/2015:10:05:03 +0000",
                           "17 May 2015 10:05:03 GMT",
                           "17-May-2015 10:05:03",
                           "Sun, 17 May 2015 10:05:03 +0000",
                           "Sun May 17 10:05:03 2015",
                           "Sun May 17 10:05:03 UTC 2015",
                           "May 17, 2015 10:05:03 AM",
                           "05/17/2015 10:05:03",
                           "17/05/2015 10:05:03",
                           "17.05.2015 10:05:03",
                           "150517 10:05:03",
                           "1431857103",
                           "1431857103000",
                           "1431857103000000",
                           "1431857103000000000",
                           "5/17/2015, 10:05:03 AM",
                           "1431857103.000"}) {
    EXPECT_EQ(whole(text), us) << text;
  }
}

TEST(Time, FractionsAreCutToMicroseconds) {
  EXPECT_EQ(whole("1970-01-01T00:00:01.5Z"), 1500000);
  EXPECT_EQ(whole("1970-01-01T00:00:01,123456789Z"), 1123456);
  EXPECT_EQ(whole("1431857103.25"), 1431857103250000);
  EXPECT_EQ(whole("1969-12-31T23:59:59.999999Z"), -1);  // one microsecond before the epoch
}

TEST(Time, ImpossibleDatesAreNone) {
  for (const char* text : {"2015-02-29T00:00:00Z", "2015-13-01T00:00:00Z", "2015-00-10 00:00:00",
                           "2015-05-17T24:00:00Z", "2015-05-17T10:60:00Z", "2015-05-17T10:05:61Z",
                           "31/Apr/2015:10:05:03 +0000", "99/99/9999", "", "x", "2015", "12",
                           "2015-05-17T", "2015-05-17Tx"}) {
    EXPECT_EQ(whole(text), -1) << text;
  }
  EXPECT_EQ(whole("2016-12-31T23:59:60Z"), 1483228800000000);  // a leap second is the next second
}

TEST(Time, AmbiguousDatesFollowTheSetting) {
  TimeContext day_first = kContext;
  day_first.day_first = true;
  const auto us_style = parse_time("03/04/2025 00:00:00", kContext);
  const auto eu_style = parse_time("03/04/2025 00:00:00", day_first);
  ASSERT_TRUE(us_style && eu_style);
  EXPECT_TRUE(us_style->ambiguous && eu_style->ambiguous);
  EXPECT_EQ(us_style->us, whole("2025-03-04"));
  EXPECT_EQ(eu_style->us, whole("2025-04-03"));
  EXPECT_FALSE(parse_time("13/04/2025", kContext)->ambiguous);
  EXPECT_FALSE(parse_time("04/04/2025", kContext)->ambiguous);
}

TEST(Time, YearsAreInferredToTheNearest) {
  const auto at = [](std::string_view text, std::string_view now) {
    TimeContext context{whole(now), 0, false};
    const auto parsed = parse_rfc3164_time(text, context);
    return parsed ? parsed->us : -1;
  };
  EXPECT_EQ(at("Dec 31 23:59:59", "2026-01-01T00:00:05Z"), whole("2025-12-31T23:59:59Z"));
  EXPECT_EQ(at("Jan  1 00:00:05", "2025-12-31T23:59:59Z"), whole("2026-01-01T00:00:05Z"));
  EXPECT_EQ(at("Feb 29 12:00:00", "2026-03-01T00:00:00Z"), whole("2024-02-29T12:00:00Z"));
  EXPECT_EQ(at("Feb 30 12:00:00", "2026-03-01T00:00:00Z"), -1);
  EXPECT_EQ(at("Oct 11 2019 22:14:15", "2026-03-01T00:00:00Z"), whole("2019-10-11T22:14:15Z"));
}

TEST(Time, ZoneOfStampsWithoutOne) {
  TimeContext berlin = kContext;
  berlin.zone_minutes = 60;
  EXPECT_EQ(whole("2015-05-17 10:05:03", berlin), whole("2015-05-17T09:05:03Z"));
  EXPECT_EQ(whole("2015-05-17T10:05:03Z", berlin), whole("2015-05-17T10:05:03Z"));
}

TEST(Time, StopsWhereTheStampEnds) {
  const std::string line = "2015-05-17 10:05:03,123 ERROR boom";
  EXPECT_EQ(parse_time(line, kContext)->length, 23U);
  EXPECT_EQ(parse_time("2015-05-17T10:05:03Zulu", kContext)->length, 19U);
  // Small numbers are counters or uptimes, never dates.
  EXPECT_EQ(whole("99999999"), -1);
  EXPECT_FALSE(epoch_to_us(std::int64_t{12}));
  EXPECT_FALSE(epoch_to_us(-1e9));
}

}  // namespace
}  // namespace logforest
