// Threads by chunk: run tasks 0..n-1 on up to `threads` threads; the first exception is rethrown
// on the calling thread after all workers have stopped. Results must not depend on `threads`.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace logforest {

// 0 or a negative number means: one thread per core.
[[nodiscard]] inline std::size_t resolve_threads(int threads) noexcept {
  if (threads > 0) return static_cast<std::size_t>(threads);
  const unsigned cores = std::thread::hardware_concurrency();
  return cores == 0 ? 1 : cores;
}

// f(task, worker): `worker` is in [0, threads) and may index per-thread scratch space.
template <class F>
void parallel_for(std::size_t tasks, std::size_t threads, F&& f) {
  threads = std::max<std::size_t>(1, std::min(threads, tasks));
  if (threads == 1) {
    for (std::size_t i = 0; i < tasks; ++i) f(i, std::size_t{0});
    return;
  }
  std::atomic<std::size_t> next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr error;
  std::mutex error_mutex;
  auto work = [&](std::size_t worker) {
    try {
      for (std::size_t i = next.fetch_add(1); i < tasks && !failed.load(std::memory_order_relaxed);
           i = next.fetch_add(1)) {
        f(i, worker);
      }
    } catch (...) {
      const std::lock_guard lock(error_mutex);
      if (!error) error = std::current_exception();
      failed = true;
    }
  };
  {
    std::vector<std::jthread> pool;
    pool.reserve(threads - 1);
    for (std::size_t t = 1; t < threads; ++t) pool.emplace_back(work, t);
    work(0);
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace logforest
