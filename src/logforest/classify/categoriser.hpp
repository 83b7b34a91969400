// Fills the category of parsed records: a pure function of the message's template, so every
// template is classified once and remembered.
//
// The memory is a direct-mapped table of 64-bit words, template_id and category in one, read and
// written without locks: bounded, and a lost or overwritten entry only costs the work again.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "logforest/classify/classifier.hpp"
#include "logforest/record/level.hpp"
#include "logforest/record/record_batch.hpp"

namespace logforest::classify {

class Categoriser {
 public:
  // ModelError unless the model's classes are among kCategoryNames.
  explicit Categoriser(std::shared_ptr<const Classifier> model);

  // Sets `category` of every row; template_id must be filled. Any number of threads.
  void operator()(RecordBatch& batch) const;
  // Of a template's text (normalize/fingerprint.hpp).
  [[nodiscard]] Category classify(std::string_view template_text, VectorizerScratch& scratch) const;

 private:
  static constexpr std::size_t kSlots = std::size_t{1} << 16;

  std::shared_ptr<const Classifier> model_;
  std::vector<Category> of_class_;
  // (template_id << 3) | (category + 1); 0 is empty.
  mutable std::array<std::atomic<std::uint64_t>, kSlots> slots_{};
};

// The categoriser of this process: its model file is read when the first batch needs it.
void set_default_model(std::string path);
// nullptr before a path is set. ModelError, IoError if the file cannot be used.
[[nodiscard]] std::shared_ptr<const Categoriser> default_categoriser();

}  // namespace logforest::classify
