#include "logforest/parse/reader.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "logforest/base/parallel.hpp"
#include "logforest/base/utf8.hpp"
#include "logforest/parse/directives.hpp"
#include "logforest/parse/job_queue.hpp"
#include "logforest/parse/registry.hpp"

namespace logforest::parse {

namespace {
constexpr std::size_t kHeadBytes = std::size_t{1} << 16;
constexpr std::size_t kReadBytes = std::size_t{1} << 20;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

ParseOptions checked(ParseOptions options) {
  options.chunk_bytes = std::max<std::size_t>(options.chunk_bytes, 64);
  options.max_depth = std::clamp<std::size_t>(options.max_depth, 1, 4096);
  options.max_line_bytes = std::clamp<std::size_t>(options.max_line_bytes, 1, 1U << 30);
  return options;
}
}  // namespace

class Reader::Impl {
 public:
  Impl(ParseOptions options, ChunkHook hook)
      : options_(checked(std::move(options))),
        hook_(std::move(hook)),
        jobs_(resolve_threads(options_.threads), [this] { return make_parser(); }) {
    if (options_.format != "auto") format_ = resolve_format(options_, {});  // fail early
  }

  void feed(std::string_view bytes) {
    while (!bytes.empty()) {
      const std::size_t n = std::min(bytes.size(), wanted());
      std::memcpy(buffer_.room(n + kPadding), bytes.data(), n);
      buffer_.advance(n);
      bytes.remove_prefix(n);
      if (buffer_.size() >= target()) cut(false);
    }
  }

  bool feed_descriptor(int descriptor, std::size_t ready) {
    for (;;) {
      const std::size_t n = std::min(kReadBytes, wanted());
      const ssize_t got = ::read(descriptor, buffer_.room(n + kPadding), n);
      if (got < 0) {
        if (errno == EINTR) continue;
        throw IoError(IoError::Source::File, std::string("cannot read: ") + std::strerror(errno),
                      false);
      }
      if (got == 0) return false;
      buffer_.advance(static_cast<std::size_t>(got));
      if (buffer_.size() >= target()) cut(false);
      if (ready != 0 && jobs_.ready_rows() >= ready) return true;
    }
  }

  // The whole source at once, in the caller's memory.
  void whole(std::string_view data) {
    decide(data.substr(0, kHeadBytes));
    std::size_t at = data.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
    while (data.size() - at > options_.chunk_bytes + kPadding) {
      const std::string_view window = data.substr(at, options_.chunk_bytes);
      const std::size_t n = boundary(window);
      if (n == 0) break;  // a giant line: the slow way knows what to do
      auto job = std::make_unique<JobQueue::Job>();
      job->data = window.substr(0, n);
      job->offset = static_cast<std::int64_t>(at);
      push(std::move(job));
      at += n;
    }
    offset_ = static_cast<std::int64_t>(at);
    mark_skipped_ = true;
    feed(data.substr(at));
  }

  void close() {
    if (closed_) return;
    closed_ = true;
    cut(true);
  }

  std::size_t ready_rows() { return jobs_.ready_rows(); }

  LogBatch take(std::size_t rows) {
    LogBatch out;
    out.format = format_ ? format_->name : options_.format;
    std::size_t have = 0;
    std::int64_t others = 0;
    while (rows == 0 || have < rows) {
      const auto job = jobs_.pop();
      if (!job) break;
      have += collect(out, job->result);
      others += job->result.other_records;
    }
    // One line in ten of another format: the source changed.
    if (others * 10 > out.counts.records) out.format = "mixed";
    // What an open bracket on a line of its own is, is known when it is closed or at the end: its
    // line is counted then.
    const bool waits = brackets_.opens > 0 && brackets_.alone;
    const int held =
        static_cast<int>(waits) - static_cast<int>(std::exchange(bracket_waits_, waits));
    out.counts.lines -= held;
    out.counts.blank -= held;
    return out;
  }

  LogBatch finish() {
    close();
    jobs_.drain();
    LogBatch out = take(0);
    const bool waited = std::exchange(bracket_waits_, false);
    out.counts.lines += static_cast<int>(waited);
    if (std::exchange(ended_, true) || brackets_.opens == 0 || brackets_.ends_rejected) {
      out.counts.blank += static_cast<int>(waited);
      return out;
    }
    // An array that never ends: its records are kept, its bracket is what is wrong.
    out.rejected->add(brackets_.line, brackets_.offset, Reject::Truncated, "[", options_.file);
    ++out.counts.rejected;
    return out;
  }

 private:
  std::unique_ptr<ChunkParser> make_parser() {
    return std::make_unique<ChunkParser>(*format_, options_, head_, hook_);
  }

  // How many bytes the buffer should hold before it is cut.
  [[nodiscard]] std::size_t target() const noexcept {
    return decided_ ? std::max(options_.chunk_bytes, grown_) : kHeadBytes;
  }
  [[nodiscard]] std::size_t wanted() {
    if (buffer_.capacity() == 0) buffer_ = jobs_.spare();
    return target() - std::min(target() - 1, buffer_.size());
  }

  void decide(std::string_view head) {
    decided_ = true;
    if (head.starts_with(kByteOrderMark)) head.remove_prefix(kByteOrderMark.size());
    head_ = std::string(head);
    format_ = resolve_format(options_, head_);
    scout_ = make_parser();
  }

  // Where the last whole record of `data` ends; 0 when none does.
  std::size_t boundary(std::string_view data) {
    if (Framer* framer = scout_->framer()) {
      std::size_t at = 0;
      while (at < data.size()) {
        const auto frame = framer->next(data, at, false);
        if (!frame) break;
        at += frame->consumed;
      }
      return at;
    }
    // The last complete line that starts a record is kept for the next chunk, because lines that
    // continue it may follow.
    std::size_t end = data.rfind('\n');
    const std::size_t last_end = end;
    while (end != std::string_view::npos) {
      const std::size_t before = end == 0 ? std::string_view::npos : data.rfind('\n', end - 1);
      if (before == std::string_view::npos) break;
      std::string_view line = data.substr(before + 1, end - before - 1);
      if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
      if (!line.empty() && scout_->line_parser().starts_record(line)) return before + 1;
      end = before;
    }
    // One record fills the chunk: cut it between lines when it is long enough.
    const bool enough = data.size() > options_.max_line_bytes;
    return enough && last_end != std::string_view::npos ? last_end + 1 : 0;
  }

  void cut(bool last) {
    if (!decided_) decide(buffer_.view().substr(0, kHeadBytes));
    if (!mark_skipped_) {
      mark_skipped_ = true;
      if (buffer_.view().starts_with(kByteOrderMark)) drop(kByteOrderMark.size());
    }
    if (discarding_) discard(last);
    if (last) {
      if (!buffer_.empty()) dispatch(buffer_.size(), true);
      return;
    }
    if (buffer_.size() < options_.chunk_bytes) return;
    const std::size_t n = boundary(buffer_.view());
    if (n != 0) {
      grown_ = 0;
      dispatch(n, false);
    } else if (buffer_.size() <= options_.max_line_bytes) {
      grown_ = std::min(buffer_.size() * 2, options_.max_line_bytes + 2);
    } else {
      // A line that is too long: what it starts with is kept, the rest is dropped as it comes.
      discarding_ = true;
      discarded_at_ = offset_;
      discarded_head_ = std::string(utf8_prefix(buffer_.view(), options_.max_reject_text));
      discard(false);
    }
  }

  // Drops the rest of a line that is too long.
  void discard(bool last) {
    const std::size_t end = buffer_.view().find('\n');
    if (end == std::string_view::npos && !last) {
      drop(buffer_.size());
      return;
    }
    drop(end == std::string_view::npos ? buffer_.size() : end + 1);
    discarding_ = false;
    grown_ = 0;
    ChunkResult result;
    result.rejects = std::make_shared<RejectTable>();
    ByteBuffer text;
    append_repaired(text, discarded_head_);
    result.rejects->add(1, discarded_at_, Reject::LineTooLong, text.view());
    result.counts.lines = 1;
    result.counts.rejected = 1;
    jobs_.push_done(std::move(result));
  }

  void drop(std::size_t n) {
    const std::size_t rest = buffer_.size() - n;
    if (rest != 0) std::memmove(buffer_.data(), buffer_.data() + n, rest);
    buffer_.resize(rest);
    offset_ += static_cast<std::int64_t>(n);
  }

  void dispatch(std::size_t n, bool last) {
    auto job = std::make_unique<JobQueue::Job>();
    const std::size_t rest = buffer_.size() - n;
    ByteBuffer next = jobs_.spare();
    if (rest != 0) {
      std::memcpy(next.room(std::max(rest, last ? rest : options_.chunk_bytes) + kPadding),
                  buffer_.data() + n, rest);
      next.advance(rest);
    }
    job->memory = std::move(buffer_);
    buffer_ = std::move(next);
    // Behind the chunk: what was moved on, or zeros at the end of the source.
    std::memset(job->memory.room(kPadding), 0, kPadding);
    job->data = {job->memory.data(), n};
    job->offset = offset_;
    job->last = last;
    offset_ += static_cast<std::int64_t>(n);
    push(std::move(job));
  }

  void push(std::unique_ptr<JobQueue::Job> job) {
    if (format_->directives) {
      job->directives = directives_;
      carry_directives(directives_, job->data, options_.max_line_bytes);
    }
    jobs_.push(std::move(job));
  }

  std::size_t collect(LogBatch& out, const ChunkResult& result) {
    if (result.rejects) out.rejected->append(*result.rejects, lines_, options_.file);
    out.counts += result.counts;
    brackets_.append(result.brackets, lines_, 0);
    lines_ += result.counts.lines;
    if (!result.batch || result.batch->rows == 0) return 0;
    out.chunks.push_back(result.batch);
    return result.batch->rows;
  }

  const ParseOptions options_;
  const ChunkHook hook_;
  std::shared_ptr<const Format> format_;
  std::string head_;
  std::string directives_;              // in force behind the last chunk
  std::unique_ptr<ChunkParser> scout_;  // for starts_record and frames at the borders
  ByteBuffer buffer_;
  std::int64_t offset_ = 0;  // of the buffer's first byte in the source
  std::size_t grown_ = 0;
  bool decided_ = false;
  bool mark_skipped_ = false;
  bool closed_ = false;
  bool ended_ = false;
  bool discarding_ = false;
  std::int64_t discarded_at_ = 0;
  std::string discarded_head_;
  std::int64_t lines_ = 0;  // of the results taken so far, and their brackets
  Brackets brackets_;
  bool bracket_waits_ = false;
  JobQueue jobs_;  // last: its threads use what is above
};

Reader::Reader(ParseOptions options, ChunkHook hook)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(hook))) {}
Reader::~Reader() = default;
void Reader::feed(std::string_view bytes) { impl_->feed(bytes); }
bool Reader::feed_descriptor(int descriptor, std::size_t ready_rows) {
  return impl_->feed_descriptor(descriptor, ready_rows);
}
void Reader::feed_whole(std::string_view data) { impl_->whole(data); }
void Reader::close() { impl_->close(); }
std::size_t Reader::ready_rows() { return impl_->ready_rows(); }
LogBatch Reader::take(std::size_t rows) { return impl_->take(rows); }
LogBatch Reader::finish() { return impl_->finish(); }

LogBatch parse_buffer(std::string_view data, const ParseOptions& options, const ChunkHook& hook) {
  Reader reader(options, hook);
  reader.feed_whole(data);
  return reader.finish();
}

}  // namespace logforest::parse
