// Saving and loading of a classifier.
#include <cmath>

#include "logforest/classify/classifier.hpp"

namespace logforest::classify {

namespace {
constexpr std::string_view kKind = "log classifier";
constexpr std::uint32_t kVersion = 1;

void malformed() { throw ModelError("the classifier's data are malformed"); }
}  // namespace

std::string Classifier::save() const {
  ByteWriter out;
  out.put(static_cast<std::uint8_t>(options_.method));
  out.put(options_.alpha);
  out.put(static_cast<std::uint8_t>(options_.fit_prior ? 1 : 0));
  out.put(static_cast<std::uint8_t>(options_.calibrate ? 1 : 0));
  out.put_text(options_.default_label);
  out.put(temperature_);
  vectorizer_.save(out);
  out.put(static_cast<std::uint64_t>(classes_.size()));
  for (const auto& name : classes_) out.put_text(name);
  out.put_array(counts_.messages.data(), counts_.messages.size());
  out.put_array(counts_.features.data(), counts_.features.size());
  return seal(kKind, kVersion, out.bytes());
}

std::shared_ptr<const Classifier> Classifier::load(std::string_view bytes) {
  ByteReader in(open_sealed(bytes, kKind, kVersion).payload);
  ClassifierOptions options;
  const auto method = in.get<std::uint8_t>();
  if (method > 1) malformed();
  options.method = static_cast<Method>(method);
  options.alpha = in.get<double>();
  options.fit_prior = in.get<std::uint8_t>() != 0;
  options.calibrate = in.get<std::uint8_t>() != 0;
  options.default_label = in.get_text();
  const auto temperature = in.get<double>();
  if (!(temperature > 0.0) || !std::isfinite(temperature)) malformed();
  Vectorizer vectorizer = Vectorizer::load(in);
  options.vectorizer = vectorizer.options();
  try {
    auto model = std::make_shared<Classifier>(std::move(options));
    model->vectorizer_ = std::move(vectorizer);
    model->temperature_ = temperature;
    for (std::size_t n = in.get_count(4); n > 0; --n) model->classes_.emplace_back(in.get_text());
    for (std::size_t c = 1; c < model->classes_.size(); ++c) {
      if (model->classes_[c] <= model->classes_[c - 1]) malformed();
    }
    in.get_array(model->counts_.messages);
    in.get_array(model->counts_.features);
    const std::size_t k = model->classes_.size();
    if (k == 0 || model->counts_.messages.size() != k || !in.done() ||
        model->counts_.features.size() != k * model->vectorizer_.size()) {
      malformed();
    }
    for (const double v : model->counts_.features) {
      if (!(v >= 0.0) || !std::isfinite(v)) malformed();
    }
    for (const double v : model->counts_.messages) {
      if (!(v >= 0.0) || !std::isfinite(v)) malformed();
    }
    model->finish();
    return model;
  } catch (const ConfigError& e) {
    throw ModelError(e.what());
  }
}

}  // namespace logforest::classify
