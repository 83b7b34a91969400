// What detection collects in one pass, counted by hand, and the features of records.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "logforest/base/error.hpp"
#include "logforest/detect/auth_words.hpp"
#include "logforest/detect/signals.hpp"
#include "logforest/features/extractor.hpp"
#include "logforest/normalize/fingerprint.hpp"
#include "logforest/parse/reader.hpp"

namespace logforest {
namespace {

constexpr std::int64_t kMinute = 60'000'000;
constexpr std::int64_t kStart = 1'767'571'200'000'000;  // 2026-01-05T00:00:00Z

struct Line {
  int second;
  std::string service, level, message;
  int status;
  double ms;
};

LogBatch parse(const std::vector<Line>& lines, std::int64_t id = 1) {
  std::string text;
  for (const Line& line : lines) {
    char stamp[40];
    std::snprintf(stamp, sizeof stamp, "2026-01-05T00:%02d:%02dZ", line.second / 60,
                  line.second % 60);
    text += "{\"timestamp\":\"" + std::string(stamp) + "\",\"service\":\"" + line.service +
            "\",\"level\":\"" + line.level + "\",\"message\":\"" + line.message +
            "\",\"status\":" + std::to_string(line.status) +
            ",\"duration_ms\":" + std::to_string(line.ms) + "}\n";
  }
  parse::ParseOptions options;
  options.format = "json";
  LogBatch batch = parse::parse_buffer(text, options);
  EXPECT_EQ(batch.counts.records, static_cast<std::int64_t>(lines.size()));
  for (const auto& chunk : batch.chunks) {
    chunk->id = {};
    chunk->template_id = {};
    for (std::size_t row = 0; row < chunk->rows; ++row) {
      chunk->id.set(row, id++);
      chunk->template_id.set(row, fingerprint(chunk->message[row]));
    }
    chunk->finish();
  }
  return batch;
}

std::vector<Line> traffic() {
  std::vector<Line> lines;
  for (int i = 0; i < 60; ++i) {
    const bool failed = i % 10 == 9;
    lines.push_back(
        {i * 2, i % 3 == 0 ? "web" : "api", failed ? "ERROR" : "INFO",
         failed ? "cannot reach shard " + std::to_string(i) : "served page " + std::to_string(i),
         failed ? 503 : (i % 5 == 0 ? 404 : 200), 10.0 + i % 4});
  }
  return lines;
}

TEST(Signals, CountsByWindowServiceTemplateAndStatus) {
  detect::Signals signals(kMinute, 8, 64);
  signals.add(parse(traffic()).chunks);
  EXPECT_EQ(signals.records(), 60);
  EXPECT_EQ(signals.services().size(), 2u);
  const detect::Closed closed = signals.take(kStart / kMinute + 2);
  ASSERT_EQ(closed.services.size(), 4u);  // two minutes, two services
  std::int64_t count = 0;
  std::int64_t errors = 0;
  std::int64_t client_errors = 0;
  for (const auto& cell : closed.services) {
    count += cell.count;
    errors += cell.errors;
    client_errors += cell.client_errors;
    EXPECT_EQ(cell.timed, cell.count);
    EXPECT_EQ(std::accumulate(cell.latency.begin(), cell.latency.end(), std::int64_t{0}),
              cell.count);
    EXPECT_LE(cell.first_id, cell.last_id);
    EXPECT_TRUE(cell.window == kStart / kMinute || cell.window == kStart / kMinute + 1);
  }
  EXPECT_EQ(count, 60);
  EXPECT_EQ(errors, 6);
  EXPECT_EQ(client_errors, 12);           // 0, 5, 10, ...; 9, 19, ... are none of them
  EXPECT_EQ(signals.slots().size(), 4u);  // two templates in each of two services
  std::int64_t by_template = 0;
  for (const auto& cell : closed.templates) by_template += cell.count;
  EXPECT_EQ(by_template, 60);
  std::int64_t bad = 0;
  for (const auto& cell : closed.statuses) bad += cell.facet == 503 ? cell.count : 0;
  EXPECT_EQ(bad, 6);
  EXPECT_TRUE(signals.take(kStart / kMinute + 2).services.empty()) << "taken once";
}

TEST(Signals, BatchesAddUpAndLateRecordsAreCounted) {
  const std::vector<Line> lines = traffic();
  detect::Signals whole(kMinute, 8, 64);
  whole.add(parse(lines).chunks);
  detect::Signals parts(kMinute, 8, 64);
  for (std::size_t at = 0; at < lines.size(); at += 7) {
    const auto from = lines.begin() + static_cast<std::ptrdiff_t>(at);
    const auto to = lines.begin() + static_cast<std::ptrdiff_t>(std::min(at + 7, lines.size()));
    parts.add(parse({from, to}, static_cast<std::int64_t>(at) + 1).chunks);
  }
  EXPECT_EQ(whole.save(), parts.save());
  (void)whole.take(kStart / kMinute + 2);
  whole.add(parse({lines[0]}).chunks);
  EXPECT_EQ(whole.late(), 1);
}

TEST(Signals, BoundsHold) {
  std::vector<Line> lines;
  for (int i = 0; i < 200; ++i) {
    std::string word;
    for (int n = i; n > 0 || word.empty(); n /= 26) {
      word.push_back(static_cast<char>('a' + n % 26));
    }
    lines.push_back({i % 60, "service-" + word, "INFO", "word " + word + " said", 200, 1.0});
  }
  detect::Signals signals(kMinute, 5, 9);
  signals.add(parse(lines).chunks);
  EXPECT_LE(signals.services().size(), 5u);
  EXPECT_LE(signals.slots().size(), 9u + signals.services().size());
  std::int64_t count = 0;
  for (const auto& cell : signals.take(kStart / kMinute + 1).services) count += cell.count;
  EXPECT_EQ(count, 200);
}

TEST(Signals, StateSurvivesSavingAndDamageIsRefused) {
  detect::Signals signals(kMinute, 8, 64);
  signals.add(parse(traffic()).chunks);
  const std::string saved = signals.save();
  EXPECT_EQ(detect::Signals::load(saved).save(), saved);
  for (std::size_t n = 0; n < saved.size(); n += 3) {
    EXPECT_THROW((void)detect::Signals::load(saved.substr(0, n)), ModelError) << n;
    std::string broken = saved;
    broken[n] = static_cast<char>(broken[n] ^ 1);
    EXPECT_THROW((void)detect::Signals::load(broken), ModelError) << n;
  }
}

TEST(AuthWords, FailedLoginsByTheirWords) {
  EXPECT_TRUE(detect::says_failed_login("Failed password for root from 10.0.0.1"));
  EXPECT_TRUE(detect::says_failed_login("LOGIN FAILED"));
  EXPECT_FALSE(detect::says_failed_login("Accepted password for root"));
  EXPECT_EQ(detect::word_after("for alice, port 1", "for "), "alice");
  EXPECT_EQ(detect::word_after("nobody", "for "), "");
}

std::vector<float> rows_of(features::FeatureExtractor& extractor, const LogBatch& logs,
                           int threads) {
  std::vector<float> out(static_cast<std::size_t>(logs.counts.records) * extractor.width());
  extractor.transform(logs.chunks, out.data(), threads, true);
  return out;
}

bool same(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && !(std::isnan(a[i]) && std::isnan(b[i]))) return false;
  }
  return true;
}

TEST(Features, EqualForAnyThreadsAndBatches) {
  const std::vector<Line> lines = traffic();
  const LogBatch logs = parse(lines);
  features::FeatureExtractor extractor({});
  extractor.fit(logs.chunks);
  ASSERT_EQ(extractor.names().size(), extractor.width());
  const std::string fitted = extractor.save();
  const std::vector<float> want = rows_of(extractor, logs, 1);
  features::FeatureExtractor threaded = features::FeatureExtractor::load(fitted);
  EXPECT_TRUE(same(want, rows_of(threaded, logs, 4)));
  features::FeatureExtractor cut = features::FeatureExtractor::load(fitted);
  std::vector<float> joined;
  for (std::size_t at = 0; at < lines.size(); at += 11) {
    const auto from = lines.begin() + static_cast<std::ptrdiff_t>(at);
    const auto to = lines.begin() + static_cast<std::ptrdiff_t>(std::min(at + 11, lines.size()));
    const std::vector<float> part = rows_of(cut, parse({from, to}), 2);
    joined.insert(joined.end(), part.begin(), part.end());
  }
  EXPECT_TRUE(same(want, joined));
}

TEST(Features, ColumnsHoldWhatTheyAreCalled) {
  const LogBatch logs = parse(traffic());
  features::FeatureExtractor extractor({});
  extractor.fit(logs.chunks);
  const std::vector<float> rows = rows_of(extractor, logs, 1);
  const auto column = [&](std::string_view name) {
    const auto at = std::find(extractor.names().begin(), extractor.names().end(), name);
    EXPECT_NE(at, extractor.names().end()) << name;
    return static_cast<std::size_t>(at - extractor.names().begin());
  };
  const std::size_t width = extractor.width();
  EXPECT_FLOAT_EQ(rows[column("response_time")], 10.0F);
  EXPECT_FLOAT_EQ(rows[9 * width + column("status_code")], 503.0F);
  EXPECT_FLOAT_EQ(rows[column("message_length")], 13.0F);
  for (const float value : rows) EXPECT_FALSE(std::isinf(value));
}

TEST(CountMin, NeverCountsTooFewAndMerges) {
  features::CountMin a;
  features::CountMin b;
  for (std::int64_t key = 0; key < 5000; ++key) {
    for (std::int64_t n = 0; n <= key % 3; ++n) (key % 2 == 0 ? a : b).add(key * 7919);
  }
  a.merge(b);
  std::uint64_t over = 0;
  for (std::int64_t key = 0; key < 5000; ++key) {
    const auto want = static_cast<std::uint64_t>(key % 3 + 1);
    ASSERT_GE(a.count(key * 7919), want);
    over += a.count(key * 7919) - want;
  }
  EXPECT_EQ(a.total(), 9999u);
  EXPECT_LT(over, 100u);
}

TEST(Rolling, MomentsForgetAndMergeAsIfSeenTogether) {
  const double inverse = 1.0 / (900.0 * 1e6);
  features::ServiceState one;
  features::ServiceState two;
  features::ServiceState both;
  for (int i = 0; i < 40; ++i) {
    const std::int64_t at = kStart + i * 30'000'000LL;
    features::ServiceState& part = i < 20 ? one : two;
    part.response_ms.add(i, part.advance(at, inverse));
    both.response_ms.add(i, both.advance(at, inverse));
  }
  one.merge(two, inverse);
  EXPECT_NEAR(one.response_ms.mean(), both.response_ms.mean(), 1e-9);
  EXPECT_NEAR(one.response_ms.deviation(), both.response_ms.deviation(), 1e-9);
  EXPECT_GT(both.response_ms.mean(), 19.5) << "late values weigh more";
  EXPECT_TRUE(std::isnan(features::Moments{}.mean()));
}

}  // namespace
}  // namespace logforest
