// Memory for large buffers that live as long as a batch: blocks out of regions that ask for huge
// pages, given back to the pool and used again while they are still mapped. First use of fresh
// 4 KiB pages costs more than parsing what is stored in them.
#pragma once

#include <cstddef>

namespace logforest::page_pool {

// Below this a buffer belongs on the heap.
inline constexpr std::size_t kSmallest = std::size_t{1} << 15;

struct Block {
  void* data = nullptr;
  std::size_t size = 0;  // at least what was asked for
};

// Uninitialised memory, 64-byte aligned at least. Throws std::bad_alloc. Any thread.
[[nodiscard]] Block take(std::size_t bytes);
// `size` as it was granted. Any thread.
void give(void* data, std::size_t size) noexcept;

// kZeros zero bytes that can only be read; all of them are one page of memory.
inline constexpr std::size_t kZeros = std::size_t{16} << 20;
[[nodiscard]] void* zeros();

}  // namespace logforest::page_pool
