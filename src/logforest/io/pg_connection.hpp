// One connection to Postgres 15+ over libpq, driven without blocking calls. TLS is libpq's
// (sslmode, sslrootcert, ... in the DSN).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "logforest/base/error.hpp"
#include "logforest/io/handles.hpp"
#include "logforest/io/wait.hpp"

namespace logforest::io {

struct PgConfig {
  std::string dsn;  // keyword=value pairs or postgresql://
  Milliseconds connect_timeout{10000};
  Milliseconds command_timeout{60000};
  std::string application_name = "logforest";
};

// One parameter in text form, or raw bytes for bytea.
struct PgParam {
  std::optional<std::string> value;  // nullopt: NULL
  bool binary = false;
};

struct PgNotification {
  std::string channel;
  std::string payload;
  int pid = 0;
};

// SQLSTATE classes that may go away by themselves: 08 connection, 40 rollback (deadlock,
// serialisation), 53 resources (disk full, too many connections), 55P03 lock, 57 operator
// intervention (shutdown, statement timeout), 58 system, 25006 read-only (a failover).
[[nodiscard]] bool pg_retryable(std::string_view sqlstate) noexcept;

class PgConnection {
 public:
  // Connects at once; tries again with jitter (server starting, refused) until connect_timeout.
  explicit PgConnection(PgConfig config);

  // Several statements without parameters; rows are dropped.
  void execute(const std::string& sql);
  void execute(const std::string& sql, Milliseconds timeout);  // instead of the command timeout
  // One statement. Results are in binary format when `binary`.
  PgResult query(const std::string& sql, std::span<const PgParam> params, bool binary);
  // Column names and types of one statement without running it.
  PgResult describe(const std::string& sql);

  // COPY ... FROM STDIN: `send` calls put() with pieces; returns the rows that were stored.
  // Anything thrown by `send` aborts the COPY and is rethrown.
  class CopySink {
   public:
    virtual ~CopySink() = default;
    virtual void put(std::string_view piece) = 0;
  };
  std::int64_t copy_in(const std::string& sql, const std::function<void(CopySink&)>& send);

  // LISTEN must have been executed before.
  std::optional<PgNotification> wait_notification(const Deadline& deadline);

  // Idle, outside a transaction, and as far as known connected.
  [[nodiscard]] bool reusable() const noexcept;
  // reusable(), and the server has not hung up meanwhile.
  [[nodiscard]] bool alive();
  [[nodiscard]] bool in_transaction() const noexcept;
  void set_command_timeout(Milliseconds timeout) noexcept { config_.command_timeout = timeout; }
  [[nodiscard]] std::string quote(std::string_view identifier);

 private:
  void connect();
  void need_open() const;
  void open(const Deadline& deadline);
  void flush(const Deadline& deadline);
  PgResult next_result(const Deadline& deadline);
  PgResult collect(const Deadline& deadline);
  [[noreturn]] void fail_connection(const std::string& what, const char* code);
  [[noreturn]] void fail_result(const PGresult* result);
  void cancel() noexcept;

  PgConfig config_;
  PgHandle conn_;
};

}  // namespace logforest::io
