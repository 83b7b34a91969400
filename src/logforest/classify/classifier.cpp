#include "logforest/classify/classifier.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "logforest/base/parallel.hpp"
#include "logforest/classify/temperature.hpp"

namespace logforest::classify {

namespace {
constexpr std::size_t kTask = 2048;  // messages a task
constexpr std::size_t kMaxClasses = 1000;
constexpr std::size_t kCalibrationRows = 50'000;
constexpr std::size_t kFolds = 3;
}  // namespace

Classifier::Classifier(ClassifierOptions options)
    : options_(std::move(options)), vectorizer_(options_.vectorizer) {
  if (!(options_.alpha > 0.0) || !std::isfinite(options_.alpha)) {
    throw ConfigError("alpha must be positive");
  }
}

void Classifier::add_classes(std::span<const std::string_view> labels) {
  std::vector<std::string> all = classes_;
  for (const auto label : labels) {
    if (all.empty() || all.back() != label) all.emplace_back(label);
    if (all.size() > 4 * kMaxClasses) {
      std::sort(all.begin(), all.end());
      all.erase(std::unique(all.begin(), all.end()), all.end());
      if (all.size() > kMaxClasses) break;
    }
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  if (all.size() > kMaxClasses) throw ConfigError("more than 1000 classes: are these labels?");
  const std::size_t old = classes_.size();
  const std::size_t now = all.size();
  const std::size_t terms = old == 0 ? 0 : counts_.features.size() / old;
  Counts moved{std::vector<double>(terms * now), std::vector<double>(now)};
  for (std::size_t c = 0; c < old; ++c) {
    const auto to = static_cast<std::size_t>(std::lower_bound(all.begin(), all.end(), classes_[c]) -
                                             all.begin());
    moved.messages[to] = counts_.messages[c];
    for (std::size_t t = 0; t < terms; ++t) {
      moved.features[t * now + to] = counts_.features[t * old + c];
    }
  }
  classes_ = std::move(all);
  counts_ = std::move(moved);
}

std::vector<std::int32_t> Classifier::encode(std::span<const std::string_view> labels) {
  std::vector<std::int32_t> codes;
  codes.reserve(labels.size());
  for (const auto label : labels) {
    const auto at = std::lower_bound(classes_.begin(), classes_.end(), label);
    codes.push_back(static_cast<std::int32_t>(at - classes_.begin()));
  }
  return codes;
}

void Classifier::count(const SparseRows& rows, std::span<const std::int32_t> codes,
                       Counts& into) const {
  const std::size_t k = classes_.size();
  into.features.resize(vectorizer_.size() * k);
  into.messages.resize(k);
  for (std::size_t d = 0; d < codes.size(); ++d) {
    const auto c = static_cast<std::size_t>(codes[d]);
    ++into.messages[c];
    for (auto i = rows.indptr[d]; i < rows.indptr[d + 1]; ++i) {
      const auto at = static_cast<std::size_t>(i);
      into.features[static_cast<std::size_t>(rows.indices[at]) * k + c] += rows.data[at];
    }
  }
}

Classifier::Weights Classifier::weights_of(const Counts& counts) const {
  const std::size_t k = classes_.size();
  const std::size_t terms = vectorizer_.size();
  Weights w{std::vector<double>(terms * k), std::vector<double>(k, 0.0)};
  const bool complement = options_.method == Method::Complement;
  std::vector<double> sums(k, 0.0);
  for (std::size_t t = 0; t < terms; ++t) {
    const double* row = counts.features.data() + t * k;
    double all = 0.0;
    for (std::size_t c = 0; c < k; ++c) all += row[c];
    for (std::size_t c = 0; c < k; ++c) {
      const double v = (complement ? all - row[c] : row[c]) + options_.alpha;
      w.table[t * k + c] = v;
      sums[c] += v;
    }
  }
  for (std::size_t c = 0; c < k; ++c) sums[c] = std::log(sums[c]);
  for (std::size_t t = 0; t < terms; ++t) {
    for (std::size_t c = 0; c < k; ++c) {
      const double log_share = std::log(w.table[t * k + c]) - sums[c];
      w.table[t * k + c] = complement ? -log_share : log_share;
    }
  }
  double messages = 0.0;
  for (const double n : counts.messages) messages += n;
  for (std::size_t c = 0; c < k; ++c) {
    // scikit-learn: complement NB uses the prior only when there is a single class.
    if (complement ? k == 1 : options_.fit_prior) {
      w.prior[c] = std::log(counts.messages[c]) - std::log(messages);
    } else if (!complement) {
      w.prior[c] = -std::log(static_cast<double>(k));
    }
  }
  return w;
}

void Classifier::finish() {
  weights_ = weights_of(counts_);
  default_class_ = -1;
  if (!options_.default_label.empty()) {
    const auto at = std::lower_bound(classes_.begin(), classes_.end(), options_.default_label);
    if (at == classes_.end() || *at != options_.default_label) {
      throw ConfigError("default_label '" + options_.default_label + "' is not among the labels");
    }
    default_class_ = static_cast<std::int32_t>(at - classes_.begin());
  }
}

void Classifier::fit(std::span<const std::string_view> messages,
                     std::span<const std::string_view> labels) {
  if (messages.size() != labels.size()) throw ConfigError("messages and labels differ in length");
  Classifier fresh(options_);
  fresh.vectorizer_.fit(messages);
  fresh.add_classes(labels);
  const auto codes = fresh.encode(labels);
  const SparseRows rows = fresh.vectorizer_.transform(messages, 1);
  fresh.count(rows, codes, fresh.counts_);
  fresh.finish();
  fresh.calibrate(rows, codes);
  *this = std::move(fresh);
}

void Classifier::partial_fit(std::span<const std::string_view> messages,
                             std::span<const std::string_view> labels) {
  if (!fitted()) {
    fit(messages, labels);
    return;
  }
  if (messages.size() != labels.size()) throw ConfigError("messages and labels differ in length");
  Classifier next(*this);
  next.vectorizer_.partial_fit(messages);
  next.add_classes(labels);
  const auto codes = next.encode(labels);
  const SparseRows rows = next.vectorizer_.transform(messages, 1);
  next.count(rows, codes, next.counts_);
  next.finish();
  *this = std::move(next);
}

// One temperature from held-in data: each third is scored by the counts of the other two.
void Classifier::calibrate(const SparseRows& rows, std::span<const std::int32_t> codes) {
  temperature_ = 1.0;
  const std::size_t k = classes_.size();
  if (!options_.calibrate || k < 2 || codes.size() < 2 * kFolds * k) return;
  std::vector<double> scores;
  std::vector<std::int32_t> truth;
  std::vector<double> row(k);
  for (std::size_t fold = 0; fold < kFolds; ++fold) {
    Counts rest = counts_;
    for (std::size_t d = fold; d < codes.size(); d += kFolds) {
      const auto c = static_cast<std::size_t>(codes[d]);
      --rest.messages[c];
      for (auto i = rows.indptr[d]; i < rows.indptr[d + 1]; ++i) {
        const auto at = static_cast<std::size_t>(i);
        double& cell = rest.features[static_cast<std::size_t>(rows.indices[at]) * k + c];
        cell = std::max(0.0, cell - rows.data[at]);
      }
    }
    if (*std::min_element(rest.messages.begin(), rest.messages.end()) < 1.0) return;
    const Weights w = weights_of(rest);
    const std::size_t stride = kFolds * (1 + codes.size() / kCalibrationRows);
    for (std::size_t d = fold; d < codes.size(); d += stride) {
      row = w.prior;
      for (auto i = rows.indptr[d]; i < rows.indptr[d + 1]; ++i) {
        const auto at = static_cast<std::size_t>(i);
        const double* table = w.table.data() + static_cast<std::size_t>(rows.indices[at]) * k;
        for (std::size_t c = 0; c < k; ++c) row[c] += rows.data[at] * table[c];
      }
      scores.insert(scores.end(), row.begin(), row.end());
      truth.push_back(codes[d]);
    }
  }
  temperature_ = fit_temperature(scores, truth, k);
}

bool Classifier::score(std::string_view message, VectorizerScratch& scratch, double* scores) const {
  const std::size_t k = classes_.size();
  bool known = false;
  std::copy(weights_.prior.begin(), weights_.prior.end(), scores);
  vectorizer_.weigh(message, scratch, false, [&](std::int32_t term, double weight) {
    const double* table = weights_.table.data() + static_cast<std::size_t>(term) * k;
    for (std::size_t c = 0; c < k; ++c) scores[c] += weight * table[c];
    known = true;
  });
  return known;
}

std::int32_t Classifier::best(const double* scores, bool known) const noexcept {
  if (!known && default_class_ >= 0) return default_class_;
  return static_cast<std::int32_t>(std::max_element(scores, scores + classes_.size()) - scores);
}

std::int32_t Classifier::predict(std::string_view message, VectorizerScratch& scratch) const {
  if (!fitted()) throw ModelError("the classifier is not fitted: call fit first");
  double few[16];
  std::vector<double> many;
  double* scores = few;
  if (classes_.size() > std::size(few)) {
    many.resize(classes_.size());
    scores = many.data();
  }
  const bool known = score(message, scratch, scores);
  return best(scores, known);
}

void Classifier::predict(std::span<const std::string_view> messages, std::int32_t* out,
                         int threads) const {
  if (!fitted()) throw ModelError("the classifier is not fitted: call fit first");
  const std::size_t tasks = (messages.size() + kTask - 1) / kTask;
  if (tasks <= 1) {  // few messages: no memory is set up for them
    static thread_local VectorizerScratch kept;
    for (std::size_t i = 0; i < messages.size(); ++i) out[i] = predict(messages[i], kept);
    return;
  }
  const std::size_t workers = std::min(resolve_threads(threads), tasks);
  std::vector<VectorizerScratch> scratch(workers);
  parallel_for(tasks, workers, [&](std::size_t task, std::size_t worker) {
    const std::size_t end = std::min(messages.size(), (task + 1) * kTask);
    for (std::size_t i = task * kTask; i < end; ++i) out[i] = predict(messages[i], scratch[worker]);
  });
}

void Classifier::predict_proba(std::span<const std::string_view> messages, double* out,
                               int threads) const {
  if (!fitted()) throw ModelError("the classifier is not fitted: call fit first");
  const std::size_t k = classes_.size();
  const std::size_t tasks = (messages.size() + kTask - 1) / kTask;
  const std::size_t workers = std::max<std::size_t>(1, std::min(resolve_threads(threads), tasks));
  std::vector<VectorizerScratch> scratch(workers);
  parallel_for(tasks, workers, [&](std::size_t task, std::size_t worker) {
    const std::size_t end = std::min(messages.size(), (task + 1) * kTask);
    for (std::size_t i = task * kTask; i < end; ++i) {
      double* row = out + i * k;
      const bool known = score(messages[i], scratch[worker], row);
      softmax({row, k}, temperature_);
      if (known || default_class_ < 0) continue;
      // No known word: the default label leads, and nothing more is claimed than that.
      const double other = 1.0 / static_cast<double>(k + 1);
      for (std::size_t c = 0; c < k; ++c) {
        row[c] = static_cast<std::int32_t>(c) == default_class_ ? 2 * other : other;
      }
    }
  });
}

}  // namespace logforest::classify
