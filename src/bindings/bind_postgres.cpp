#include <pybind11/numpy.h>

#include "arrow_capsule.hpp"
#include "logforest/base/parallel.hpp"
#include "logforest/io/pg_copy.hpp"
#include "logforest/io/pg_query.hpp"
#include "logforest/io/pool.hpp"
#include "py.hpp"

namespace logforest::bindings {

namespace {

using io::Deadline;
using io::PgConnection;
using PgPool = io::Pool<PgConnection>;

io::Milliseconds to_ms(double seconds) {
  return io::Milliseconds(static_cast<std::int64_t>(seconds * 1000.0));
}

io::PgParam to_param(const py::handle& value);

// {"a","b"}: every element quoted, so that nothing in it is syntax.
std::string array_literal(const py::handle& values) {
  std::string out = "{";
  for (const py::handle item : py::reinterpret_borrow<py::iterable>(values)) {
    if (out.size() > 1) out.push_back(',');
    if (item.is_none()) {
      out += "NULL";
      continue;
    }
    out.push_back('"');
    const io::PgParam element = to_param(item);
    for (const char c : element.value.value()) {
      if (c == '"' || c == '\\') out.push_back('\\');
      out.push_back(c);
    }
    out.push_back('"');
  }
  return out + "}";
}

io::PgParam to_param(const py::handle& value) {
  if (value.is_none()) return {};
  if (py::isinstance<py::bytes>(value)) return {std::string(value.cast<std::string_view>()), true};
  if (py::isinstance<py::bool_>(value)) return {value.cast<bool>() ? "true" : "false", false};
  if (py::isinstance<py::list>(value) || py::isinstance<py::tuple>(value))
    return {array_literal(value), false};
  if (py::hasattr(value, "isoformat"))
    return {value.attr("isoformat")().cast<std::string>(), false};
  // As COPY stores it, so that what was stored is found: NUL and lone surrogates are replaced.
  const py::bytes raw = py::str(value).attr("encode")("utf-8", "surrogatepass");
  return {io::clean_text(raw.cast<std::string_view>()), false};
}

std::vector<io::PgParam> to_params(const py::iterable& values) {
  std::vector<io::PgParam> out;
  for (const py::handle value : values) out.push_back(to_param(value));
  return out;
}

// One connection out of the pool, for a transaction. Not thread safe.
class PgSession {
 public:
  PgSession(PgPool& pool, const Deadline& deadline)
      : lease_(std::make_unique<PgPool::Lease>(pool.acquire(deadline))) {}

  // `timeout` in seconds instead of the command timeout.
  void execute(const std::string& sql, std::optional<double> timeout) {
    without_gil([&] {
      if (timeout)
        connection().execute(sql, to_ms(*timeout));
      else
        connection().execute(sql);
    });
  }
  ArrowTable query(const std::string& sql, const py::iterable& params) {
    const auto list = to_params(params);
    auto table = without_gil([&] { return io::query_arrow(connection(), sql, list); });
    return {std::move(table.schema), std::move(table.chunks)};
  }
  std::shared_ptr<LogBatch> query_logs(const std::string& sql, const py::iterable& params) {
    const auto list = to_params(params);
    return without_gil([&] {
      auto batch = std::make_shared<LogBatch>();
      batch->chunks.push_back(io::query_records(connection(), sql, list));
      batch->counts.records = static_cast<std::int64_t>(batch->num_rows());
      return batch;
    });
  }
  std::int64_t copy_logs(const std::string& table, const LogBatch& batch) {
    return without_gil([&] { return io::copy_records(connection(), table, batch); });
  }
  std::size_t copy_segments(const LogBatch& batch, std::size_t rows) {
    if (rows == 0) throw ConfigError("copy_segments: rows is 0");
    return without_gil([&] {
      const auto segments = search::build_segments(batch, rows);
      io::copy_segments(connection(), segments);
      return segments.size();
    });
  }
  std::int64_t copy_arrow(const std::string& table, const py::object& source) {
    // A stream that calls back into Python takes the GIL itself (pyarrow's do). Holding it here
    // would stop the whole process while Postgres waits for a lock.
    const StreamSource in = open_stream(source);
    return without_gil([&] { return io::copy_arrow(connection(), table, in.stream); });
  }
  py::object wait_notification(double timeout) {
    const auto note =
        without_gil([&] { return connection().wait_notification(Deadline::after(timeout)); });
    if (!note) return py::none();
    return py::make_tuple(note->channel, note->payload);
  }
  [[nodiscard]] bool in_transaction() const { return lease_ && (**lease_).in_transaction(); }
  // Back to the pool; an open transaction is not: its connection is dropped, the server rolls back.
  void close() { lease_.reset(); }

 private:
  PgConnection& connection() {
    if (!lease_)
      throw IoError(IoError::Source::Store, "Postgres: the session is closed", false, "CLOSED");
    return **lease_;
  }
  std::unique_ptr<PgPool::Lease> lease_;
};

class PgClient {
 public:
  PgClient(const std::string& dsn, std::size_t pool_size, double connect_timeout,
           double command_timeout, const std::string& name)
      : pool_(IoError::Source::Store, pool_size,
              [this] { return std::make_unique<PgConnection>(config_); }) {
    config_.dsn = dsn;
    config_.connect_timeout = to_ms(connect_timeout);
    config_.command_timeout = to_ms(command_timeout);
    config_.application_name = name;
  }
  std::unique_ptr<PgSession> session() {
    return without_gil(
        [&] { return std::make_unique<PgSession>(pool_, Deadline(config_.connect_timeout)); });
  }
  void close() { pool_.close(); }

 private:
  io::PgConfig config_;
  PgPool pool_;
};

// For each segment (time, id, peers) of the records that may hold the terms, [n, 3] int64; None:
// its digest does not tell.
py::list search_digests(const std::vector<std::string>& terms, const py::list& digests,
                        const py::list& runs) {
  const auto views = [](const py::list& values) {
    std::vector<std::string_view> out;
    for (const py::handle value : values) {
      out.push_back(value.is_none() ? std::string_view() : value.cast<std::string_view>());
    }
    return out;
  };
  if (digests.size() != runs.size()) throw ConfigError("search_digests: lengths differ");
  const auto texts = views(digests);
  const auto ids = views(runs);
  std::vector<std::optional<std::vector<search::Hit>>> found(texts.size());
  without_gil([&] {
    const search::DigestSearch search(terms);
    parallel_for(texts.size(), resolve_threads(0),
                 [&](std::size_t i, std::size_t) { found[i] = search.find(texts[i], ids[i]); });
  });
  py::list out;
  for (const auto& hits : found) {
    if (!hits) {
      out.append(py::none());
      continue;
    }
    py::array_t<std::int64_t> rows({hits->size(), std::size_t{3}});
    auto* at = rows.mutable_data();
    for (const search::Hit& hit : *hits) {
      *at++ = hit.time;
      *at++ = hit.id;
      *at++ = hit.peers;
    }
    out.append(std::move(rows));
  }
  return out;
}

}  // namespace

void bind_postgres(py::module_& m) {
  using namespace py::literals;
  py::class_<PgSession>(m, "PgSession")
      .def("execute", &PgSession::execute, "sql"_a, "timeout"_a = py::none())
      .def("query", &PgSession::query, "sql"_a, "params"_a = py::tuple())
      .def("query_logs", &PgSession::query_logs, "sql"_a, "params"_a = py::tuple())
      .def("copy_logs", &PgSession::copy_logs, "table"_a, "batch"_a)
      .def("copy_segments", &PgSession::copy_segments, "batch"_a, "rows"_a)
      .def("copy_arrow", &PgSession::copy_arrow, "table"_a, "source"_a)
      .def("wait_notification", &PgSession::wait_notification, "timeout"_a)
      .def_property_readonly("in_transaction", &PgSession::in_transaction)
      .def("close", &PgSession::close);
  // Hash and bits (as int64) of each probe.
  const auto numbers = [](const search::Probe& probe) {
    return std::pair(probe.hash, static_cast<std::int64_t>(probe.bits));
  };
  m.def(
      "search_probes",
      [=](std::string_view term, std::size_t most) {
        std::vector<std::pair<std::uint32_t, std::int64_t>> out;
        for (const auto& probe : search::probes(term, most)) out.push_back(numbers(probe));
        return out;
      },
      "term"_a, "most"_a);
  m.def(
      "value_probes",
      [=](std::string_view column, std::string_view value) {
        std::vector<std::pair<std::uint32_t, std::int64_t>> out;
        for (const auto& probe : search::value_probes(search::value_hash(column, value))) {
          out.push_back(numbers(probe));
        }
        return out;
      },
      "column"_a, "value"_a);
  m.def(
      "search_tells",
      [](const std::vector<std::string>& terms) { return search::DigestSearch(terms).tells(); },
      "terms"_a);
  m.def("search_digests", &search_digests, "terms"_a, "digests"_a, "runs"_a);
  // Sessions hold their client.
  py::class_<PgClient>(m, "PgClient")
      .def(py::init<const std::string&, std::size_t, double, double, const std::string&>(), "dsn"_a,
           py::kw_only(), "pool_size"_a = 4, "connect_timeout"_a = 10.0, "command_timeout"_a = 60.0,
           "name"_a = "logforest")
      .def("session", &PgClient::session, py::keep_alive<0, 1>())
      .def("close", &PgClient::close);
}

}  // namespace logforest::bindings
