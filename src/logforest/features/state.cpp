// The file form of a feature extractor: magic, little-endian fields in fixed order, checksum.
#include "logforest/base/byte_io.hpp"
#include "logforest/features/extractor.hpp"

namespace logforest::features {

namespace {
constexpr std::string_view kMagic = "LFFX0001";
constexpr std::uint64_t kMostStrings = 1 << 20;

void write(StateWriter& out, const Moments& m) {
  out.number(m.weight);
  out.number(m.sum);
  out.number(m.squares);
}

Moments moments(StateReader& in) {
  Moments m;
  m.weight = in.finite();
  m.sum = in.finite();
  m.squares = in.finite();
  return m;
}
}  // namespace

std::string FeatureExtractor::save() const {
  StateWriter out(kMagic);
  for (const bool flag : {options_.numeric, options_.level, options_.service, options_.temporal,
                          options_.rolling, options_.deviation, options_.rarity, fitted_}) {
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
    write(out, state.response_ms);
    write(out, state.log_response);
    write(out, state.error);
  }
  out.number(state_.templates.total());
  for (const std::uint64_t cell : state_.templates.raw()) out.number(cell);
  return out.finish();
}

FeatureExtractor FeatureExtractor::load(std::string_view bytes) {
  StateReader in(bytes, kMagic, "feature extractor file");
  FeatureOptions options;
  for (bool* flag : {&options.numeric, &options.level, &options.service, &options.temporal,
                     &options.rolling, &options.deviation, &options.rarity}) {
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
    state.response_ms = moments(in);
    state.log_response = moments(in);
    state.error = moments(in);
  }
  const auto total = in.number<std::uint64_t>();
  std::vector<std::uint64_t> cells(CountMin::kRows * CountMin::kColumns);
  for (std::uint64_t& cell : cells) cell = in.number<std::uint64_t>();
  extractor.state_.templates.assign(std::move(cells), total);
  in.expect_end();
  if (fitted) extractor.name_columns();
  extractor.fitted_ = fitted;
  return extractor;
}

}  // namespace logforest::features
