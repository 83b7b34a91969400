#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "logforest/base/error.hpp"
#include "logforest/forest/isolation_forest.hpp"
#include "logforest/forest/kernels.hpp"
#include "logforest/forest/random.hpp"
#include "logforest/forest/serialize.hpp"

namespace logforest::forest {
namespace {

constexpr std::size_t kRows = 700;
constexpr std::size_t kColumns = 5;

std::vector<double> rows(bool missing) {
  Random random(7);
  std::vector<double> x(kRows * kColumns);
  for (auto& v : x) {
    v = random.uniform();
    if (missing && random.below(10) == 0) v = std::numeric_limits<double>::quiet_NaN();
  }
  return x;
}

IsolationForest grown(const std::vector<double>& x, int threads) {
  GrowOptions options;
  options.sample_size = 128;
  options.seed = 3;
  options.threads = threads;
  return {grow_trees(Matrix<double>{x.data(), kRows, kColumns}, 0, 20, options), kColumns};
}

std::vector<double> scores(const IsolationForest& forest, const std::vector<double>& x,
                           int threads) {
  std::vector<double> out(kRows);
  forest.score(Matrix<double>{x.data(), kRows, kColumns}, out, threads);
  return out;
}

TEST(IsolationForest, KernelsAndThreadsAgree) {
  for (const bool missing : {false, true}) {
    const auto x = rows(missing);
    const auto expected = scores(grown(x, 1), x, 1);
    for (const char* name : {"baseline", "v3", "v4"}) {
      try {
        select_kernels(name);
      } catch (const ConfigError&) {
        continue;  // not on this machine
      }
      EXPECT_EQ(scores(grown(x, 3), x, 3), expected) << name;
    }
    select_kernels("auto");
  }
}

TEST(IsolationForest, ContributionsAddUp) {
  const auto x = rows(true);
  const auto forest = grown(x, 1);
  const auto s = scores(forest, x, 1);
  std::vector<double> shares(kRows * kColumns);
  forest.explain(Matrix<double>{x.data(), kRows, kColumns}, shares, 2);
  for (std::size_t r = 0; r < kRows; ++r) {
    double sum = 0.0;
    for (std::size_t f = 0; f < kColumns; ++f) sum += shares[r * kColumns + f];
    EXPECT_NEAR(sum, s[r] - forest.baseline(), 1e-12);
  }
}

TEST(IsolationForest, RenewedForestKeepsItsYoungerTrees) {
  const auto x = rows(false);
  const auto old = grown(x, 1);
  GrowOptions options;
  options.sample_size = 128;
  options.seed = 3;
  const auto added = grow_trees(Matrix<double>{x.data(), kRows, kColumns}, 20, 5, options);
  const IsolationForest renewed(old, 5, added);
  const IsolationForest afresh({renewed.trees().begin(), renewed.trees().end()}, kColumns);
  EXPECT_EQ(renewed.trees().size(), 20U);
  EXPECT_EQ(scores(renewed, x, 1), scores(afresh, x, 1));
  EXPECT_DOUBLE_EQ(renewed.baseline(), afresh.baseline());
}

TEST(IsolationForest, SavedBytesComeBackAndCutOnesDoNot) {
  const auto x = rows(true);
  const auto forest = grown(x, 1);
  const auto bytes = save_forest(forest, "{}", {}, {});
  const auto again = load_forest(bytes);
  EXPECT_EQ(scores(again.forest, x, 1), scores(forest, x, 1));
  for (std::size_t n = 0; n < bytes.size(); n += 7) {
    EXPECT_THROW((void)load_forest(std::string_view(bytes).substr(0, n)), ModelError);
  }
}

TEST(IsolationForest, RefusesInfinityAndWrongShapes) {
  auto x = rows(false);
  const auto forest = grown(x, 1);
  std::vector<double> out(kRows);
  EXPECT_THROW(forest.score(Matrix<double>{x.data(), 10, kColumns - 1}, out, 1), ModelError);
  x[17] = std::numeric_limits<double>::infinity();
  EXPECT_THROW(forest.score(Matrix<double>{x.data(), kRows, kColumns}, out, 2), ModelError);
}

}  // namespace
}  // namespace logforest::forest
