#include "logforest/features/extractor.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>

#include "logforest/base/parallel.hpp"
#include "logforest/features/words.hpp"
#include "logforest/normalize/fingerprint.hpp"

namespace logforest::features {

namespace {
constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();
constexpr std::size_t kRowsPerTask = 8192;
constexpr std::size_t kMostCandidates = std::size_t{1} << 17;  // words looked at in one fit
constexpr std::int64_t kMinuteUs = 60'000'000;
constexpr std::int64_t kMinutesPerDay = 1440;
constexpr std::int64_t kMinutesPerWeek = 7 * kMinutesPerDay;
constexpr std::int64_t kThursday = 3;  // 1970-01-01, with Monday = 0

struct Cycle {
  float sine;
  float cosine;
};

// One entry per minute of the week: hour of day, day of week.
struct Cycles {
  std::array<Cycle, kMinutesPerDay> day;
  std::array<Cycle, kMinutesPerWeek> week;
  Cycles() {
    const auto fill = [](auto& table) {
      for (std::size_t i = 0; i < table.size(); ++i) {
        const double angle =
            2.0 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(table.size());
        table[i] = {static_cast<float>(std::sin(angle)), static_cast<float>(std::cos(angle))};
      }
    };
    fill(day);
    fill(week);
  }
};

const Cycles& cycles() {
  static const Cycles table;
  return table;
}

std::int64_t minute_of_week(std::int64_t us) noexcept {
  std::int64_t minute = us / kMinuteUs - (us % kMinuteUs < 0 ? 1 : 0);
  minute = (minute + kThursday * kMinutesPerDay) % kMinutesPerWeek;
  return minute < 0 ? minute + kMinutesPerWeek : minute;
}

bool is_error(const RecordBatch& batch, std::size_t row) noexcept {
  return batch.level[row] >= static_cast<std::uint8_t>(Level::Error) ||
         (batch.status_code.is_valid(row) && batch.status_code[row] >= 500);
}

// Batches that were not enriched have no template yet.
std::int64_t template_of(const RecordBatch& batch, std::size_t row) noexcept {
  return batch.template_id.is_valid(row) ? batch.template_id[row] : fingerprint(batch.message[row]);
}

// The values that come most often, ties by name: the same for any order of the records.
std::vector<std::string> most_common(const std::map<std::string, std::size_t, std::less<>>& counts,
                                     std::size_t limit) {
  std::vector<std::pair<std::size_t, std::string>> ranked;
  ranked.reserve(counts.size());
  for (const auto& [value, count] : counts) ranked.emplace_back(count, value);
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  if (ranked.size() > limit) ranked.resize(limit);
  std::vector<std::string> values;
  values.reserve(ranked.size());
  for (auto& [count, value] : ranked) values.push_back(std::move(value));
  std::sort(values.begin(), values.end());
  return values;
}
}  // namespace

FeatureExtractor::FeatureExtractor(FeatureOptions options) : options_(options) {
  if (!(options_.tau_seconds > 0.0)) throw ConfigError("tau_seconds must be above 0");
}

void FeatureExtractor::fit(std::span<const std::shared_ptr<RecordBatch>> chunks) {
  std::map<std::string, std::size_t, std::less<>> services;
  std::map<std::string, std::size_t, std::less<>> words;
  State state;
  std::size_t rows = 0;
  std::vector<std::string> seen;
  for (const auto& chunk : chunks) {
    rows += chunk->rows;
    std::vector<std::size_t> per_code(chunk->service.dictionary().size());
    for (std::size_t row = 0; row < chunk->rows; ++row) {
      if (chunk->service.is_valid(row)) {
        ++per_code[static_cast<std::size_t>(chunk->service.codes()[row])];
      }
      if (options_.rarity) state.templates.add(template_of(*chunk, row));
      if (options_.tfidf == 0) continue;
      seen.clear();
      for_each_word(chunk->message[row], [&](std::string_view word) { seen.emplace_back(word); });
      std::sort(seen.begin(), seen.end());
      seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
      for (const std::string& word : seen) {
        if (const auto it = words.find(word); it != words.end()) {
          ++it->second;
        } else if (words.size() < kMostCandidates) {
          words.emplace(word, 1);
        }
      }
    }
    for (std::size_t code = 0; code < per_code.size(); ++code) {
      if (per_code[code] == 0) continue;
      services[std::string(chunk->service.dictionary()[static_cast<std::int32_t>(code)])] +=
          per_code[code];
    }
  }
  services_ = most_common(services, options_.max_services);
  words_ = most_common(words, options_.tfidf);
  idf_.clear();
  word_index_.clear();
  for (const std::string& word : words_) {  // scikit-learn's smooth idf
    idf_.push_back(std::log((1.0 + static_cast<double>(rows)) /
                            (1.0 + static_cast<double>(words.find(word)->second))) +
                   1.0);
  }
  state_ = std::move(state);
  name_columns();
  fitted_ = true;
}

void FeatureExtractor::name_columns() {
  names_.clear();
  const auto add = [&](std::initializer_list<const char*> names) {
    names_.insert(names_.end(), names.begin(), names.end());
  };
  layout_.numeric = names_.size();
  if (options_.numeric) add({"response_time", "status_code", "message_length", "endpoint_length"});
  layout_.level = names_.size();
  if (options_.level) {
    for (const std::string_view name : kLevelNames) names_.push_back("level_" + std::string(name));
  }
  layout_.service = names_.size();
  if (options_.service) {
    for (const std::string& name : services_) names_.push_back("service_" + name);
    names_.emplace_back("service_other");
  }
  layout_.temporal = names_.size();
  if (options_.temporal) {
    add({"hour_sin", "hour_cos", "weekday_sin", "weekday_cos", "seconds_since_last"});
  }
  layout_.rolling = names_.size();
  if (options_.rolling) {
    add({"rolling_response_time_mean", "rolling_response_time_std", "rolling_error_mean",
         "rolling_error_std"});
  }
  layout_.deviation = names_.size();
  if (options_.deviation) add({"response_time_deviation"});
  layout_.rarity = names_.size();
  if (options_.rarity) add({"template_rarity"});
  layout_.tfidf = names_.size();
  word_index_.clear();
  for (std::size_t i = 0; i < words_.size(); ++i) {
    word_index_.emplace(hash_bytes(words_[i]), static_cast<std::uint32_t>(i));
    names_.push_back("tfidf_" + words_[i]);
  }
}

void FeatureExtractor::transform(std::span<const std::shared_ptr<RecordBatch>> chunks, float* out,
                                 int threads, bool update) {
  if (!fitted_) throw ModelError("the feature extractor is not fitted: call fit first");
  State copy;
  if (!update) copy = state_;
  State& state = update ? state_ : copy;
  for (const auto& chunk : chunks) {
    const std::size_t tasks = (chunk->rows + kRowsPerTask - 1) / kRowsPerTask;
    parallel_for(tasks, resolve_threads(threads), [&](std::size_t task, std::size_t /*worker*/) {
      fill_stateless(*chunk, task * kRowsPerTask, std::min(chunk->rows, (task + 1) * kRowsPerTask),
                     out);
    });
    fill_stateful(*chunk, state, out);
    out += chunk->rows * width();
  }
}

void FeatureExtractor::fill_stateful(const RecordBatch& batch, State& state, float* out) const {
  const Dictionary& names = batch.service.dictionary();
  // unordered_map never moves its values: pointers stay good while slots are added.
  std::vector<ServiceState*> slots(names.size() + 1);
  const double inverse_tau = 1.0 / (options_.tau_seconds * 1e6);
  for (std::size_t row = 0; row < batch.rows; ++row, out += width()) {
    const bool known = batch.service.is_valid(row);
    const std::size_t code =
        known ? static_cast<std::size_t>(batch.service.codes()[row]) : names.size();
    if (slots[code] == nullptr) slots[code] = &state.services[std::string(batch.service[row])];
    ServiceState& service = *slots[code];
    const std::int64_t us = batch.timestamp[row];
    if (options_.temporal) {
      const double age = static_cast<double>(us) - static_cast<double>(service.last_us);
      out[layout_.temporal + 4] =
          service.seen() ? static_cast<float>(std::max(0.0, age) * 1e-6) : kMissing;
    }
    const double weight = service.advance(us, inverse_tau);
    const bool timed = batch.response_time.is_valid(row) && std::isfinite(batch.response_time[row]);
    const double ms = timed ? batch.response_time[row] : 0.0;
    const double log_ms = timed ? std::log(std::max(ms, 1e-3)) : 0.0;
    if (options_.rolling) {
      float* const cell = out + layout_.rolling;
      cell[0] = static_cast<float>(service.response_ms.mean());
      cell[1] = static_cast<float>(service.response_ms.deviation());
      cell[2] = static_cast<float>(service.error.mean());
      cell[3] = static_cast<float>(service.error.deviation());
    }
    if (options_.deviation) {
      // Below 5 % of spread all records are alike; that is no measure for others.
      const double spread = service.log_response.deviation(8.0);
      const double off = (log_ms - service.log_response.mean()) / std::max(spread, 0.05);
      out[layout_.deviation] = timed && !std::isnan(spread) ? static_cast<float>(off) : kMissing;
    }
    if (timed) {
      service.response_ms.add(ms, weight);
      service.log_response.add(log_ms, weight);
    }
    service.error.add(is_error(batch, row) ? 1.0 : 0.0, weight);
    if (!options_.rarity) continue;
    const auto total = static_cast<double>(state.templates.total());
    const auto before = static_cast<double>(state.templates.add(template_of(batch, row)));
    out[layout_.rarity] = static_cast<float>(std::log2((total + 1.0) / (before + 1.0)));
  }
}

void FeatureExtractor::fill_stateless(const RecordBatch& batch, std::size_t begin, std::size_t end,
                                      float* out) const {
  const Dictionary& dictionary = batch.service.dictionary();
  std::vector<std::size_t> columns(dictionary.size(), services_.size());
  for (std::size_t code = 0; code < dictionary.size(); ++code) {
    const std::string_view name = dictionary[static_cast<std::int32_t>(code)];
    const auto it = std::lower_bound(services_.begin(), services_.end(), name);
    if (it != services_.end() && *it == name) {
      columns[code] = static_cast<std::size_t>(it - services_.begin());
    }
  }
  const Cycles& table = cycles();
  out += begin * width();
  for (std::size_t row = begin; row < end; ++row, out += width()) {
    std::fill_n(out, width(), 0.0F);
    if (options_.numeric) {
      float* const cell = out + layout_.numeric;
      const bool timed = batch.response_time.is_valid(row);
      cell[0] = timed ? static_cast<float>(batch.response_time[row]) : kMissing;
      if (!std::isfinite(cell[0])) cell[0] = kMissing;
      cell[1] =
          batch.status_code.is_valid(row) ? static_cast<float>(batch.status_code[row]) : kMissing;
      cell[2] = static_cast<float>(batch.message[row].size());
      cell[3] =
          batch.endpoint.is_valid(row) ? static_cast<float>(batch.endpoint[row].size()) : kMissing;
    }
    if (options_.level) {
      out[layout_.level + std::min<std::size_t>(batch.level[row], kLevelNames.size() - 1)] = 1.0F;
    }
    if (options_.service && batch.service.is_valid(row)) {
      out[layout_.service + columns[static_cast<std::size_t>(batch.service.codes()[row])]] = 1.0F;
    }
    if (options_.temporal) {
      float* const cell = out + layout_.temporal;
      const auto minute = static_cast<std::size_t>(minute_of_week(batch.timestamp[row]));
      const Cycle day = table.day[minute % kMinutesPerDay];
      const Cycle week = table.week[minute];
      cell[0] = day.sine;
      cell[1] = day.cosine;
      cell[2] = week.sine;
      cell[3] = week.cosine;
    }
    if (!words_.empty()) fill_tfidf(batch.message[row], out + layout_.tfidf);
  }
}

// Term frequency times idf, rows of length one (as scikit-learn's TfidfVectorizer).
void FeatureExtractor::fill_tfidf(std::string_view text, float* out) const {
  bool any = false;
  for_each_word(text, [&](std::string_view word) {
    const auto it = word_index_.find(hash_bytes(word));
    if (it == word_index_.end() || words_[it->second] != word) return;
    out[it->second] += static_cast<float>(idf_[it->second]);
    any = true;
  });
  if (!any) return;
  double norm = 0.0;
  for (std::size_t i = 0; i < words_.size(); ++i) norm += double{out[i]} * double{out[i]};
  const auto factor = static_cast<float>(1.0 / std::sqrt(norm));
  for (std::size_t i = 0; i < words_.size(); ++i) out[i] *= factor;
}

void FeatureExtractor::merge(const FeatureExtractor& other) {
  if (names_ != other.names_) {
    throw ModelError("cannot merge feature extractors with different columns");
  }
  const double inverse_tau = 1.0 / (options_.tau_seconds * 1e6);
  for (const auto& [name, state] : other.state_.services) {
    state_.services[name].merge(state, inverse_tau);
  }
  state_.templates.merge(other.state_.templates);
}

}  // namespace logforest::features
