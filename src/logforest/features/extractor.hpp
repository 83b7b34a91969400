// Record batches -> a row-major float32 matrix for the forest; NaN where a value is missing.
//
// What depends on earlier records (time since last, rolling figures, template counts) is computed
// in row order from the carried state; everything else by row ranges in threads. So the matrix is
// the same for any split into batches and any number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "logforest/features/count_min.hpp"
#include "logforest/features/rolling.hpp"
#include "logforest/record/record_batch.hpp"

namespace logforest::features {

struct FeatureOptions {
  bool numeric = true;    // response_time, status_code, message_length, endpoint_length
  bool level = true;      // one-hot
  bool service = true;    // one-hot; services not among the fitted ones share service_other
  bool temporal = true;   // hour and weekday as sine and cosine, seconds_since_last
  bool rolling = true;    // mean and deviation per service, before the record itself
  bool deviation = true;  // how far the record's response time is off the rolling mean
  bool rarity = true;     // log2 of one over the template's share so far
  std::size_t max_services = 32;
  std::size_t tfidf = 32;    // vocabulary size; 0: none
  double tau_seconds = 900;  // memory of the rolling figures
};

class FeatureExtractor {
 public:
  explicit FeatureExtractor(FeatureOptions options);

  // Learns which services and words get a column, and template counts. Rolling state starts empty.
  void fit(std::span<const std::shared_ptr<RecordBatch>> chunks);

  [[nodiscard]] bool fitted() const noexcept { return fitted_; }
  [[nodiscard]] std::size_t width() const noexcept { return names_.size(); }
  [[nodiscard]] const std::vector<std::string>& names() const noexcept { return names_; }
  [[nodiscard]] const FeatureOptions& options() const noexcept { return options_; }

  // Fills out[rows * width()]. update: the carried state moves on behind these rows.
  void transform(std::span<const std::shared_ptr<RecordBatch>> chunks, float* out, int threads,
                 bool update);

  // State of `other` as if its records had been seen here too. Both need the same columns.
  void merge(const FeatureExtractor& other);

  [[nodiscard]] std::string save() const;
  // Throws ModelError on anything that save() did not write.
  [[nodiscard]] static FeatureExtractor load(std::string_view bytes);

 private:
  // Offsets of the groups of columns; a group that is off has none.
  struct Layout {
    std::size_t numeric = 0, level = 0, service = 0, temporal = 0, rolling = 0, deviation = 0,
                rarity = 0, tfidf = 0;
  };
  struct State {
    std::unordered_map<std::string, ServiceState> services;
    CountMin templates;
  };
  void name_columns();
  void fill_stateful(const RecordBatch& batch, State& state, float* out) const;
  void fill_stateless(const RecordBatch& batch, std::size_t begin, std::size_t end,
                      float* out) const;
  void fill_tfidf(std::string_view text, float* out) const;

  FeatureOptions options_;
  bool fitted_ = false;
  std::vector<std::string> services_;
  std::vector<std::string> words_;
  std::vector<double> idf_;
  std::unordered_map<std::uint64_t, std::uint32_t> word_index_;  // hash of the word -> column
  std::vector<std::string> names_;
  Layout layout_;
  State state_;
};

}  // namespace logforest::features
