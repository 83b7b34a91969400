#include "logforest/classify/categoriser.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <mutex>
#include <string>

#include "logforest/base/hash.hpp"
#include "logforest/normalize/fingerprint.hpp"

namespace logforest::classify {

Categoriser::Categoriser(std::shared_ptr<const Classifier> model) : model_(std::move(model)) {
  if (!model_ || !model_->fitted()) throw ModelError("the classifier is not fitted");
  for (const auto& name : model_->classes()) {
    const auto* at = std::find(kCategoryNames.begin(), kCategoryNames.end(), name);
    if (at == kCategoryNames.end()) {
      throw ModelError("class '" + name +
                       "' is no category: use Security, Performance, Business, General");
    }
    of_class_.push_back(static_cast<Category>(at - kCategoryNames.begin()));
  }
}

Category Categoriser::classify(std::string_view template_text, VectorizerScratch& scratch) const {
  return of_class_[static_cast<std::size_t>(model_->predict(template_text, scratch))];
}

void Categoriser::operator()(RecordBatch& batch) const {
  VectorizerScratch scratch;
  std::string text;
  batch.category.clear();
  for (std::size_t row = 0; row < batch.rows; ++row) {
    const auto id = static_cast<std::uint64_t>(batch.template_id[row]);
    std::atomic<std::uint64_t>& slot = slots_[mix64(id) & (kSlots - 1)];
    const std::uint64_t held = slot.load(std::memory_order_relaxed);
    std::uint64_t category = (held & 7) - 1;
    if (held == 0 || (held >> 3) != id) {
      template_text(batch.message[row], text);
      category = static_cast<std::uint64_t>(classify(text, scratch));
      slot.store((id << 3) | (category + 1), std::memory_order_relaxed);
    }
    batch.category.set(row, static_cast<std::uint8_t>(category));
  }
}

namespace {
struct Default {
  std::mutex mutex;
  std::string path;
  std::shared_ptr<const Categoriser> categoriser;
};
Default& the_default() {
  static Default held;
  return held;
}
}  // namespace

void set_default_model(std::string path) {
  Default& d = the_default();
  const std::lock_guard lock(d.mutex);
  d.path = std::move(path);
  d.categoriser.reset();
}

std::shared_ptr<const Categoriser> default_categoriser() {
  Default& d = the_default();
  const std::lock_guard lock(d.mutex);
  if (!d.categoriser && !d.path.empty()) {
    std::ifstream file(d.path, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)),
                            std::istreambuf_iterator<char>());
    if (!file) throw IoError(IoError::Source::File, "cannot read the model " + d.path, false);
    d.categoriser = std::make_shared<const Categoriser>(Classifier::load(bytes));
  }
  return d.categoriser;
}

}  // namespace logforest::classify
