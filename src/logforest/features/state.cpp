// The file form of a feature extractor: magic, little-endian fields in fixed order, checksum.
#include "logforest/base/container.hpp"
#include "logforest/features/extractor.hpp"

namespace logforest::features {

namespace {
constexpr std::string_view kKind = "feature extractor";
constexpr std::uint32_t kVersion = 1;
constexpr std::uint64_t kMostStrings = 1 << 20;

void write(ByteWriter& out, const Moments& m) {
  out.put(m.weight);
  out.put(m.sum);
  out.put(m.squares);
}

Moments moments(ByteReader& in) {
  Moments m;
  m.weight = in.get_finite();
  m.sum = in.get_finite();
  m.squares = in.get_finite();
  return m;
}
}  // namespace

std::string FeatureExtractor::save() const {
  ByteWriter out;
  for (const bool flag : {options_.numeric, options_.level, options_.service, options_.temporal,
                          options_.rolling, options_.deviation, options_.rarity, fitted_}) {
    out.put(static_cast<std::uint8_t>(flag));
  }
  out.put(static_cast<std::uint64_t>(options_.max_services));
  out.put(static_cast<std::uint64_t>(options_.tfidf));
  out.put(options_.tau_seconds);
  out.put(static_cast<std::uint64_t>(services_.size()));
  for (const std::string& name : services_) out.put_text(name);
  out.put(static_cast<std::uint64_t>(words_.size()));
  for (std::size_t i = 0; i < words_.size(); ++i) {
    out.put_text(words_[i]);
    out.put(idf_[i]);
  }
  out.put(static_cast<std::uint64_t>(state_.services.size()));
  for (const auto& [name, state] : state_.services) {
    out.put_text(name);
    out.put(state.last_us);
    write(out, state.response_ms);
    write(out, state.log_response);
    write(out, state.error);
  }
  out.put(state_.templates.total());
  for (const std::uint64_t cell : state_.templates.raw()) out.put(cell);
  return seal(kKind, kVersion, out.bytes());
}

FeatureExtractor FeatureExtractor::load(std::string_view bytes) {
  ByteReader in(open_sealed(bytes, kKind, kVersion).payload);
  FeatureOptions options;
  for (bool* flag : {&options.numeric, &options.level, &options.service, &options.temporal,
                     &options.rolling, &options.deviation, &options.rarity}) {
    *flag = in.get_flag();
  }
  const bool fitted = in.get_flag();
  options.max_services = in.get_at_most(kMostStrings);
  options.tfidf = in.get_at_most(kMostStrings);
  options.tau_seconds = in.get_finite();
  FeatureExtractor extractor(options);
  const std::size_t services = in.get_count(4);
  for (std::size_t i = 0; i < services; ++i) extractor.services_.emplace_back(in.get_text());
  const std::size_t words = in.get_count(12);
  for (std::size_t i = 0; i < words; ++i) {
    extractor.words_.emplace_back(in.get_text());
    extractor.idf_.push_back(in.get_finite());
  }
  const std::size_t states = in.get_count(84);
  for (std::size_t i = 0; i < states; ++i) {
    ServiceState& state = extractor.state_.services[std::string(in.get_text())];
    state.last_us = in.get<std::int64_t>();
    state.response_ms = moments(in);
    state.log_response = moments(in);
    state.error = moments(in);
  }
  const auto total = in.get<std::uint64_t>();
  std::vector<std::uint64_t> cells(CountMin::kRows * CountMin::kColumns);
  for (std::uint64_t& cell : cells) cell = in.get<std::uint64_t>();
  extractor.state_.templates.assign(std::move(cells), total);
  in.expect_end();
  if (fitted) extractor.name_columns();
  extractor.fitted_ = fitted;
  return extractor;
}

}  // namespace logforest::features
