// The file form of a feature extractor: magic, little-endian fields in fixed order, checksum.
#include <bit>
#include <cmath>
#include <cstring>

#include "logforest/base/error.hpp"
#include "logforest/base/hash.hpp"
#include "logforest/features/extractor.hpp"

namespace logforest::features {

namespace {
constexpr std::string_view kMagic = "LFFX0001";
constexpr std::uint64_t kMostStrings = 1 << 20;

static_assert(std::endian::native == std::endian::little, "files are little-endian");

class Writer {
 public:
  template <class T>
  void number(T value) {
    char raw[sizeof(T)];
    std::memcpy(raw, &value, sizeof(T));
    bytes.append(raw, sizeof(T));
  }
  void text(std::string_view value) {
    number(static_cast<std::uint64_t>(value.size()));
    bytes.append(value);
  }
  void moments(const Moments& m) {
    number(m.weight);
    number(m.sum);
    number(m.squares);
  }
  std::string bytes{kMagic};
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  template <class T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }
  bool flag() {
    const auto value = number<std::uint8_t>();
    if (value > 1) throw ModelError("feature extractor file: a flag is neither 0 nor 1");
    return value == 1;
  }
  double finite() {
    const auto value = number<double>();
    if (!std::isfinite(value)) throw ModelError("feature extractor file: a number is not finite");
    return value;
  }
  std::size_t count(std::uint64_t most) {
    const auto value = number<std::uint64_t>();
    if (value > most) throw ModelError("feature extractor file: a count is too large");
    return static_cast<std::size_t>(value);
  }
  std::string_view text() { return take(count(rest_.size())); }
  Moments moments() { return {finite(), finite(), finite()}; }
  [[nodiscard]] bool done() const noexcept { return rest_.empty(); }

 private:
  std::string_view take(std::size_t n) {
    if (n > rest_.size()) throw ModelError("feature extractor file: it ends too early");
    const std::string_view part = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return part;
  }
  std::string_view rest_;
};
}  // namespace

std::string FeatureExtractor::save() const {
  Writer out;
  for (const bool flag : {options_.numeric, options_.level, options_.service, options_.temporal,
                          options_.rolling, options_.rarity, fitted_}) {
    out.number(static_cast<std::uint8_t>(flag));
  }
  out.number(static_cast<std::uint64_t>(options_.max_services));
  out.number(static_cast<std::uint64_t>(options_.tfidf));
  out.number(options_.tau_seconds);
  out.number(static_cast<std::uint64_t>(services_.size()));
  for (const std::string& name : services_) out.text(name);
  out.number(static_cast<std::uint64_t>(words_.size()));
  for (std::size_t i = 0; i < words_.size(); ++i) {
    out.text(words_[i]);
    out.number(idf_[i]);
  }
  out.number(static_cast<std::uint64_t>(state_.services.size()));
  for (const auto& [name, state] : state_.services) {
    out.text(name);
    out.number(state.last_us);
    out.moments(state.response_ms);
    out.moments(state.log_response);
    out.moments(state.error);
  }
  out.number(state_.templates.total());
  for (const std::uint64_t cell : state_.templates.raw()) out.number(cell);
  out.number(hash_bytes(out.bytes));
  return out.bytes;
}

FeatureExtractor FeatureExtractor::load(std::string_view bytes) {
  constexpr std::size_t kTail = sizeof(std::uint64_t);
  if (bytes.size() < kMagic.size() + kTail || bytes.substr(0, kMagic.size()) != kMagic) {
    throw ModelError("not a feature extractor file (or of another version)");
  }
  const std::string_view body = bytes.substr(0, bytes.size() - kTail);
  if (load_le64(bytes.data() + body.size()) != hash_bytes(body)) {
    throw ModelError("feature extractor file: the checksum does not match");
  }
  Reader in(body.substr(kMagic.size()));
  FeatureOptions options;
  for (bool* flag : {&options.numeric, &options.level, &options.service, &options.temporal,
                     &options.rolling, &options.rarity}) {
    *flag = in.flag();
  }
  const bool fitted = in.flag();
  options.max_services = in.count(kMostStrings);
  options.tfidf = in.count(kMostStrings);
  options.tau_seconds = in.finite();
  FeatureExtractor extractor(options);
  const std::size_t services = in.count(kMostStrings);
  for (std::size_t i = 0; i < services; ++i) extractor.services_.emplace_back(in.text());
  const std::size_t words = in.count(kMostStrings);
  for (std::size_t i = 0; i < words; ++i) {
    extractor.words_.emplace_back(in.text());
    extractor.idf_.push_back(in.finite());
  }
  const std::size_t states = in.count(kMostStrings);
  for (std::size_t i = 0; i < states; ++i) {
    ServiceState& state = extractor.state_.services[std::string(in.text())];
    state.last_us = in.number<std::int64_t>();
    state.response_ms = in.moments();
    state.log_response = in.moments();
    state.error = in.moments();
  }
  const auto total = in.number<std::uint64_t>();
  std::vector<std::uint64_t> cells(CountMin::kRows * CountMin::kColumns);
  for (std::uint64_t& cell : cells) cell = in.number<std::uint64_t>();
  extractor.state_.templates.assign(std::move(cells), total);
  if (!in.done()) throw ModelError("feature extractor file: there is more than expected");
  if (fitted) extractor.name_columns();
  extractor.fitted_ = fitted;
  return extractor;
}

}  // namespace logforest::features
