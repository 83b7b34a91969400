// One connection to Redis 7+ over hiredis, driven without blocking calls.
//
// A command that was sent and whose reply was lost has an unknown outcome: it is never sent again
// here. The error says `retryable`; callers repeat only what is idempotent.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "logforest/base/error.hpp"
#include "logforest/io/handles.hpp"
#include "logforest/io/wait.hpp"

namespace logforest::io {

struct RedisConfig {
  std::string host = "127.0.0.1";
  int port = 6379;
  std::string unix_path;  // used instead of host and port when not empty
  std::string username;
  std::string password;
  int database = 0;
  Milliseconds connect_timeout{2000};
  Milliseconds command_timeout{5000};
  std::string client_name = "logforest";
};

// redis://[[user]:password@]host[:port][/db] or unix:///path.sock[?db=N&password=P]. rediss:// is
// refused: this build's hiredis has no TLS. Throws ConfigError, without repeating the password.
[[nodiscard]] RedisConfig parse_redis_url(std::string_view url);

// The error reply as IoError: code is its first word (OOM, READONLY, LOADING, NOGROUP, ...).
[[nodiscard]] IoError redis_error(std::string_view reply);

using RedisArgs = std::vector<std::string_view>;

class RedisConnection {
 public:
  // Connects at once, trying again with jitter until connect_timeout has passed.
  explicit RedisConnection(RedisConfig config);

  // Error replies throw. `extra_wait` is added to the command timeout (BLOCK reads).
  RedisReply command(std::span<const std::string_view> args, Milliseconds extra_wait = {});
  // All commands in one write; error replies are values here, in order.
  std::vector<RedisReply> pipeline(std::span<const RedisArgs> commands);

  // Pub/Sub: after subscribe only next_message may be used. nullptr: nothing until the deadline.
  void subscribe(std::span<const std::string_view> channels);
  RedisReply next_message(const Deadline& deadline);

  [[nodiscard]] bool reusable() const noexcept { return context_ && !subscribed_; }
  // reusable(), and the server has not hung up while the connection was idle.
  [[nodiscard]] bool alive() const noexcept;

 private:
  void connect();
  void open(const Deadline& deadline);
  void greet();
  void append(std::span<const std::string_view> args);
  void flush(const Deadline& deadline);
  RedisReply read_reply(const Deadline& deadline);
  [[noreturn]] void fail(const std::string& what, const char* code);
  [[nodiscard]] std::string address() const;

  RedisConfig config_;
  RedisContext context_;
  bool subscribed_ = false;
};

}  // namespace logforest::io
