#include "logforest/io/wait.hpp"

#include <poll.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <random>
#include <system_error>
#include <thread>

namespace logforest::io {

namespace {
std::atomic<InterruptCheck> interrupt_check{nullptr};

std::mt19937_64& jitter_source() {
  thread_local std::mt19937_64 source{std::random_device{}()};
  return source;
}
}  // namespace

void set_interrupt_check(InterruptCheck check) noexcept { interrupt_check = check; }

void check_interrupt() {
  if (const InterruptCheck check = interrupt_check; check != nullptr) check();
}

Milliseconds Deadline::slice() const {
  const auto left = std::chrono::ceil<Milliseconds>(at_ - Clock::now());
  return std::clamp(left, Milliseconds{0}, kWaitSlice);
}

short wait_fd(int fd, short events, const Deadline& deadline) {
  for (;;) {
    const Milliseconds slice = deadline.slice();
    pollfd item{fd, events, 0};
    const int ready = ::poll(&item, 1, static_cast<int>(slice.count()));
    if (ready > 0) return item.revents;
    if (ready < 0 && errno != EINTR)
      throw std::system_error(errno, std::generic_category(), "poll");
    // A signal or a full slice: the host may want to stop us.
    check_interrupt();
    if (deadline.passed()) return 0;
  }
}

void sleep_until(const Deadline& deadline) {
  while (!deadline.passed()) {
    std::this_thread::sleep_for(deadline.slice());
    check_interrupt();
  }
}

Milliseconds Backoff::next() {
  const auto limit = std::min<std::int64_t>(cap_.count(), base_.count() << std::min(attempt_, 16U));
  ++attempt_;
  return Milliseconds(std::uniform_int_distribution<std::int64_t>(0, limit)(jitter_source()));
}

}  // namespace logforest::io
