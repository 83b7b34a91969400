// How far a record is off from records of its own kind, in response time and length of message.
//
// A kind is a template of a service; where fewer than kLeast of a kind are known, it is compared
// with all records of its service. Compared are logarithms, against mean and standard deviation of
// what was there before the last turn(). Sums are integers, so the order of records between two
// turns and their cut into batches change nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "logforest/detect/flat_map.hpp"
#include "logforest/record/record_batch.hpp"

namespace logforest::detect {

class Kinds {
 public:
  static constexpr std::size_t kQuantities = 2;
  static constexpr std::int64_t kLeast = 50;
  using Chunks = std::span<const std::shared_ptr<RecordBatch>>;

  explicit Kinds(std::size_t most_kinds);

  // Fills out[end - begin][kQuantities] for these rows of the chunks: standard deviations above
  // (below: negative) what is usual; NaN where there is no value or nothing to compare with.
  void deviations(Chunks chunks, std::size_t begin, std::size_t end, float* out) const;
  // Takes these rows in; they count from the next turn() on.
  void add(Chunks chunks, std::size_t begin, std::size_t end);
  // What was taken in becomes what is usual; all that was known before counts half.
  void turn();

  [[nodiscard]] std::size_t size() const noexcept { return kinds_.size(); }
  [[nodiscard]] std::string save() const;
  static Kinds load(std::string_view bytes);  // throws ModelError

 private:
  struct Sums {
    std::int64_t count = 0;
    std::int64_t sum = 0;
    std::int64_t squares = 0;
  };
  struct Usual {
    double mean = 0.0;
    double deviation = 0.0;  // 0: not known
  };
  struct Kind {
    std::uint64_t key = 0;
    std::array<Sums, kQuantities> known;
    std::array<Sums, kQuantities> fresh;
    std::array<Usual, kQuantities> usual;
  };
  [[nodiscard]] const Kind* find(std::uint64_t key) const noexcept;
  Kind* intern(std::uint64_t key);
  void settle();

  std::size_t most_;
  std::vector<Kind> kinds_;
  FlatMap index_;
};

}  // namespace logforest::detect
