#include "logforest/classify/categoriser.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "logforest/pipeline/enrich.hpp"

namespace logforest::classify {
namespace {

std::shared_ptr<const Classifier> small_model() {
  ClassifierOptions options;
  options.default_label = "General";
  auto model = std::make_shared<Classifier>(options);
  const std::vector<std::string_view> messages = {"login denied", "slow query", "order paid",
                                                  "start"};
  const std::vector<std::string_view> labels = {"Security", "Performance", "Business", "General"};
  model->fit(messages, labels);
  return model;
}

RecordBatch batch_of(std::initializer_list<std::string_view> messages) {
  RecordBatch batch;
  for (const auto m : messages) batch.message.set(batch.rows++, m);
  batch.finish();
  return batch;
}

std::vector<Category> categories(const RecordBatch& batch) {
  std::vector<Category> out;
  for (std::size_t i = 0; i < batch.rows; ++i) {
    EXPECT_TRUE(batch.category.is_valid(i));
    out.push_back(static_cast<Category>(batch.category[i]));
  }
  return out;
}

TEST(Categoriser, FillsEveryRowFromTheTemplate) {
  const Categoriser categoriser(small_model());
  EnrichOptions options;
  options.categorise = [&](RecordBatch& b) { categoriser(b); };
  RecordBatch batch = batch_of(
      {"login denied 17", "order 5 paid", "slow query 9 ms", "xyz", "", "login denied 18"});
  enrich(batch, options);
  const std::vector<Category> expected = {Category::Security,    Category::Business,
                                          Category::Performance, Category::General,
                                          Category::General,     Category::Security};
  EXPECT_EQ(categories(batch), expected);
  enrich(batch, options);  // now from memory
  EXPECT_EQ(categories(batch), expected);
}

TEST(Categoriser, RefusesOtherClasses) {
  Classifier model{ClassifierOptions{}};
  const std::vector<std::string_view> messages = {"disk full", "order paid"};
  const std::vector<std::string_view> labels = {"ops", "Business"};
  model.fit(messages, labels);
  EXPECT_THROW(Categoriser{std::make_shared<const Classifier>(model)}, ModelError);
  EXPECT_THROW(Categoriser{nullptr}, ModelError);
}

TEST(Categoriser, ThreadsAgree) {
  const Categoriser categoriser(small_model());
  EnrichOptions options;
  options.categorise = [&](RecordBatch& b) { categoriser(b); };
  std::vector<RecordBatch> batches(4);
  {
    std::vector<std::jthread> threads;
    for (auto& batch : batches) {
      threads.emplace_back([&] {
        // Many templates, more than one a slot, so threads overwrite each other.
        for (std::size_t i = 0; i < 70'000; ++i) {
          std::string text(i % 2 == 0 ? "order zz" : "login zz");
          for (std::size_t k = i; k > 0; k /= 26) text.push_back(static_cast<char>('a' + k % 26));
          batch.message.set(batch.rows++, text);
        }
        batch.finish();
        enrich(batch, options);
      });
    }
  }
  for (const auto& batch : batches) {
    for (std::size_t i = 0; i < batch.rows; ++i) {
      ASSERT_EQ(static_cast<Category>(batch.category[i]),
                i % 2 == 0 ? Category::Business : Category::Security);
    }
  }
}

TEST(Categoriser, DefaultModelThatIsMissingIsAnError) {
  set_default_model("/nonexistent/model.lfm");
  EXPECT_THROW((void)default_categoriser(), IoError);
  set_default_model("");
  EXPECT_EQ(default_categoriser(), nullptr);
}

}  // namespace
}  // namespace logforest::classify
