// A bounded pool of connections. A lease gives its connection back on destruction; connections
// that are no longer usable are dropped and made anew when needed.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "logforest/base/error.hpp"
#include "logforest/io/wait.hpp"

namespace logforest::io {

// Connection needs `bool reusable() const` and `bool alive()`. Thread safe.
template <class Connection>
class Pool {
 public:
  using Factory = std::function<std::unique_ptr<Connection>()>;

  Pool(IoError::Source source, std::size_t size, Factory make)
      : source_(source), size_(size == 0 ? 1 : size), make_(std::move(make)) {}

  class Lease {
   public:
    Lease(Pool& pool, std::unique_ptr<Connection> connection)
        : pool_(&pool), connection_(std::move(connection)) {}
    Lease(Lease&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)), connection_(std::move(other.connection_)) {}
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (pool_ != nullptr) pool_->give_back(std::move(connection_));
    }
    Connection& operator*() const { return *connection_; }
    Connection* operator->() const { return connection_.get(); }

   private:
    Pool* pool_;
    std::unique_ptr<Connection> connection_;
  };

  // Waits for a free connection; makes one while fewer than `size` are out.
  [[nodiscard]] Lease acquire(const Deadline& deadline) {
    std::unique_lock lock(mutex_);
    while (closed_ || (idle_.empty() && out_ == size_)) {
      if (closed_) throw IoError(source_, "the connection pool is closed", false, "CLOSED");
      freed_.wait_for(lock, deadline.slice());
      if (!idle_.empty() || out_ < size_) continue;
      lock.unlock();
      check_interrupt();
      lock.lock();
      if (deadline.passed() && idle_.empty() && out_ == size_) {
        throw IoError(
            source_,
            "all " + std::to_string(size_) + " pooled connections are in use; raise the pool size",
            true, "POOL");
      }
    }
    std::unique_ptr<Connection> connection;
    while (!idle_.empty() && !connection) {
      connection = std::move(idle_.back());
      idle_.pop_back();
      if (!connection->alive()) connection.reset();
    }
    ++out_;
    lock.unlock();
    if (!connection) {
      try {
        connection = make_();
      } catch (...) {
        give_back(nullptr);
        throw;
      }
    }
    return Lease(*this, std::move(connection));
  }

  // Drops idle connections and refuses new leases; leases that are out end as they are.
  void close() {
    std::vector<std::unique_ptr<Connection>> idle;
    const std::lock_guard lock(mutex_);
    closed_ = true;
    idle.swap(idle_);
    freed_.notify_all();
  }

 private:
  void give_back(std::unique_ptr<Connection> connection) {
    const std::lock_guard lock(mutex_);
    --out_;
    if (connection && connection->reusable() && !closed_) idle_.push_back(std::move(connection));
    freed_.notify_one();
  }

  IoError::Source source_;
  std::size_t size_;
  Factory make_;
  std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<std::unique_ptr<Connection>> idle_;
  std::size_t out_ = 0;
  bool closed_ = false;
};

}  // namespace logforest::io
