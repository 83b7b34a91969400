#include "logforest/record/columns.hpp"

#include <algorithm>
#include <random>

namespace logforest {

void Validity::catch_up(std::size_t size) {
  if (known_ >= size) return;
  bits_.resize((size + 7) / 8, 0xff);
  if ((known_ & 7) != 0) {  // the byte that was begun
    std::uint8_t& byte = bits_[known_ >> 3];
    byte = static_cast<std::uint8_t>(byte | (0xffU << (known_ & 7)));
  }
  if ((size & 7) != 0) {
    bits_.back() = static_cast<std::uint8_t>(bits_.back() & ((1U << (size & 7)) - 1));
  }
  known_ = size;
}

void Validity::pad(std::size_t size, std::size_t rows) {
  catch_up(size);
  bits_.resize((rows + 7) / 8, 0);
  known_ = rows;
  nulls_ += static_cast<std::int64_t>(rows - size);
}

void Validity::truncate(std::size_t size, std::size_t rows) {
  if (nulls_ == 0) return;
  size = std::min(size, known_);
  if (size <= rows) return;
  for (std::size_t row = rows; row < size; ++row) {
    if (((bits_[row >> 3] >> (row & 7)) & 1U) == 0) --nulls_;
  }
  bits_.resize((rows + 7) / 8);
  known_ = rows;
  if ((rows & 7) != 0) {
    bits_.back() = static_cast<std::uint8_t>(bits_.back() & ((1U << (rows & 7)) - 1));
  }
  if (nulls_ == 0) clear();
}

void Validity::assign(const std::uint8_t* bits, std::size_t offset, std::size_t rows) {
  clear();
  if (bits == nullptr) return;
  bits_.assign((rows + 7) / 8, 0);
  for (std::size_t row = 0; row < rows; ++row) {
    const std::size_t at = offset + row;
    if (((bits[at >> 3] >> (at & 7)) & 1U) != 0) {
      bits_[row >> 3] = static_cast<std::uint8_t>(bits_[row >> 3] | (1U << (row & 7)));
    } else {
      ++nulls_;
    }
  }
  known_ = rows;
  if (nulls_ == 0) clear();
}

namespace {
// Log text chooses the keys: an attacker must not be able to choose their slots.
std::uint64_t process_seed() noexcept {
  static const std::uint64_t seed = [] {
    std::random_device entropy;
    return (std::uint64_t{entropy()} << 32) ^ entropy();
  }();
  return seed;
}
}  // namespace

std::int32_t Dictionary::find(std::string_view value) const noexcept {
  if (slots_.empty()) return -1;
  const std::uint64_t hash = hash_bytes(value, process_seed());
  const auto tag = static_cast<std::uint32_t>(hash >> 32);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t i = static_cast<std::size_t>(hash) & mask;; i = (i + 1) & mask) {
    const Slot& slot = slots_[i];
    if (slot.code < 0) return -1;
    if (slot.tag == tag && (*this)[slot.code] == value) return slot.code;
  }
}

std::int32_t Dictionary::intern(std::string_view value) {
  if ((values_.size() + 1) * 2 > slots_.size()) grow();
  const std::uint64_t hash = hash_bytes(value, process_seed());
  const auto tag = static_cast<std::uint32_t>(hash >> 32);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t i = static_cast<std::size_t>(hash) & mask;; i = (i + 1) & mask) {
    Slot& slot = slots_[i];
    if (slot.code < 0) {
      slot = {tag, static_cast<std::int32_t>(values_.size())};
      values_.set(values_.size(), value);
      return slot.code;
    }
    if (slot.tag == tag && (*this)[slot.code] == value) return slot.code;
  }
}

void Dictionary::grow() {
  std::vector<Slot> slots(slots_.empty() ? 64 : slots_.size() * 2);
  const std::size_t mask = slots.size() - 1;
  for (std::size_t code = 0; code < values_.size(); ++code) {
    const std::uint64_t hash = hash_bytes(values_[code], process_seed());
    std::size_t i = static_cast<std::size_t>(hash) & mask;
    while (slots[i].code >= 0) i = (i + 1) & mask;
    slots[i] = {static_cast<std::uint32_t>(hash >> 32), static_cast<std::int32_t>(code)};
  }
  slots_ = std::move(slots);
}

void Dictionary::clear() noexcept {
  slots_.clear();
  values_.clear();
}

}  // namespace logforest
