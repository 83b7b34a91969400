#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "logforest/base/error.hpp"
#include "logforest/window/aggregate.hpp"

namespace logforest::window {
namespace {

TEST(Sketch, EveryBinIsWithinOnePercent) {
  for (double x = std::ldexp(1.0, -20) * 1.0001; x < std::ldexp(1.0, 43); x *= 1.0007) {
    const std::uint32_t bin = Sketch::bin_of(x);
    ASSERT_LT(bin, Sketch::kBins);
    ASSERT_NEAR(Sketch::value_of(bin) / x, 1.0, Sketch::kRelativeError) << x;
  }
}

TEST(Sketch, BinsAreMonotonousAndBounded) {
  std::uint32_t last = 0;
  for (double x = 1e-8; x < 1e15; x *= 1.00003) {
    const std::uint32_t bin = Sketch::bin_of(x);
    ASSERT_GE(bin, last);
    ASSERT_LE(bin - last, 1u) << "no bin is left out at " << x;
    last = bin;
  }
  for (int e = Sketch::kMinExponent; e < Sketch::kMaxExponent; ++e) {
    const double octave = std::ldexp(1.0, e);
    EXPECT_LE(Sketch::bin_of(std::nextafter(octave, 0)), Sketch::bin_of(octave));
  }
  EXPECT_EQ(Sketch::bin_of(0.0), 0u);
  EXPECT_EQ(Sketch::bin_of(-1.0), 0u);
  EXPECT_EQ(Sketch::bin_of(5e-324), 0u);
  EXPECT_EQ(Sketch::bin_of(1.7e308), Sketch::kBins - 1);
}

// Stored states depend on these numbers: a change is a migration.
TEST(Sketch, GoldenBins) {
  EXPECT_EQ(Sketch::bin_of(1.0), 701u);
  EXPECT_EQ(Sketch::bin_of(1.5), 721u);
  EXPECT_EQ(Sketch::bin_of(1000.0), 1049u);
  EXPECT_EQ(Sketch::bin_of(0.25), 631u);
}

TEST(Stats, StateRoundTrip) {
  std::mt19937_64 random(1);
  std::lognormal_distribution<double> times(3, 2);
  Stats s;
  for (int i = 0; i < 1000; ++i) s.add(i % 7 == 0 ? -times(random) : times(random));
  std::string bytes;
  s.serialise(bytes);
  const Stats back = Stats::parse(bytes);
  std::string again;
  back.serialise(again);
  EXPECT_EQ(bytes, again);
  EXPECT_EQ(back.mean(), s.mean());
  EXPECT_EQ(back.stddev(), s.stddev());
  EXPECT_EQ(back.quantile(0.95), s.quantile(0.95));
  for (std::size_t n = 1; n < bytes.size(); ++n)
    EXPECT_THROW((void)Stats::parse(std::string_view(bytes).substr(0, n)), ConfigError);
}

TEST(Stats, ExtremesStayFinite) {
  Stats s;
  for (int i = 0; i < 100; ++i) s.add(i % 2 == 0 ? 1.7e308 : -1.7e308);
  s.add(std::nan(""));
  s.add(INFINITY);
  EXPECT_EQ(s.count(), 100);
  EXPECT_TRUE(std::isfinite(s.stddev()));
  EXPECT_EQ(s.mean(), 0.0);
  EXPECT_EQ(s.max(), 1.7e308);
}

TEST(Aggregate, WideSpansUseNoTable) {
  RecordBatch batch;
  for (std::size_t i = 0; i < 3000; ++i) {
    batch.timestamp.set(
        i, static_cast<std::int64_t>(i % 2) * 4'000'000'000'000'000 + static_cast<std::int64_t>(i));
    batch.level.set(i, static_cast<std::uint8_t>(i % 5));
    ++batch.rows;
  }
  batch.timestamp.mutable_values()[7] = INT64_MIN;
  batch.timestamp.mutable_values()[8] = INT64_MAX;
  batch.finish();
  Aggregate a({1'000'000, 1'000'000, {Key::Level, Key::Service}});
  a.add(batch, 0, batch.rows);
  EXPECT_EQ(a.size(), 12u);
  std::int64_t total = 0;
  for (std::size_t i = 0; i < a.size(); ++i) total += a.group(i).count;
  EXPECT_EQ(total, 3000);
}

TEST(Aggregate, WeeksBeginOnMonday) {
  constexpr std::int64_t day = 86'400'000'000;
  EXPECT_EQ(window_start(0, 7 * day), -3 * day);  // Thursday 1970-01-01
  EXPECT_EQ(window_start(4 * day, 7 * day), 4 * day);
  EXPECT_EQ(window_start(-1, day), -day);
}

}  // namespace
}  // namespace logforest::window
