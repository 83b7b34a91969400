// Term frequency - inverse document frequency, equal to scikit-learn's TfidfVectorizer.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "logforest/base/container.hpp"
#include "logforest/classify/tokens.hpp"
#include "logforest/record/columns.hpp"

namespace logforest::classify {

enum class Norm : std::uint8_t { None, L1, L2 };

struct VectorizerOptions {
  int min_n = 1, max_n = 1;       // lengths of word sequences
  double min_df = 1, max_df = 1;  // share of the documents, or a count if *_count
  bool min_df_count = true, max_df_count = false;
  std::int64_t max_features = -1;  // the most frequent; -1: all
  bool sublinear_tf = false, use_idf = true, smooth_idf = true, keep_numbers = true;
  Norm norm = Norm::L2;
};

// Compressed sparse rows; indices ascend within a row.
struct SparseRows {
  std::vector<std::int64_t> indptr{0};
  std::vector<std::int32_t> indices;
  std::vector<double> data;
};

class Vectorizer;

// Working memory of one thread.
class VectorizerScratch {
 public:
  Tokens tokens;
  std::vector<std::uint32_t> counts;  // by term
  std::vector<std::int32_t> touched;
};

class Vectorizer {
 public:
  explicit Vectorizer(VectorizerOptions options);  // ConfigError

  void fit(std::span<const std::string_view> documents);
  // Adds terms at the end and counts documents; idf follows. No pruning.
  void partial_fit(std::span<const std::string_view> documents);
  [[nodiscard]] SparseRows transform(std::span<const std::string_view> documents,
                                     int threads) const;

  // Calls f(term, weight) for each term of a document, ascending if `sorted`.
  template <class F>
  void weigh(std::string_view document, VectorizerScratch& s, bool sorted, F&& f) const {
    const double scale = count(document, s, sorted);
    for (const std::int32_t term : s.touched) {
      const auto t = static_cast<std::size_t>(term);
      f(term, weight(s.counts[t], t) * scale);
      s.counts[t] = 0;
    }
  }

  [[nodiscard]] std::size_t size() const noexcept { return words_.size(); }
  [[nodiscard]] const Dictionary& words() const noexcept { return words_; }
  [[nodiscard]] const std::vector<double>& idf() const noexcept { return idf_; }
  [[nodiscard]] const VectorizerOptions& options() const noexcept { return options_; }
  [[nodiscard]] bool fitted() const noexcept { return documents_ > 0; }

  void save(ByteWriter& out) const;
  static Vectorizer load(ByteReader& in);

 private:
  // Counts terms into the scratch; returns the factor of the norm.
  double count(std::string_view document, VectorizerScratch& s, bool sorted) const;
  [[nodiscard]] double weight(std::uint32_t n, std::size_t term) const noexcept {
    const double tf = options_.sublinear_tf ? log_count(n) : static_cast<double>(n);
    return options_.use_idf ? tf * idf_[term] : tf;
  }
  static double log_count(std::uint32_t n) noexcept;
  void update_idf();

  VectorizerOptions options_;
  Dictionary words_;
  std::vector<std::int64_t> df_;
  std::vector<double> idf_;
  std::int64_t documents_ = 0;
};

}  // namespace logforest::classify
