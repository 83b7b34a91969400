// Chunks in flight: parsed by a few threads, handed out in input order.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "logforest/base/byte_buffer.hpp"
#include "logforest/parse/chunk.hpp"

namespace logforest::parse {

class JobQueue {
 public:
  struct Job {
    ByteBuffer memory;  // owns `data` unless it is the caller's
    std::string_view data;
    std::string directives;  // in force where it begins
    std::int64_t offset = 0;
    bool last = false;
    bool started = false;
    bool done = false;
    ChunkResult result;
  };
  using MakeParser = std::function<std::unique_ptr<ChunkParser>()>;

  JobQueue(std::size_t threads, MakeParser make);
  ~JobQueue();
  JobQueue(const JobQueue&) = delete;
  JobQueue& operator=(const JobQueue&) = delete;

  // Queues a job; parses one on this thread when enough others wait. Rethrows a worker's error.
  void push(std::unique_ptr<Job> job);
  // Queues a result that needed no parsing.
  void push_done(ChunkResult result);
  // Works on this thread until every job is done.
  void drain();
  [[nodiscard]] std::size_t ready_rows();
  // The next result in order when it is done.
  [[nodiscard]] std::unique_ptr<Job> pop();
  // Memory of a finished job, to be filled again.
  [[nodiscard]] ByteBuffer spare();

 private:
  void work();
  Job* next_waiting();  // with the lock held
  void run(Job& job, std::unique_ptr<ChunkParser>& parser);
  void rethrow();

  const std::size_t threads_;
  const MakeParser make_;
  std::unique_ptr<ChunkParser> own_;  // of the feeding thread
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable finished_;
  std::deque<std::unique_ptr<Job>> jobs_;
  std::vector<ByteBuffer> spares_;
  std::size_t waiting_ = 0;
  std::size_t running_ = 0;
  bool stop_ = false;
  std::exception_ptr error_;
  std::vector<std::jthread> pool_;
};

}  // namespace logforest::parse
