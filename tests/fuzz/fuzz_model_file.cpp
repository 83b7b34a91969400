// Model files and saved states: whatever the bytes, the reader takes them or throws ModelError (or
// ConfigError), and what it takes can be used. The first byte picks the kind and whether the rest
// is sealed first, so that the checksum does not keep the fuzzer out.
#include "fuzz.hpp"
#include "logforest/base/container.hpp"
#include "logforest/base/error.hpp"
#include "logforest/classify/classifier.hpp"
#include "logforest/detect/signals.hpp"
#include "logforest/features/extractor.hpp"
#include "logforest/forest/serialize.hpp"
#include "logforest/templates/miner.hpp"

using namespace logforest;

namespace {

std::string file_of(std::string_view kind, bool sealed, std::string_view body) {
  return sealed ? seal(kind, 1, body) : std::string(body);
}

void miner(const std::string& bytes) {
  const auto miner = templates::Miner::load(bytes);
  const std::string saved = miner->save();
  fuzz::require(templates::Miner::load(saved)->save() == saved, "the miner changes on its way");
}

void classifier(const std::string& bytes) {
  const auto model = classify::Classifier::load(bytes);
  const std::string saved = model->save();
  fuzz::require(classify::Classifier::load(saved)->save() == saved,
                "the classifier changes on its way");
  if (!model->fitted()) return;
  classify::VectorizerScratch scratch;
  const auto best = model->predict("Failed password for root from 10.0.0.1", scratch);
  fuzz::require(best >= 0 && static_cast<std::size_t>(best) < model->classes().size(),
                "a class that is none");
}

void isolation_forest(const std::string& bytes) {
  const forest::SavedForest saved = forest::load_forest(bytes);
  const std::string again =
      forest::save_forest(saved.forest, saved.meta, saved.recent_rows, saved.recent_scores);
  const forest::SavedForest same = forest::load_forest(again);
  fuzz::require(
      again == forest::save_forest(same.forest, same.meta, same.recent_rows, same.recent_scores),
      "the forest changes on its way");
}

void signals(const std::string& bytes) {
  const detect::Signals state = detect::Signals::load(bytes);
  const std::string saved = state.save();
  fuzz::require(detect::Signals::load(saved).save() == saved, "the signals change on their way");
}

void extractor(const std::string& bytes) {
  const std::string saved = features::FeatureExtractor::load(bytes).save();
  fuzz::require(features::FeatureExtractor::load(saved).save() == saved,
                "the extractor changes on its way");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view body = fuzz::view(data + 1, size - 1);
  const bool sealed = (data[0] & 8U) == 0;
  try {
    switch (data[0] & 7U) {
      case 0:
        return miner(file_of("template miner", sealed, body)), 0;
      case 1:
        return classifier(file_of("log classifier", sealed, body)), 0;
      case 2:
        return isolation_forest(file_of("isolation_forest", sealed, body)), 0;
      case 3:
        return signals(file_of("detector state", sealed, body)), 0;
      default:
        return extractor(file_of("feature extractor", sealed, body)), 0;
    }
  } catch (const ModelError&) {
  } catch (const ConfigError&) {
  }
  return 0;
}
