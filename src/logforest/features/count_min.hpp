// Count-min sketch (Cormode and Muthukrishnan, 2005): how often a template was seen, in bounded
// memory, mergeable by addition. It never counts too low; with 4 x 16,384 cells it counts more than
// total/6,000 too high with probability below 2 %.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "logforest/base/hash.hpp"

namespace logforest::features {

class CountMin {
 public:
  static constexpr std::size_t kRows = 4;
  static constexpr std::size_t kColumns = std::size_t{1} << 14;

  // Counts one more and returns how often the key was there before.
  std::uint64_t add(std::int64_t key) noexcept {
    std::uint64_t least = ~std::uint64_t{0};
    for (const std::size_t cell : cells(key)) least = std::min(least, cells_[cell]++);
    ++total_;
    return least;
  }
  [[nodiscard]] std::uint64_t count(std::int64_t key) const noexcept {
    std::uint64_t least = ~std::uint64_t{0};
    for (const std::size_t cell : cells(key)) least = std::min(least, cells_[cell]);
    return least;
  }
  [[nodiscard]] std::uint64_t total() const noexcept { return total_; }
  void merge(const CountMin& other) noexcept {
    for (std::size_t i = 0; i < cells_.size(); ++i) cells_[i] += other.cells_[i];
    total_ += other.total_;
  }
  [[nodiscard]] const std::vector<std::uint64_t>& raw() const noexcept { return cells_; }
  void assign(std::vector<std::uint64_t> cells, std::uint64_t total) {
    cells_ = std::move(cells);
    total_ = total;
  }

 private:
  [[nodiscard]] static std::array<std::size_t, kRows> cells(std::int64_t key) noexcept {
    const std::uint64_t h = mix64(static_cast<std::uint64_t>(key) + 0x9e3779b97f4a7c15ULL);
    const std::uint64_t g = mix64(h + 0x9e3779b97f4a7c15ULL);
    return {static_cast<std::size_t>(h % kColumns), kColumns + (h >> 20) % kColumns,
            2 * kColumns + g % kColumns, 3 * kColumns + (g >> 20) % kColumns};
  }
  std::vector<std::uint64_t> cells_ = std::vector<std::uint64_t>(kRows * kColumns);
  std::uint64_t total_ = 0;
};

}  // namespace logforest::features
