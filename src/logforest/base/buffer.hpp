// A growing array of plain values, the storage of every column: like std::vector, but large ones
// live in the page pool, growth of trivial values is a copy of bytes, room can be made without
// writing to it, and nothing but zeros costs no memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>

#include "logforest/base/page_pool.hpp"

namespace logforest {

template <class T>
class Buffer {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  Buffer() = default;
  Buffer(const Buffer& other) { assign(other.begin(), other.end()); }
  Buffer(Buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  Buffer& operator=(const Buffer& other) {
    if (this != &other) assign(other.begin(), other.end());
    return *this;
  }
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~Buffer() { release(); }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] T* data() noexcept { return data_; }
  [[nodiscard]] const T* data() const noexcept { return data_; }
  [[nodiscard]] T* begin() noexcept { return data_; }
  [[nodiscard]] T* end() noexcept { return data_ + size_; }
  [[nodiscard]] const T* begin() const noexcept { return data_; }
  [[nodiscard]] const T* end() const noexcept { return data_ + size_; }
  [[nodiscard]] T& operator[](std::size_t i) noexcept { return data_[i]; }
  [[nodiscard]] const T& operator[](std::size_t i) const noexcept { return data_[i]; }
  [[nodiscard]] T& back() noexcept { return data_[size_ - 1]; }
  [[nodiscard]] const T& back() const noexcept { return data_[size_ - 1]; }

  void reserve(std::size_t n) {
    if (n > capacity_) move_to(n);
  }
  // Makes room for `n` more values and returns where they go; advance() counts them.
  [[nodiscard]] T* room(std::size_t n) {
    if (capacity_ - size_ < n) [[unlikely]]
      move_to(std::max(size_ + n, capacity_ * 2));
    return data_ + size_;
  }
  void advance(std::size_t n) noexcept { size_ += n; }
  void push_back(T value) {
    *room(1) = value;
    ++size_;
  }
  void append(std::basic_string_view<T> values) { append(values.data(), values.size()); }
  void append(const T* values, std::size_t n) {
    if (n == 0) return;
    std::memcpy(room(n), values, n * sizeof(T));
    size_ += n;
  }
  // Shrinks, or grows by copies of `value`.
  void resize(std::size_t n, T value = T{}) {
    if (n > size_) std::fill_n(room(n - size_), n - size_, value);
    size_ = n;
  }
  void assign(std::size_t n, T value) {
    size_ = 0;
    resize(n, value);
  }
  void assign(const T* first, const T* last) {
    size_ = 0;
    append(first, static_cast<std::size_t>(last - first));
  }
  void clear() noexcept { size_ = 0; }
  // Becomes `n` zeros, which are shared by all and must not be written to; growing copies them.
  void zeros(std::size_t n) {
    if (n * sizeof(T) > page_pool::kZeros) return assign(n, T{});
    release();
    data_ = static_cast<T*>(page_pool::zeros());
    size_ = n;
    capacity_ = 0;
  }

 private:
  [[nodiscard]] static bool pooled(std::size_t values) noexcept {
    return values * sizeof(T) >= page_pool::kSmallest;
  }
  void release() noexcept {
    if (pooled(capacity_)) {
      page_pool::give(data_, capacity_ * sizeof(T));
    } else if (capacity_ != 0) {
      std::free(data_);
    }
  }
  [[gnu::noinline]] void move_to(std::size_t wanted) {
    wanted = std::max(wanted, 64 / sizeof(T));
    if (!pooled(wanted)) {
      void* moved = std::realloc(capacity_ == 0 ? nullptr : data_, wanted * sizeof(T));
      if (moved == nullptr) throw std::bad_alloc();
      if (capacity_ == 0 && size_ != 0) std::memcpy(moved, data_, size_ * sizeof(T));
      data_ = static_cast<T*>(moved);
      capacity_ = wanted;
      return;
    }
    const page_pool::Block block = page_pool::take(wanted * sizeof(T));
    if (size_ != 0) std::memcpy(block.data, data_, size_ * sizeof(T));
    release();
    data_ = static_cast<T*>(block.data);
    capacity_ = block.size / sizeof(T);
  }

  T* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;  // 0: owns nothing
};

}  // namespace logforest
