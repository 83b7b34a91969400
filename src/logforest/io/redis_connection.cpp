#include "logforest/io/redis_connection.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace logforest::io {

namespace {
constexpr Milliseconds kBackoffBase{50};
constexpr Milliseconds kBackoffCap{1000};

// Words after which the same command may succeed later.
constexpr std::array<std::string_view, 11> kRetryable{
    "OOM",         "LOADING",    "READONLY",   "MISCONF",   "BUSY",    "TRYAGAIN",
    "CLUSTERDOWN", "MASTERDOWN", "NOREPLICAS", "UNBLOCKED", "LAGLIMIT"};
}  // namespace

IoError redis_error(std::string_view reply) {
  const std::string_view word = reply.substr(0, reply.find(' '));
  const bool retryable = std::ranges::find(kRetryable, word) != kRetryable.end();
  return {IoError::Source::Queue, "Redis: " + std::string(reply), retryable, std::string(word)};
}

RedisConnection::RedisConnection(RedisConfig config) : config_(std::move(config)) { connect(); }

std::string RedisConnection::address() const {
  if (!config_.unix_path.empty()) return config_.unix_path;
  return config_.host + ":" + std::to_string(config_.port);
}

void RedisConnection::fail(const std::string& what, const char* code) {
  context_.reset();
  throw IoError(IoError::Source::Queue, "Redis at " + address() + ": " + what, true, code);
}

void RedisConnection::connect() {
  const Deadline deadline(config_.connect_timeout);
  Backoff backoff(kBackoffBase, kBackoffCap);
  for (;;) {
    try {
      open(deadline);
      greet();
      return;
    } catch (const IoError& e) {
      context_.reset();
      if (!e.retryable()) throw;
      const Milliseconds pause = backoff.next();
      if (Clock::now() + pause >= deadline.at()) throw;
      sleep_until(Deadline(pause));
    }
  }
}

void RedisConnection::open(const Deadline& deadline) {
  context_.reset(config_.unix_path.empty()
                     ? redisConnectNonBlock(config_.host.c_str(), config_.port)
                     : redisConnectUnixNonBlock(config_.unix_path.c_str()));
  if (!context_) throw std::bad_alloc();
  if (context_->err != 0) fail(std::string("cannot connect: ") + context_->errstr, "CONNECTION");
  const short events = wait_fd(context_->fd, POLLOUT, deadline);
  if (events == 0) fail("connect timed out", "TIMEOUT");
  int error = 0;
  socklen_t length = sizeof error;
  if (::getsockopt(context_->fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
  if (error != 0) fail(std::string("cannot connect: ") + std::strerror(error), "CONNECTION");
  if (config_.unix_path.empty()) {
    const int on = 1;
    ::setsockopt(context_->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(context_->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  }
  // hiredis believes itself connected; it has no own notion of a pending non-blocking connect.
  context_->flags |= REDIS_CONNECTED;
}

void RedisConnection::greet() {
  if (!config_.password.empty()) {
    RedisArgs auth{"AUTH"};
    if (!config_.username.empty()) auth.emplace_back(config_.username);
    auth.emplace_back(config_.password);
    command(auth);
  }
  if (config_.database != 0) {
    const std::string database = std::to_string(config_.database);
    command(RedisArgs{"SELECT", database});
  }
  // Answers LOADING and the like before the connection is handed out.
  command(RedisArgs{"CLIENT", "SETNAME", config_.client_name});
  command(RedisArgs{"PING"});
}

void RedisConnection::append(std::span<const std::string_view> args) {
  std::vector<const char*> values;
  std::vector<std::size_t> lengths;
  values.reserve(args.size());
  lengths.reserve(args.size());
  for (const std::string_view arg : args) {
    // hiredis copies, also for an empty view.
    values.push_back(arg.empty() ? "" : arg.data());
    lengths.push_back(arg.size());
  }
  if (redisAppendCommandArgv(context_.get(), static_cast<int>(args.size()), values.data(),
                             lengths.data()) != REDIS_OK) {
    fail(context_->errstr, "CONNECTION");
  }
}

void RedisConnection::flush(const Deadline& deadline) {
  int done = 0;
  for (;;) {
    if (redisBufferWrite(context_.get(), &done) != REDIS_OK) fail(context_->errstr, "CONNECTION");
    if (done != 0) return;
    const short events = wait_fd(context_->fd, POLLOUT, deadline);
    if (events == 0) fail("timed out while sending", "TIMEOUT");
  }
}

RedisReply RedisConnection::read_reply(const Deadline& deadline) {
  for (;;) {
    void* raw = nullptr;
    if (redisGetReplyFromReader(context_.get(), &raw) != REDIS_OK) {
      fail(context_->errstr, "CONNECTION");
    }
    if (raw != nullptr) return RedisReply(static_cast<redisReply*>(raw));
    if (wait_fd(context_->fd, POLLIN, deadline) == 0) return nullptr;
    if (redisBufferRead(context_.get()) != REDIS_OK) fail(context_->errstr, "CONNECTION");
  }
}

RedisReply RedisConnection::command(std::span<const std::string_view> args,
                                    Milliseconds extra_wait) {
  if (!context_) connect();
  const Deadline deadline(config_.command_timeout + extra_wait);
  RedisReply reply;
  try {
    append(args);
    flush(deadline);
    reply = read_reply(deadline);
  } catch (...) {
    context_.reset();  // a reply may still come: this connection is out of step
    throw;
  }
  if (!reply) fail("no reply within the command timeout", "TIMEOUT");
  if (reply->type == REDIS_REPLY_ERROR) throw redis_error({reply->str, reply->len});
  return reply;
}

std::vector<RedisReply> RedisConnection::pipeline(std::span<const RedisArgs> commands) {
  if (!context_) connect();
  const Deadline deadline(config_.command_timeout);
  std::vector<RedisReply> replies;
  replies.reserve(commands.size());
  try {
    for (const RedisArgs& args : commands) append(args);
    flush(deadline);
    while (replies.size() < commands.size()) {
      replies.push_back(read_reply(deadline));
      if (!replies.back()) fail("no reply within the command timeout", "TIMEOUT");
    }
  } catch (...) {
    context_.reset();
    throw;
  }
  return replies;
}

bool RedisConnection::alive() const noexcept {
  if (!reusable()) return false;
  pollfd item{context_->fd, POLLIN, 0};
  // Nothing is owed to an idle connection: readable means closed.
  return ::poll(&item, 1, 0) == 0;
}

void RedisConnection::subscribe(std::span<const std::string_view> channels) {
  if (!context_) connect();
  RedisArgs args{"SUBSCRIBE"};
  args.insert(args.end(), channels.begin(), channels.end());
  const Deadline deadline(config_.command_timeout);
  subscribed_ = true;
  append(args);
  flush(deadline);
  for (std::size_t i = 0; i < channels.size(); ++i) {
    const RedisReply reply = read_reply(deadline);
    if (!reply) fail("no reply to SUBSCRIBE", "TIMEOUT");
    if (reply->type == REDIS_REPLY_ERROR) throw redis_error({reply->str, reply->len});
  }
}

RedisReply RedisConnection::next_message(const Deadline& deadline) {
  if (!context_) fail("the subscription's connection is closed", "CONNECTION");
  return read_reply(deadline);
}

}  // namespace logforest::io
