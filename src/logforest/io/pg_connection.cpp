#include "logforest/io/pg_connection.hpp"

#include <poll.h>

#include <algorithm>
#include <array>

namespace logforest::io {

namespace {
constexpr Milliseconds kBackoffBase{50};
constexpr Milliseconds kBackoffCap{1000};

std::string trimmed(const char* text) {
  std::string out = text == nullptr ? "" : text;
  while (!out.empty() && (out.back() == '\n' || out.back() == ' ')) out.pop_back();
  return out;
}

std::string field(const PGresult* result, int code) {
  const char* value = PQresultErrorField(result, code);
  return value == nullptr ? "" : value;
}
}  // namespace

bool pg_retryable(std::string_view state) noexcept {
  static constexpr std::array<std::string_view, 5> kClasses{"08", "40", "53", "57", "58"};
  return state == "55P03" || state == "25006" ||
         std::ranges::any_of(kClasses,
                             [state](std::string_view c) { return state.starts_with(c); });
}

PgConnection::PgConnection(PgConfig config) : config_(std::move(config)) { connect(); }

void PgConnection::fail_connection(const std::string& what, const char* code) {
  conn_.reset();
  throw IoError(IoError::Source::Store, "Postgres: " + what, true, code);
}

void PgConnection::fail_result(const PGresult* result) {
  const std::string state = field(result, PG_DIAG_SQLSTATE);
  const std::string primary = field(result, PG_DIAG_MESSAGE_PRIMARY);
  if (state.empty() || PQstatus(conn_.get()) == CONNECTION_BAD) {
    fail_connection("connection lost: " + trimmed(PQresultErrorMessage(result)),
                    state.empty() ? "08006" : state.c_str());
  }
  std::string what = "Postgres: " + primary;
  if (const std::string detail = field(result, PG_DIAG_MESSAGE_DETAIL); !detail.empty())
    what += " (" + detail + ")";
  if (const std::string where = field(result, PG_DIAG_CONTEXT); !where.empty())
    what += " [" + where + "]";
  what += " SQLSTATE " + state;
  throw IoError(IoError::Source::Store, what, pg_retryable(state), state);
}

void PgConnection::connect() {
  const Deadline deadline(config_.connect_timeout);
  Backoff backoff(kBackoffBase, kBackoffCap);
  for (;;) {
    try {
      open(deadline);
      return;
    } catch (const IoError& e) {
      conn_.reset();
      if (!e.retryable()) throw;
      const Milliseconds pause = backoff.next();
      if (Clock::now() + pause >= deadline.at()) throw;
      sleep_until(Deadline(pause));
    }
  }
}

void PgConnection::open(const Deadline& deadline) {
  char* parse_error = nullptr;
  const PgOptions options(PQconninfoParse(config_.dsn.c_str(), &parse_error));
  if (!options) {
    const std::string message = trimmed(parse_error);
    PQfreemem(parse_error);
    throw ConfigError("Postgres DSN: " + message);
  }
  const std::array<const char*, 4> names{"dbname", "fallback_application_name", "client_encoding",
                                         nullptr};
  const std::array<const char*, 4> values{config_.dsn.c_str(), config_.application_name.c_str(),
                                          "UTF8", nullptr};
  conn_.reset(PQconnectStartParams(names.data(), values.data(), 1));
  if (!conn_) throw std::bad_alloc();
  PostgresPollingStatusType state = PGRES_POLLING_WRITING;
  while (state != PGRES_POLLING_OK) {
    if (state == PGRES_POLLING_FAILED || PQstatus(conn_.get()) == CONNECTION_BAD) {
      const std::string message = trimmed(PQerrorMessage(conn_.get()));
      // libpq gives no SQLSTATE here; a refused login never gets better by itself.
      const bool login = message.find("authentication failed") != std::string::npos ||
                         message.find("does not exist") != std::string::npos ||
                         message.find("no pg_hba.conf entry") != std::string::npos ||
                         message.find("valid client certificate") != std::string::npos;
      const bool full = message.find("too many clients") != std::string::npos ||
                        message.find("remaining connection slots") != std::string::npos;
      const bool untrusted = message.find("certificate verify failed") != std::string::npos ||
                             message.find("does not match host name") != std::string::npos;
      conn_.reset();
      // A missing socket file also reads "No such file": that is a server that is down.
      const char* code = untrusted ? "TLS" : login ? "28000" : full ? "53300" : "08001";
      throw IoError(IoError::Source::Store, "Postgres: cannot connect: " + message,
                    !login && !untrusted, code);
    }
    const short events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    if (wait_fd(PQsocket(conn_.get()), events, deadline) == 0) {
      fail_connection("connect timed out", "08001");
    }
    state = PQconnectPoll(conn_.get());
  }
  if (PQsetnonblocking(conn_.get(), 1) != 0)
    fail_connection("cannot set non-blocking mode", "08006");
  // Server notices are not for our standard error.
  PQsetNoticeProcessor(
      conn_.get(), [](void*, const char*) {}, nullptr);
}

void PgConnection::flush(const Deadline& deadline) {
  for (;;) {
    const int state = PQflush(conn_.get());
    if (state == 0) return;
    if (state < 0) fail_connection(trimmed(PQerrorMessage(conn_.get())), "08006");
    const short events = wait_fd(PQsocket(conn_.get()), POLLIN | POLLOUT, deadline);
    if (events == 0) {
      cancel();
      fail_connection("timed out while sending", "TIMEOUT");
    }
    // libpq wants input consumed while output is stuck, or both sides block for ever.
    if ((events & POLLIN) != 0 && PQconsumeInput(conn_.get()) == 0) {
      fail_connection(trimmed(PQerrorMessage(conn_.get())), "08006");
    }
  }
}

PgResult PgConnection::next_result(const Deadline& deadline) {
  while (PQisBusy(conn_.get()) != 0) {
    if (wait_fd(PQsocket(conn_.get()), POLLIN, deadline) == 0) {
      cancel();
      fail_connection("no answer within the command timeout", "TIMEOUT");
    }
    if (PQconsumeInput(conn_.get()) == 0) {
      fail_connection("connection lost: " + trimmed(PQerrorMessage(conn_.get())), "08006");
    }
  }
  return PgResult(PQgetResult(conn_.get()));
}

// Reads all results of the last command; returns the last one, throws on the first error.
PgResult PgConnection::collect(const Deadline& deadline) {
  PgResult last;
  PgResult error;
  while (PgResult result = next_result(deadline)) {
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE) {
      if (!error) error = std::move(result);
      if (PQstatus(conn_.get()) == CONNECTION_BAD) break;
    } else if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT) {
      return result;
    } else {
      last = std::move(result);
    }
  }
  if (error) fail_result(error.get());
  return last;
}

void PgConnection::cancel() noexcept {
  const PgCancel handle(PQgetCancel(conn_.get()));
  std::array<char, 256> error{};
  if (handle) PQcancel(handle.get(), error.data(), static_cast<int>(error.size()));
}

// Every way out by exception that leaves the protocol in the middle closes the connection.
void PgConnection::execute(const std::string& sql) { execute(sql, config_.command_timeout); }

void PgConnection::execute(const std::string& sql, Milliseconds timeout) {
  need_open();
  const Deadline deadline(timeout);
  try {
    if (PQsendQuery(conn_.get(), sql.c_str()) == 0)
      fail_connection(trimmed(PQerrorMessage(conn_.get())), "08006");
    flush(deadline);
    collect(deadline);
  } catch (const IoError&) {
    throw;  // fail_connection has closed, fail_result has drained
  } catch (...) {
    cancel();
    conn_.reset();
    throw;
  }
}

PgResult PgConnection::query(const std::string& sql, std::span<const PgParam> params, bool binary) {
  need_open();
  const Deadline deadline(config_.command_timeout);
  std::vector<const char*> values;
  std::vector<int> lengths;
  std::vector<int> formats;
  for (const PgParam& p : params) {
    values.push_back(p.value ? p.value->c_str() : nullptr);
    lengths.push_back(p.value ? static_cast<int>(p.value->size()) : 0);
    formats.push_back(p.binary ? 1 : 0);
  }
  try {
    if (PQsendQueryParams(conn_.get(), sql.c_str(), static_cast<int>(params.size()), nullptr,
                          values.data(), lengths.data(), formats.data(), binary ? 1 : 0) == 0) {
      fail_connection(trimmed(PQerrorMessage(conn_.get())), "08006");
    }
    flush(deadline);
    return collect(deadline);
  } catch (const IoError&) {
    throw;
  } catch (...) {
    cancel();
    conn_.reset();
    throw;
  }
}

PgResult PgConnection::describe(const std::string& sql) {
  need_open();
  const Deadline deadline(config_.command_timeout);
  try {
    if (PQsendPrepare(conn_.get(), "", sql.c_str(), 0, nullptr) == 0) {
      fail_connection(trimmed(PQerrorMessage(conn_.get())), "08006");
    }
    flush(deadline);
    collect(deadline);
    if (PQsendDescribePrepared(conn_.get(), "") == 0) {
      fail_connection(trimmed(PQerrorMessage(conn_.get())), "08006");
    }
    flush(deadline);
    return collect(deadline);
  } catch (const IoError&) {
    throw;
  } catch (...) {
    conn_.reset();
    throw;
  }
}

namespace {
// Hands pieces to libpq; waits when the socket is full.
class LibpqSink final : public PgConnection::CopySink {
 public:
  LibpqSink(PGconn* conn, std::function<void()> flush) : conn_(conn), flush_(std::move(flush)) {}
  void put(std::string_view piece) override {
    // Non-blocking libpq buffers without bound: flush after every piece.
    while (true) {
      const int state = PQputCopyData(conn_, piece.data(), static_cast<int>(piece.size()));
      if (state == 1) break;
      if (state < 0) {
        throw IoError(IoError::Source::Store, "Postgres: COPY: " + trimmed(PQerrorMessage(conn_)),
                      true, "08006");
      }
      flush_();
    }
    flush_();
  }

 private:
  PGconn* conn_;
  std::function<void()> flush_;
};
}  // namespace

std::int64_t PgConnection::copy_in(const std::string& sql,
                                   const std::function<void(CopySink&)>& send) {
  need_open();
  const Deadline deadline(config_.command_timeout);
  try {
    if (PQsendQuery(conn_.get(), sql.c_str()) == 0)
      fail_connection(trimmed(PQerrorMessage(conn_.get())), "08006");
    flush(deadline);
    const PgResult ready = collect(deadline);
    if (PQresultStatus(ready.get()) != PGRES_COPY_IN) {
      fail_connection("the statement is not COPY ... FROM STDIN", "42601");
    }
    LibpqSink sink(conn_.get(), [&] { flush(deadline); });
    send(sink);
    if (PQputCopyEnd(conn_.get(), nullptr) < 0)
      fail_connection(trimmed(PQerrorMessage(conn_.get())), "08006");
    flush(deadline);
    const PgResult done = collect(deadline);
    const std::string rows = PQcmdTuples(done.get());
    return rows.empty() ? 0 : std::stoll(rows);
  } catch (const IoError&) {
    // fail_result leaves a usable connection; if the COPY is still open it is not.
    if (conn_ && PQtransactionStatus(conn_.get()) == PQTRANS_ACTIVE) conn_.reset();
    throw;
  } catch (...) {
    conn_.reset();
    throw;
  }
}

std::optional<PgNotification> PgConnection::wait_notification(const Deadline& deadline) {
  need_open();
  for (;;) {
    if (const PgNotify note{PQnotifies(conn_.get())}) {
      return PgNotification{note->relname, note->extra, note->be_pid};
    }
    if (wait_fd(PQsocket(conn_.get()), POLLIN, deadline) == 0) return std::nullopt;
    if (PQconsumeInput(conn_.get()) == 0) {
      fail_connection("connection lost: " + trimmed(PQerrorMessage(conn_.get())), "08006");
    }
  }
}

void PgConnection::need_open() const {
  // Never reconnects by itself: the statement may belong to a transaction that died.
  if (!conn_) {
    throw IoError(IoError::Source::Store, "Postgres: the connection was closed", true, "08003");
  }
}

bool PgConnection::alive() {
  if (!reusable()) return false;
  pollfd item{PQsocket(conn_.get()), POLLIN, 0};
  // Whatever an idle connection is told, it is mostly its end, and the hang-up may come later than
  // the words: a new connection costs a millisecond.
  return ::poll(&item, 1, 0) <= 0;
}

bool PgConnection::reusable() const noexcept {
  return conn_ && PQstatus(conn_.get()) == CONNECTION_OK &&
         PQtransactionStatus(conn_.get()) == PQTRANS_IDLE;
}

bool PgConnection::in_transaction() const noexcept {
  return conn_ && PQtransactionStatus(conn_.get()) != PQTRANS_IDLE;
}

std::string PgConnection::quote(std::string_view identifier) {
  std::string out = "\"";
  for (const char c : identifier) {
    if (c == '"') out.push_back('"');
    out.push_back(c);
  }
  out.push_back('"');
  return out;
}

}  // namespace logforest::io
