// One connection to Redis 7+, driven without blocking calls. Replies are read by hiredis' parser;
// the socket is ours, because hiredis 0.14 knows neither TLS nor deadlines.
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
#include "logforest/io/socket.hpp"
#include "logforest/io/wait.hpp"

namespace logforest::io {

struct RedisConfig {
  Endpoint endpoint{"127.0.0.1", {}, 6379, {}, {}};
  std::string username;
  std::string password;
  int database = 0;
  Milliseconds connect_timeout{5000};
  Milliseconds command_timeout{30000};
  std::string client_name = "logforest";
};

// redis://[[user]:password@]host[:port][/db], rediss:// for TLS, or unix:///path.sock. Options
// after
// "?": db, username, password, and for TLS those of libpq: sslmode (require, verify-ca,
// verify-full; the last when none is given), sslrootcert, sslcert, sslkey, hostaddr. Throws
// ConfigError, without repeating the password.
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

  [[nodiscard]] bool reusable() const noexcept { return socket_ && !subscribed_; }
  // reusable(), and the server has not hung up while the connection was idle.
  [[nodiscard]] bool alive() const noexcept;

 private:
  void connect();
  void open(const Deadline& deadline);
  void greet();
  void append(std::span<const std::string_view> args);
  void flush(const Deadline& deadline);
  RedisReply read_reply(const Deadline& deadline);
  [[noreturn]] void fail(const std::string& what, const char* code, bool retryable = true);
  [[noreturn]] void fail(const SocketError& error);
  [[nodiscard]] std::string address() const;

  RedisConfig config_;
  Socket socket_;
  RedisReader reader_;
  // Commands not yet sent. Large arguments stay where the caller has them: each goes out after
  // the first `at` bytes of out_.
  struct Large {
    std::size_t at;
    std::string_view bytes;
  };
  std::string out_;
  std::vector<Large> large_;
  std::vector<char> in_;  // for one read
  bool subscribed_ = false;
};

}  // namespace logforest::io
