// Open addressing from 64-bit keys to indices; keys are mixed, so callers may pass structured ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "logforest/base/hash.hpp"

namespace logforest::detect {

class FlatMap {
 public:
  static constexpr std::uint32_t kAbsent = std::numeric_limits<std::uint32_t>::max();

  // The index stored under `key`; kAbsent when there is none.
  [[nodiscard]] std::uint32_t find(std::uint64_t key) const noexcept {
    if (slots_.empty()) return kAbsent;
    for (std::size_t i = mix64(key) & mask();; i = (i + 1) & mask()) {
      if (slots_[i].index == kAbsent || slots_[i].key == key) return slots_[i].index;
    }
  }
  // `key` must not be there yet.
  void insert(std::uint64_t key, std::uint32_t index) {
    if ((size_ + 1) * 2 > slots_.size()) grow();
    place(key, index);
    ++size_;
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  void clear() noexcept {
    slots_.clear();
    size_ = 0;
  }

 private:
  struct Slot {
    std::uint64_t key = 0;
    std::uint32_t index = kAbsent;
  };
  [[nodiscard]] std::size_t mask() const noexcept { return slots_.size() - 1; }
  void place(std::uint64_t key, std::uint32_t index) noexcept {
    std::size_t i = mix64(key) & mask();
    while (slots_[i].index != kAbsent) i = (i + 1) & mask();
    slots_[i] = {key, index};
  }
  void grow() {
    std::vector<Slot> old(slots_.empty() ? 64 : slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.index != kAbsent) place(slot.key, slot.index);
    }
  }
  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

}  // namespace logforest::detect
