// Waiting for sockets so that signals work: every wait is cut into slices of at most 200 ms, and
// after each slice the host program's interrupt check runs (Python: PyErr_CheckSignals). The check
// may throw; connections are then closed by their owners' RAII.
#pragma once

#include <chrono>
#include <cstdint>

namespace logforest::io {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

inline constexpr Milliseconds kWaitSlice{200};

// Called between slices, on the waiting thread. nullptr: no check.
using InterruptCheck = void (*)();
void set_interrupt_check(InterruptCheck check) noexcept;
void check_interrupt();

class Deadline {
 public:
  explicit Deadline(Milliseconds timeout) : at_(Clock::now() + timeout) {}
  [[nodiscard]] static Deadline after(double seconds) {
    return Deadline(Milliseconds(static_cast<std::int64_t>(seconds * 1000.0)));
  }
  [[nodiscard]] bool passed() const { return Clock::now() >= at_; }
  // Time left, at most one slice, never negative.
  [[nodiscard]] Milliseconds slice() const;
  [[nodiscard]] Clock::time_point at() const noexcept { return at_; }

 private:
  Clock::time_point at_;
};

// Waits until one of `events` (POLLIN, POLLOUT) or an error is signalled on `fd`; returns the
// signalled events, 0 when the deadline has passed.
[[nodiscard]] short wait_fd(int fd, short events, const Deadline& deadline);
void sleep_until(const Deadline& deadline);

// Exponential backoff with full jitter (Brooker, "Exponential Backoff And Jitter", 2015): the
// n-th delay is uniform in [0, min(cap, base * 2^n)].
class Backoff {
 public:
  Backoff(Milliseconds base, Milliseconds cap) : base_(base), cap_(cap) {}
  [[nodiscard]] Milliseconds next();
  void reset() noexcept { attempt_ = 0; }

 private:
  Milliseconds base_;
  Milliseconds cap_;
  unsigned attempt_ = 0;
};

}  // namespace logforest::io
