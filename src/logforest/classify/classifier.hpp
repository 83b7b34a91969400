// Text classifier: TF-IDF and naive Bayes, multinomial or complement (Rennie et al., ICML 2003),
// with probabilities calibrated by one temperature (Guo et al., ICML 2017). Labels and scores equal
// scikit-learn's TfidfVectorizer + MultinomialNB / ComplementNB on the same data.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "logforest/classify/vectorizer.hpp"

namespace logforest::classify {

enum class Method : std::uint8_t { Multinomial, Complement };

struct ClassifierOptions {
  Method method = Method::Complement;
  double alpha = 1.0;
  bool fit_prior = true;  // multinomial: class frequencies count
  bool calibrate = true;
  std::string default_label;  // of messages without any known word; "" leaves it to the scores
  VectorizerOptions vectorizer;
};

// Immutable while it is used: predict may run in any number of threads.
class Classifier {
 public:
  explicit Classifier(ClassifierOptions options);

  void fit(std::span<const std::string_view> messages, std::span<const std::string_view> labels);
  // Adds examples: new words and classes are taken up; idf and calibration follow.
  void partial_fit(std::span<const std::string_view> messages,
                   std::span<const std::string_view> labels);

  [[nodiscard]] std::int32_t predict(std::string_view message, VectorizerScratch& scratch) const;
  void predict(std::span<const std::string_view> messages, std::int32_t* out, int threads) const;
  // [messages, classes], row-major; rows sum to 1.
  void predict_proba(std::span<const std::string_view> messages, double* out, int threads) const;

  [[nodiscard]] const std::vector<std::string>& classes() const noexcept { return classes_; }
  [[nodiscard]] const ClassifierOptions& options() const noexcept { return options_; }
  [[nodiscard]] const Vectorizer& vectorizer() const noexcept { return vectorizer_; }
  [[nodiscard]] double temperature() const noexcept { return temperature_; }
  [[nodiscard]] bool fitted() const noexcept { return !classes_.empty(); }

  [[nodiscard]] std::string save() const;
  [[nodiscard]] static std::shared_ptr<const Classifier> load(
      std::string_view bytes);  // ModelError
  [[nodiscard]] std::shared_ptr<Classifier> copy() const {
    return std::make_shared<Classifier>(*this);
  }

 private:
  struct Weights {              // scores of a text: prior + sum of weight * table[term]
    std::vector<double> table;  // [terms, classes]
    std::vector<double> prior;  // [classes]
  };
  // Per class: sum of weights by term, and number of messages.
  struct Counts {
    std::vector<double> features;  // [terms, classes]
    std::vector<double> messages;  // [classes]
  };

  std::vector<std::int32_t> encode(std::span<const std::string_view> labels);
  void add_classes(std::span<const std::string_view> labels);
  void count(const SparseRows& rows, std::span<const std::int32_t> codes, Counts& into) const;
  [[nodiscard]] Weights weights_of(const Counts& counts) const;
  void calibrate(const SparseRows& rows, std::span<const std::int32_t> codes);
  // Scores into `scores`; false: the message holds no known word.
  bool score(std::string_view message, VectorizerScratch& scratch, double* scores) const;
  [[nodiscard]] std::int32_t best(const double* scores, bool known) const noexcept;
  void finish();

  ClassifierOptions options_;
  Vectorizer vectorizer_;
  std::vector<std::string> classes_;  // sorted
  Counts counts_;
  Weights weights_;
  double temperature_ = 1.0;
  std::int32_t default_class_ = -1;
};

}  // namespace logforest::classify
