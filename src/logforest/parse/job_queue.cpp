#include "logforest/parse/job_queue.hpp"

#include <utility>

namespace logforest::parse {

JobQueue::JobQueue(std::size_t threads, MakeParser make)
    : threads_(threads), make_(std::move(make)) {}

JobQueue::~JobQueue() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
}

JobQueue::Job* JobQueue::next_waiting() {
  for (const auto& job : jobs_) {
    if (!job->started) {
      job->started = true;
      --waiting_;
      ++running_;
      return job.get();
    }
  }
  return nullptr;
}

void JobQueue::run(Job& job, std::unique_ptr<ChunkParser>& parser) {
  try {
    if (!parser) parser = make_();
    job.result = parser->parse(job.data, job.offset, job.last, job.directives);
  } catch (...) {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = std::current_exception();
  }
  const std::lock_guard lock(mutex_);
  job.done = true;
  --running_;
  if (job.memory.capacity() != 0) {
    job.memory.clear();
    spares_.push_back(std::move(job.memory));
  }
  finished_.notify_all();
}

void JobQueue::work() {
  std::unique_ptr<ChunkParser> parser;
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stop_ || waiting_ > 0; });
    if (stop_) return;
    Job* job = next_waiting();
    lock.unlock();
    run(*job, parser);
    lock.lock();
  }
}

void JobQueue::push(std::unique_ptr<Job> job) {
  rethrow();
  if (threads_ == 1) {
    Job& mine = *job;
    {
      const std::lock_guard lock(mutex_);
      mine.started = true;
      ++running_;
      jobs_.push_back(std::move(job));
    }
    run(mine, own_);
    rethrow();
    return;
  }
  Job* help = nullptr;
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
    ++waiting_;
    if (pool_.size() + 1 < threads_ && waiting_ + running_ > 1) {
      pool_.emplace_back([this] { work(); });
    }
    // Others have enough to do: this thread parses too instead of reading further ahead.
    if (waiting_ >= threads_) help = next_waiting();
  }
  wake_.notify_one();
  if (help != nullptr) run(*help, own_);
}

void JobQueue::push_done(ChunkResult result) {
  auto job = std::make_unique<Job>();
  job->result = std::move(result);
  job->started = job->done = true;
  const std::lock_guard lock(mutex_);
  jobs_.push_back(std::move(job));
}

void JobQueue::drain() {
  for (;;) {
    Job* job = nullptr;
    {
      std::unique_lock lock(mutex_);
      job = next_waiting();
      if (job == nullptr) {
        finished_.wait(lock, [this] { return running_ == 0; });
        break;
      }
    }
    run(*job, own_);
  }
  rethrow();
}

std::size_t JobQueue::ready_rows() {
  const std::lock_guard lock(mutex_);
  std::size_t rows = 0;
  for (const auto& job : jobs_) {
    if (!job->done) break;
    if (job->result.batch) rows += job->result.batch->rows;
  }
  return rows;
}

std::unique_ptr<JobQueue::Job> JobQueue::pop() {
  const std::lock_guard lock(mutex_);
  if (jobs_.empty() || !jobs_.front()->done) return nullptr;
  auto job = std::move(jobs_.front());
  jobs_.pop_front();
  return job;
}

ByteBuffer JobQueue::spare() {
  const std::lock_guard lock(mutex_);
  if (spares_.empty()) return {};
  ByteBuffer memory = std::move(spares_.back());
  spares_.pop_back();
  return memory;
}

void JobQueue::rethrow() {
  const std::lock_guard lock(mutex_);
  if (error_) std::rethrow_exception(error_);
}

}  // namespace logforest::parse
