#include "logforest/io/redis_connection.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace logforest::io {

namespace {
constexpr Milliseconds kBackoffBase{50};
constexpr Milliseconds kBackoffCap{1000};
constexpr std::size_t kReadBytes = 32 << 10;
constexpr std::size_t kCopiedBytes = 16 << 10;  // larger arguments are sent from where they are

// Words after which the same command may succeed later.
constexpr std::array<std::string_view, 11> kRetryable{
    "OOM",         "LOADING",    "READONLY",   "MISCONF",   "BUSY",    "TRYAGAIN",
    "CLUSTERDOWN", "MASTERDOWN", "NOREPLICAS", "UNBLOCKED", "LAGLIMIT"};

// RESP: "*3\r\n" or "$11\r\n".
void append_head(std::string& out, char kind, std::size_t n) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), n).ptr;
  out.push_back(kind);
  out.append(digits.data(), end);
  out.append("\r\n");
}
}  // namespace

IoError redis_error(std::string_view reply) {
  const std::string_view word = reply.substr(0, reply.find(' '));
  const bool retryable = std::ranges::find(kRetryable, word) != kRetryable.end();
  return {IoError::Source::Queue, "Redis: " + std::string(reply), retryable, std::string(word)};
}

RedisConnection::RedisConnection(RedisConfig config) : config_(std::move(config)) { connect(); }

std::string RedisConnection::address() const {
  const Endpoint& to = config_.endpoint;
  if (!to.unix_path.empty()) return to.unix_path;
  return to.host + ":" + std::to_string(to.port);
}

void RedisConnection::fail(const std::string& what, const char* code, bool retryable) {
  socket_.close();
  throw IoError(IoError::Source::Queue, "Redis at " + address() + ": " + what, retryable, code);
}

void RedisConnection::fail(const SocketError& error) {
  static constexpr std::array<const char*, 3> kCodes{"CONNECTION", "TIMEOUT", "TLS"};
  fail(error.what(), kCodes[static_cast<std::size_t>(error.kind())], error.retryable());
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
      socket_.close();
      if (!e.retryable()) throw;
      const Milliseconds pause = backoff.next();
      if (Clock::now() + pause >= deadline.at()) throw;
      sleep_until(Deadline(pause));
    }
  }
}

void RedisConnection::open(const Deadline& deadline) {
  reader_.reset(redisReaderCreate());
  if (!reader_) throw std::bad_alloc();
  out_.clear();
  large_.clear();
  in_.resize(kReadBytes);
  try {
    socket_ = Socket(config_.endpoint, deadline);
  } catch (const SocketError& error) {
    fail(error);
  }
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
  append_head(out_, '*', args.size());
  for (const std::string_view arg : args) {
    append_head(out_, '$', arg.size());
    if (arg.size() > kCopiedBytes) {
      large_.push_back({out_.size(), arg});
    } else {
      out_.append(arg);
    }
    out_.append("\r\n");
  }
}

void RedisConnection::flush(const Deadline& deadline) {
  std::vector<std::string_view> pieces;
  pieces.reserve(2 * large_.size() + 1);
  const std::string_view small = out_;
  std::size_t at = 0;
  for (const Large& large : large_) {
    pieces.push_back(small.substr(at, large.at - at));
    pieces.push_back(large.bytes);
    at = large.at;
  }
  pieces.push_back(small.substr(at));
  try {
    socket_.write(pieces, deadline);
  } catch (const SocketError& error) {
    fail(error);
  }
  out_.clear();
  large_.clear();
}

RedisReply RedisConnection::read_reply(const Deadline& deadline) {
  for (;;) {
    void* raw = nullptr;
    if (redisReaderGetReply(reader_.get(), &raw) != REDIS_OK) {
      fail(reader_->errstr, "CONNECTION");
    }
    if (raw != nullptr) return RedisReply(static_cast<redisReply*>(raw));
    std::size_t got = 0;
    try {
      got = socket_.read(in_, deadline);
    } catch (const SocketError& error) {
      fail(error);
    }
    if (got == 0) return nullptr;
    if (redisReaderFeed(reader_.get(), in_.data(), got) != REDIS_OK) {
      fail(reader_->errstr, "CONNECTION");
    }
  }
}

RedisReply RedisConnection::command(std::span<const std::string_view> args,
                                    Milliseconds extra_wait) {
  if (!socket_) connect();
  const Deadline deadline(config_.command_timeout + extra_wait);
  RedisReply reply;
  try {
    append(args);
    flush(deadline);
    reply = read_reply(deadline);
  } catch (...) {
    socket_.close();  // a reply may still come: this connection is out of step
    throw;
  }
  if (!reply) fail("no reply within the command timeout", "TIMEOUT");
  if (reply->type == REDIS_REPLY_ERROR) throw redis_error({reply->str, reply->len});
  return reply;
}

std::vector<RedisReply> RedisConnection::pipeline(std::span<const RedisArgs> commands) {
  if (!socket_) connect();
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
    socket_.close();
    throw;
  }
  return replies;
}

bool RedisConnection::alive() const noexcept { return reusable() && socket_.quiet(); }

void RedisConnection::subscribe(std::span<const std::string_view> channels) {
  if (!socket_) connect();
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
  if (!socket_) fail("the subscription's connection is closed", "CONNECTION");
  return read_reply(deadline);
}

}  // namespace logforest::io
