// A growing byte buffer for hot loops: no initialisation, room is asked for once and then written
// without checks.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

namespace logforest {

class ByteBuffer {
 public:
  ByteBuffer() = default;
  ByteBuffer(const ByteBuffer&) = delete;
  ByteBuffer& operator=(const ByteBuffer&) = delete;
  ByteBuffer(ByteBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  ByteBuffer& operator=(ByteBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~ByteBuffer() { std::free(data_); }

  // Makes room for `n` more bytes and returns where they go.
  char* room(std::size_t n) {
    if (capacity_ - size_ < n) grow(n);
    return data_ + size_;
  }
  // Counts bytes that were written into room().
  void advance(std::size_t n) noexcept { size_ += n; }
  void push(char c) {
    *room(1) = c;
    ++size_;
  }
  void append(std::string_view s) {
    if (s.empty()) return;
    std::memcpy(room(s.size()), s.data(), s.size());
    size_ += s.size();
  }
  void insert(std::size_t at, char c) {
    room(1);
    std::memmove(data_ + at + 1, data_ + at, size_++ - at);
    data_[at] = c;
  }
  void resize(std::size_t n) {  // shrinks, or grows without initialising
    if (n > size_) room(n - size_);
    size_ = n;
  }
  void clear() noexcept { size_ = 0; }
  // Frees memory that one large value made grow.
  void shrink_above(std::size_t limit) noexcept {
    if (capacity_ <= limit) return;
    std::free(std::exchange(data_, nullptr));
    size_ = capacity_ = 0;
  }
  [[nodiscard]] char* data() noexcept { return data_; }
  [[nodiscard]] const char* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] char back() const noexcept { return data_[size_ - 1]; }
  void set_back(char c) noexcept { data_[size_ - 1] = c; }
  [[nodiscard]] std::string_view view() const noexcept { return {data_, size_}; }

 private:
  void grow(std::size_t n) {
    std::size_t wanted = capacity_ < 64 ? 64 : capacity_ * 2;
    if (wanted - size_ < n) wanted = size_ + n;
    auto* bigger = static_cast<char*>(std::realloc(data_, wanted));
    if (bigger == nullptr) throw std::bad_alloc();
    data_ = bigger;
    capacity_ = wanted;
  }

  char* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace logforest
