#include "logforest/classify/vectorizer.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "logforest/base/parallel.hpp"

namespace logforest::classify {

namespace {

constexpr std::size_t kTask = 4096;  // documents a task

// f(term text) for every word sequence of the lengths asked for.
template <class F>
void each_gram(const Tokens& tokens, int min_n, int max_n, F&& f) {
  for (int n = min_n; n <= max_n; ++n) {
    const auto length = static_cast<std::size_t>(n);
    for (std::size_t i = 0; i + length <= tokens.size(); ++i) f(tokens.gram(i, length));
  }
}

}  // namespace

Vectorizer::Vectorizer(VectorizerOptions options) : options_(options) {
  if (options_.min_n < 1 || options_.max_n < options_.min_n || options_.max_n > 8) {
    throw ConfigError("ngram_range must be 1 <= min <= max <= 8");
  }
  if (options_.max_features == 0 || options_.max_features < -1) {
    throw ConfigError("max_features must be positive");
  }
}

double Vectorizer::log_count(std::uint32_t n) noexcept {
  return std::log(static_cast<double>(n)) + 1.0;
}

void Vectorizer::fit(std::span<const std::string_view> documents) {
  Dictionary all;
  std::vector<std::int64_t> df;
  std::vector<std::int64_t> total;
  std::vector<std::size_t> last;
  Tokens tokens;
  for (std::size_t d = 0; d < documents.size(); ++d) {
    tokens.cut(documents[d], options_.keep_numbers);
    each_gram(tokens, options_.min_n, options_.max_n, [&](std::string_view gram) {
      const auto term = static_cast<std::size_t>(all.intern(gram));
      if (term == df.size()) {
        df.push_back(0);
        total.push_back(0);
        last.push_back(0);
      }
      ++total[term];
      if (last[term] != d + 1) {
        last[term] = d + 1;
        ++df[term];
      }
    });
  }
  const auto n = static_cast<double>(documents.size());
  const double low = options_.min_df_count ? options_.min_df : options_.min_df * n;
  const double high = options_.max_df_count ? options_.max_df : options_.max_df * n;
  std::vector<std::int32_t> kept;
  for (std::size_t t = 0; t < df.size(); ++t) {
    const auto f = static_cast<double>(df[t]);
    if (f >= low && f <= high) kept.push_back(static_cast<std::int32_t>(t));
  }
  std::sort(kept.begin(), kept.end(),
            [&](std::int32_t a, std::int32_t b) { return all[a] < all[b]; });
  const auto limit = static_cast<std::size_t>(options_.max_features);
  if (options_.max_features > 0 && kept.size() > limit) {
    // scikit-learn keeps the terms with the highest total count.
    std::stable_sort(kept.begin(), kept.end(), [&](std::int32_t a, std::int32_t b) {
      return total[static_cast<std::size_t>(a)] > total[static_cast<std::size_t>(b)];
    });
    kept.resize(limit);
    std::sort(kept.begin(), kept.end(),
              [&](std::int32_t a, std::int32_t b) { return all[a] < all[b]; });
  }
  if (kept.empty())
    throw ConfigError(
        "no terms remain: the messages hold no words, or min_df and max_df exclude all");
  words_.clear();
  df_.clear();
  for (const std::int32_t t : kept) {
    (void)words_.intern(all[t]);
    df_.push_back(df[static_cast<std::size_t>(t)]);
  }
  documents_ = static_cast<std::int64_t>(documents.size());
  update_idf();
}

void Vectorizer::partial_fit(std::span<const std::string_view> documents) {
  std::vector<std::size_t> last(df_.size(), 0);
  Tokens tokens;
  for (std::size_t d = 0; d < documents.size(); ++d) {
    tokens.cut(documents[d], options_.keep_numbers);
    each_gram(tokens, options_.min_n, options_.max_n, [&](std::string_view gram) {
      const bool full = options_.max_features > 0 &&
                        words_.size() >= static_cast<std::size_t>(options_.max_features);
      const std::int32_t found = full ? words_.find(gram) : words_.intern(gram);
      if (found < 0) return;
      const auto term = static_cast<std::size_t>(found);
      if (term == df_.size()) {
        df_.push_back(0);
        last.push_back(0);
      }
      if (last[term] != d + 1) {
        last[term] = d + 1;
        ++df_[term];
      }
    });
  }
  documents_ += static_cast<std::int64_t>(documents.size());
  update_idf();
}

void Vectorizer::update_idf() {
  idf_.resize(df_.size());
  const double extra = options_.smooth_idf ? 1.0 : 0.0;
  for (std::size_t t = 0; t < df_.size(); ++t) {
    idf_[t] = std::log((static_cast<double>(documents_) + extra) /
                       (static_cast<double>(df_[t]) + extra)) +
              1.0;
  }
}

double Vectorizer::count(std::string_view document, VectorizerScratch& s, bool sorted) const {
  s.touched.clear();
  if (s.counts.size() < words_.size()) s.counts.resize(words_.size());
  s.tokens.cut(document, options_.keep_numbers);
  each_gram(s.tokens, options_.min_n, options_.max_n, [&](std::string_view gram) {
    const std::int32_t term = words_.find(gram);
    if (term < 0) return;
    if (s.counts[static_cast<std::size_t>(term)]++ == 0) s.touched.push_back(term);
  });
  if (sorted) std::sort(s.touched.begin(), s.touched.end());
  if (options_.norm == Norm::None) return 1.0;
  double sum = 0.0;
  for (const std::int32_t term : s.touched) {
    const auto t = static_cast<std::size_t>(term);
    const double w = weight(s.counts[t], t);
    sum += options_.norm == Norm::L2 ? w * w : std::fabs(w);
  }
  if (sum == 0.0) return 1.0;
  return 1.0 / (options_.norm == Norm::L2 ? std::sqrt(sum) : sum);
}

SparseRows Vectorizer::transform(std::span<const std::string_view> documents, int threads) const {
  if (!fitted()) throw ModelError("the vectorizer is not fitted: call fit first");
  const std::size_t tasks = (documents.size() + kTask - 1) / kTask;
  std::vector<SparseRows> parts(tasks);
  const std::size_t workers = resolve_threads(threads);
  std::vector<VectorizerScratch> scratch(std::max<std::size_t>(1, std::min(workers, tasks)));
  parallel_for(tasks, workers, [&](std::size_t task, std::size_t worker) {
    SparseRows& part = parts[task];
    const std::size_t end = std::min(documents.size(), (task + 1) * kTask);
    for (std::size_t d = task * kTask; d < end; ++d) {
      weigh(documents[d], scratch[worker], true, [&](std::int32_t term, double w) {
        part.indices.push_back(term);
        part.data.push_back(w);
      });
      part.indptr.push_back(static_cast<std::int64_t>(part.indices.size()));
    }
  });
  SparseRows out;
  for (const SparseRows& part : parts) {
    const auto base = static_cast<std::int64_t>(out.indices.size());
    for (std::size_t i = 1; i < part.indptr.size(); ++i)
      out.indptr.push_back(base + part.indptr[i]);
    out.indices.insert(out.indices.end(), part.indices.begin(), part.indices.end());
    out.data.insert(out.data.end(), part.data.begin(), part.data.end());
  }
  return out;
}

void Vectorizer::save(ByteWriter& out) const {
  out.put(static_cast<std::int32_t>(options_.min_n));
  out.put(static_cast<std::int32_t>(options_.max_n));
  out.put(options_.min_df);
  out.put(options_.max_df);
  out.put(options_.max_features);
  for (const bool flag : {options_.min_df_count, options_.max_df_count, options_.sublinear_tf,
                          options_.use_idf, options_.smooth_idf, options_.keep_numbers}) {
    out.put(static_cast<std::uint8_t>(flag ? 1 : 0));
  }
  out.put(static_cast<std::uint8_t>(options_.norm));
  out.put(documents_);
  out.put(static_cast<std::uint64_t>(words_.size()));
  for (std::size_t t = 0; t < words_.size(); ++t) {
    out.put_text(words_[static_cast<std::int32_t>(t)]);
    out.put(static_cast<std::uint32_t>(df_[t]));
  }
}

Vectorizer Vectorizer::load(ByteReader& in) {
  VectorizerOptions o;
  o.min_n = in.get<std::int32_t>();
  o.max_n = in.get<std::int32_t>();
  o.min_df = in.get<double>();
  o.max_df = in.get<double>();
  o.max_features = in.get<std::int64_t>();
  const auto flag = [&in] { return in.get<std::uint8_t>() != 0; };
  o.min_df_count = flag();
  o.max_df_count = flag();
  o.sublinear_tf = flag();
  o.use_idf = flag();
  o.smooth_idf = flag();
  o.keep_numbers = flag();
  const auto norm = in.get<std::uint8_t>();
  if (norm > 2) throw ModelError("the vectorizer's data are malformed");
  o.norm = static_cast<Norm>(norm);
  const auto make = [&o] {
    try {
      return Vectorizer(o);
    } catch (const ConfigError& e) {
      throw ModelError(e.what());
    }
  };
  Vectorizer v = make();
  v.documents_ = in.get<std::int64_t>();
  const std::size_t n = in.get_count(8);
  for (std::size_t t = 0; t < n; ++t) {
    if (static_cast<std::size_t>(v.words_.intern(in.get_text())) != t) {
      throw ModelError("the vectorizer's data are malformed: a term twice");
    }
    v.df_.push_back(in.get<std::uint32_t>());
  }
  if (v.documents_ < 0 || (n > 0 && v.documents_ == 0)) {
    throw ModelError("the vectorizer's data are malformed");
  }
  v.update_idf();
  return v;
}

}  // namespace logforest::classify
