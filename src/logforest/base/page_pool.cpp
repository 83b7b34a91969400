#include "logforest/base/page_pool.hpp"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LOGFOREST_PLAIN_MEMORY 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LOGFOREST_PLAIN_MEMORY 1
#endif
#endif

namespace logforest::page_pool {

namespace {

constexpr std::size_t kHuge = std::size_t{2} << 20;
constexpr std::size_t kBlock = std::size_t{1} << 14;
constexpr std::size_t kRegion = std::size_t{32} << 20;
constexpr std::size_t kBlocks = kRegion / kBlock;
constexpr std::size_t kWords = kBlocks / 64;
constexpr std::size_t kGroupBlocks = kHuge / kBlock;  // blocks of one huge page
constexpr std::size_t kGroupWords = kGroupBlocks / 64;
constexpr std::size_t kGroups = kBlocks / kGroupBlocks;
// A huge page costs about 0.1 ms, most of it for writing zeros. Where memory is short of them or a
// virtual machine's host has to find the memory first, it is milliseconds, more than small pages
// cost: after one of those the next regions do without.
constexpr auto kSlowPage = std::chrono::microseconds(1000);
constexpr std::size_t kRegionsWithout = 8;
constexpr int kPopulateWrite = 23;  // MADV_POPULATE_WRITE of Linux 5.14, which libc may not name
// Huge pages that stay mapped though nothing in them is in use: 64 MiB for good, up to 512 MiB
// until the system wants them for something else.
constexpr std::size_t kWarmGroups = 32;
constexpr std::size_t kLentGroups = 256;

std::byte* map_aligned(std::size_t bytes) {
  void* raw =
      ::mmap(nullptr, bytes + kHuge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (raw == MAP_FAILED) throw std::bad_alloc();
  auto* begin = static_cast<std::byte*>(raw);
  const std::size_t skip = (kHuge - reinterpret_cast<std::uintptr_t>(raw) % kHuge) % kHuge;
  if (skip != 0) ::munmap(begin, skip);
  ::munmap(begin + skip + bytes, kHuge - skip);
  return begin + skip;
}

// When something began. What a host does while a page is brought in may count as nobody's processor
// time, so the clock on the wall is asked; but a thread that had to wait for its turn has not met a
// slow page.
class Stopwatch {
 public:
  Stopwatch() noexcept : switches_(switches()), begin_(std::chrono::steady_clock::now()) {}
  [[nodiscard]] bool slow() const noexcept {
    return std::chrono::steady_clock::now() - begin_ > kSlowPage && switches() == switches_;
  }

 private:
  static long switches() noexcept {
    rusage used{};
    ::getrusage(RUSAGE_THREAD, &used);
    return used.ru_nvcsw + used.ru_nivcsw;
  }
  long switches_;
  std::chrono::steady_clock::time_point begin_;
};

struct Region {
  explicit Region(bool want_huge) : base(map_aligned(kRegion)), huge(want_huge) {
    if (huge) ::madvise(base, kRegion, MADV_HUGEPAGE);  // advice: it may be refused
  }
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;
  ~Region() { ::munmap(base, kRegion); }

  [[nodiscard]] bool used(std::size_t block) const noexcept {
    return ((bits[block / 64] >> (block % 64)) & 1) != 0;
  }
  [[nodiscard]] bool group_empty(std::size_t group) const noexcept {
    static_assert(kGroupWords == 2);
    return (bits[group * 2] | bits[group * 2 + 1]) == 0;
  }
  void mark(std::size_t first, std::size_t n, bool value) noexcept {
    for (std::size_t at = first; at < first + n;) {
      const std::size_t bit = at % 64;
      const std::size_t part = std::min(64 - bit, first + n - at);
      const std::uint64_t mask = (part == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << part) - 1)
                                 << bit;
      bits[at / 64] = value ? bits[at / 64] | mask : bits[at / 64] & ~mask;
      at += part;
    }
    free = value ? free - n : free + n;
  }
  // The first of `n` free blocks in a row, or kBlocks.
  [[nodiscard]] std::size_t find(std::size_t n) const noexcept {
    if (free < n) return kBlocks;
    std::size_t run = 0;
    for (std::size_t at = 0; at < kBlocks;) {
      const std::uint64_t rest = bits[at / 64] >> (at % 64);
      const std::size_t left = 64 - at % 64;
      if ((rest & 1) != 0) {
        run = 0;
        at += std::min<std::size_t>(left, static_cast<std::size_t>(std::countr_one(rest)));
        continue;
      }
      const std::size_t zeros =
          std::min<std::size_t>(left, static_cast<std::size_t>(std::countr_zero(rest)));
      if (run + zeros >= n) return at - run;
      run += zeros;
      at += zeros;
    }
    return kBlocks;
  }

  std::byte* const base;
  std::array<std::uint64_t, kWords> bits{};     // set: in use
  std::array<std::uint64_t, kWords> present{};  // set: small pages that were brought in
  std::array<bool, kGroups> touched{};
  std::size_t free = kBlocks;
  bool huge;
};

class Pool {
 public:
  Block take(std::size_t bytes) {
    const std::size_t n = (bytes + kBlock - 1) / kBlock;
    const Place place = reserve(n);
    std::byte* const begin = place.region->base + place.first * kBlock;
    if (place.time_it) {
      // The first byte brings the whole page. Outside the lock: other threads go on.
      for (std::byte* at = begin; at < begin + n * kBlock;) {
        const Stopwatch watch;
        *static_cast<volatile std::byte*>(at) = std::byte{0};
        if (watch.slow()) {
          stop_huge();
          break;
        }
        const auto inside = static_cast<std::size_t>(at - place.region->base) % kHuge;
        at += kHuge - inside;
      }
    } else if (place.fresh) {
      // All small pages at once cost a third less than one fault each. Older systems refuse.
      ::madvise(begin, n * kBlock, kPopulateWrite);
    }
    return {begin, n * kBlock};
  }

  void give(void* data, std::size_t size) noexcept {
    auto* p = static_cast<std::byte*>(data);
    const std::lock_guard lock(mutex_);
    const auto home = std::find_if(regions_.begin(), regions_.end(), [p](const auto& r) {
      return p >= r->base && p < r->base + kRegion;
    });
    Region& region = **home;
    const std::size_t first = static_cast<std::size_t>(p - region.base) / kBlock;
    const std::size_t n = size / kBlock;
    region.mark(first, n, false);
    for (std::size_t g = first / kGroupBlocks; g <= (first + n - 1) / kGroupBlocks; ++g) {
      if (!region.touched[g] || !region.group_empty(g)) continue;
      if (warm_ < kLentGroups) {
        if (warm_++ >= kWarmGroups) ::madvise(region.base + g * kHuge, kHuge, MADV_FREE);
      } else {
        ::madvise(region.base + g * kHuge, kHuge, MADV_DONTNEED);
        region.touched[g] = false;
        for (std::size_t w = g * kGroupWords; w < (g + 1) * kGroupWords; ++w) region.present[w] = 0;
      }
    }
    if (region.free != kBlocks || regions_.size() == 1) return;
    if (std::none_of(region.touched.begin(), region.touched.end(), [](bool t) { return t; })) {
      regions_.erase(home);
    }
  }

  void lock() { mutex_.lock(); }
  void unlock() { mutex_.unlock(); }

 private:
  struct Place {
    Region* region;
    std::size_t first;
    bool time_it;  // huge pages that were not touched yet
    bool fresh;    // small pages, some of them not there yet
  };

  Place reserve(std::size_t n) {
    const std::lock_guard lock(mutex_);
    for (const auto& region : regions_) {
      const std::size_t at = region->find(n);
      if (at != kBlocks) return use(*region, at, n);
    }
    regions_.push_back(std::make_unique<Region>(without_ == 0));
    if (without_ != 0) --without_;
    return use(*regions_.back(), 0, n);
  }

  Place use(Region& region, std::size_t first, std::size_t n) noexcept {
    bool fresh = false;
    for (std::size_t g = first / kGroupBlocks; g <= (first + n - 1) / kGroupBlocks; ++g) {
      if (!region.touched[g]) {
        region.touched[g] = fresh = true;
      } else if (region.group_empty(g)) {
        --warm_;
      }
    }
    region.mark(first, n, true);
    if (region.huge) return {&region, first, fresh, false};
    bool missing = false;
    for (std::size_t block = first; block < first + n; ++block) {
      std::uint64_t& word = region.present[block / 64];
      const std::uint64_t bit = std::uint64_t{1} << (block % 64);
      missing = missing || (word & bit) == 0;
      word |= bit;
    }
    return {&region, first, false, missing};
  }

  void stop_huge() noexcept {
    const std::lock_guard lock(mutex_);
    without_ = kRegionsWithout;
    for (const auto& region : regions_) {
      if (std::exchange(region->huge, false)) ::madvise(region->base, kRegion, MADV_NOHUGEPAGE);
    }
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<Region>> regions_;
  std::size_t without_ = 0;  // regions to come that do not ask for huge pages
  std::size_t warm_ = 0;     // touched huge pages without a block in use
};

// Never destroyed: batches may outlive every other object of the process.
Pool& pool() {
  static Pool& the = *[] {
    auto* made = new Pool;
    // A child of fork() must not inherit a lock that another thread held.
    ::pthread_atfork([] { pool().lock(); }, [] { pool().unlock(); }, [] { pool().unlock(); });
    return made;
  }();
  return the;
}

}  // namespace

#ifdef LOGFOREST_PLAIN_MEMORY
Block take(std::size_t bytes) { return {::operator new(bytes), bytes}; }
void give(void* data, std::size_t /*size*/) noexcept { ::operator delete(data); }
#else
Block take(std::size_t bytes) {
  if (bytes <= kRegion / 2) return pool().take(bytes);
  const std::size_t whole = (bytes + kHuge - 1) / kHuge * kHuge;
  std::byte* const data = map_aligned(whole);
  return {data, whole};
}
void give(void* data, std::size_t size) noexcept {
  if (size <= kRegion / 2) {
    pool().give(data, size);
  } else {
    ::munmap(data, size);
  }
}
#endif

void* zeros() {
  static void* const mapped = [] {
    void* raw = ::mmap(nullptr, kZeros, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (raw == MAP_FAILED) throw std::bad_alloc();
    return raw;
  }();
  return mapped;
}

}  // namespace logforest::page_pool
