#include <map>
#include <mutex>

#include "logforest/io/block_codec.hpp"
#include "logforest/io/pool.hpp"
#include "logforest/io/redis_stream.hpp"
#include "logforest/record/record_batch.hpp"
#include "py.hpp"

namespace logforest::bindings {

namespace {

using io::Deadline;
using io::RedisConnection;

// Runs between the slices of a wait, without the GIL on entry.
void check_signals() {
  const py::gil_scoped_acquire gil;
  if (PyErr_CheckSignals() != 0) throw py::error_already_set();
}

io::Milliseconds to_ms(double seconds) {
  return io::Milliseconds(static_cast<std::int64_t>(seconds * 1000.0));
}

// A command's arguments as bytes. Python's own buffers are copied once: the call runs without GIL.
std::string to_bytes(const py::handle& value) {
  if (py::isinstance<py::bytes>(value)) return std::string(value.cast<std::string_view>());
  if (py::isinstance<py::str>(value)) return value.cast<std::string>();
  if (py::isinstance<py::bool_>(value))
    throw py::type_error("Redis arguments are str, bytes, int or float");
  if (py::isinstance<py::int_>(value) || py::isinstance<py::float_>(value))
    return py::str(value).cast<std::string>();
  throw py::type_error("Redis arguments are str, bytes, int or float");
}

std::vector<std::string> to_arguments(const py::iterable& values) {
  std::vector<std::string> out;
  for (const py::handle value : values) out.push_back(to_bytes(value));
  return out;
}

io::RedisArgs views(const std::vector<std::string>& arguments) {
  return {arguments.begin(), arguments.end()};
}

py::object to_python(const redisReply& reply) {
  switch (reply.type) {
    case REDIS_REPLY_INTEGER:
      return py::int_(reply.integer);
    case REDIS_REPLY_NIL:
      return py::none();
    case REDIS_REPLY_ARRAY: {
      py::list out(reply.elements);
      for (std::size_t i = 0; i < reply.elements; ++i) out[i] = to_python(*reply.element[i]);
      return out;
    }
    case REDIS_REPLY_ERROR:
      throw io::redis_error({reply.str, reply.len});
    default:
      return py::bytes(reply.str, reply.len);
  }
}

// Like to_python, but an error reply is an instance of QueueError.
py::object to_value(const redisReply& reply) {
  if (reply.type != REDIS_REPLY_ERROR) return to_python(reply);
  const IoError error = io::redis_error({reply.str, reply.len});
  py::object instance = py::module_::import("logforest.errors").attr("QueueError")(error.what());
  instance.attr("retryable") = error.retryable();
  instance.attr("code") = error.code();
  return instance;
}

void number_records(LogBatch& logs, const std::vector<std::int64_t>& starts,
                    const std::vector<std::int64_t>& counts) {
  if (starts.size() != counts.size()) throw ConfigError("number_records: starts and counts differ");
  std::size_t run = 0;
  std::int64_t used = 0;
  for (const auto& chunk : logs.chunks) {
    auto& ids = chunk->id;
    ids.clear();
    ids.mutable_values().reserve(chunk->rows);
    for (std::size_t row = 0; row < chunk->rows; ++row) {
      while (run < counts.size() && used == counts[run]) {
        ++run;
        used = 0;
      }
      if (run == counts.size()) throw ConfigError("number_records: more records than ids");
      ids.set(row, starts[run] + used++);
    }
  }
}

// The plain bytes, decompressed in place.
py::bytes unpack(std::string_view codec, std::string_view data) {
  if (codec.empty()) return {data.data(), data.size()};
  const std::size_t size = io::unpacked_size(codec, data);
  auto out = py::reinterpret_steal<py::bytes>(
      PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(size)));
  if (!out) throw py::error_already_set();
  char* const at = PyBytes_AS_STRING(out.ptr());
  without_gil([&] { io::unpack_block(data, at, size); });
  return out;
}

// What `data` says it holds; what is damaged counts as it lies.
std::size_t plain_size(const io::StreamItem& item) {
  if (item.codec.empty()) return item.data.size();
  try {
    return io::unpacked_size(item.codec, item.data);
  } catch (const ConfigError&) {
    return item.data.size();
  }
}

class RedisClient {
 public:
  RedisClient(const std::string& url, std::size_t pool_size, double connect_timeout,
              double command_timeout, const std::string& name)
      : config_(io::parse_redis_url(url)), pool_(IoError::Source::Queue, pool_size, [this] {
          return std::make_unique<RedisConnection>(config_);
        }) {
    config_.connect_timeout = to_ms(connect_timeout);
    config_.command_timeout = to_ms(command_timeout);
    config_.client_name = name;
  }

  py::object command(const py::args& args, double wait) {
    const std::vector<std::string> arguments = to_arguments(args);
    const io::RedisReply reply = without_gil([&] {
      const auto redis = lease();
      return redis->command(views(arguments), to_ms(wait));
    });
    return to_python(*reply);
  }

  py::list pipeline(const std::vector<py::tuple>& commands) {
    std::vector<std::vector<std::string>> arguments;
    arguments.reserve(commands.size());
    for (const py::tuple& c : commands) arguments.push_back(to_arguments(c));
    const auto replies = without_gil([&] {
      std::vector<io::RedisArgs> all;
      all.reserve(arguments.size());
      for (const auto& a : arguments) all.push_back(views(a));
      const auto redis = lease();
      return redis->pipeline(all);
    });
    py::list out;
    for (const auto& reply : replies) out.append(to_value(*reply));
    return out;
  }

  // For EVALSHA in a pipeline.
  std::string load_script(const std::string& script, bool reload) {
    return without_gil([&] {
      const auto redis = lease();
      return script_sha(*redis, script, reload);
    });
  }

  // EVALSHA; the script is loaded when the server does not know it (first use, restart, flush).
  py::object eval(const std::string& script, const py::iterable& keys, const py::iterable& args) {
    std::vector<std::string> arguments = to_arguments(keys);
    const std::string key_count = std::to_string(arguments.size());
    for (std::string& a : to_arguments(args)) arguments.push_back(std::move(a));
    const io::RedisReply reply = without_gil([&] {
      const auto redis = lease();
      for (bool retried = false;; retried = true) {
        const std::string sha = script_sha(*redis, script, retried);
        io::RedisArgs all{"EVALSHA", sha, key_count};
        all.insert(all.end(), arguments.begin(), arguments.end());
        try {
          return redis->command(all);
        } catch (const IoError& e) {
          if (e.code() != "NOSCRIPT" || retried) throw;
        }
      }
    });
    return to_python(*reply);
  }

  io::StreamRead read_group(const std::string& stream, const std::string& group,
                            const std::string& consumer, std::int64_t count, double block,
                            const std::string& from) {
    return without_gil([&] {
      const auto redis = lease();
      return io::read_group(*redis, stream, group, consumer, count, to_ms(block), from);
    });
  }

  io::StreamRead claim_idle(const std::string& stream, const std::string& group,
                            const std::string& consumer, double min_idle, const std::string& cursor,
                            std::int64_t count) {
    return without_gil([&] {
      const auto redis = lease();
      return io::claim_idle(*redis, stream, group, consumer, to_ms(min_idle), cursor, count);
    });
  }

  io::StreamRead read_range(const std::string& stream, const std::string& from,
                            const std::string& to, std::int64_t count) {
    return without_gil([&] {
      const std::string count_text = std::to_string(count);
      const auto redis = lease();
      io::StreamRead out;
      io::decode_entries(
          *redis->command(io::RedisArgs{"XRANGE", stream, from, to, "COUNT", count_text}), out);
      return out;
    });
  }

  std::unique_ptr<RedisConnection> connect() const {
    return std::make_unique<RedisConnection>(config_);
  }
  void close() { pool_.close(); }

 private:
  io::Pool<RedisConnection>::Lease lease() {
    return pool_.acquire(Deadline(config_.command_timeout));
  }
  std::string script_sha(RedisConnection& redis, const std::string& script, bool reload) {
    {
      const std::lock_guard lock(scripts_mutex_);
      if (const auto it = scripts_.find(script); it != scripts_.end() && !reload) return it->second;
    }
    const io::RedisReply reply = redis.command(io::RedisArgs{"SCRIPT", "LOAD", script});
    const std::lock_guard lock(scripts_mutex_);
    return scripts_[script] = std::string(reply->str, reply->len);
  }

  io::RedisConfig config_;
  io::Pool<RedisConnection> pool_;
  std::mutex scripts_mutex_;
  std::map<std::string, std::string> scripts_;
};

class Subscription {
 public:
  Subscription(const RedisClient& client, const std::vector<std::string>& channels)
      : connection_(client.connect()) {
    connection_->subscribe(io::RedisArgs(channels.begin(), channels.end()));
  }
  // (channel, payload), or None when the time has passed.
  py::object next(double timeout) {
    const io::RedisReply reply = without_gil([&] {
      if (!connection_)
        throw IoError(IoError::Source::Queue, "the subscription is closed", false, "CLOSED");
      return connection_->next_message(Deadline::after(timeout));
    });
    if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != 3) return py::none();
    const redisReply& channel = *reply->element[1];
    return py::make_tuple(py::str(channel.str, channel.len), to_python(*reply->element[2]));
  }
  void close() { connection_.reset(); }

 private:
  std::unique_ptr<RedisConnection> connection_;
};

}  // namespace

void bind_redis(py::module_& m) {
  io::set_interrupt_check(check_signals);
  using namespace py::literals;

  py::class_<io::StreamItem>(m, "StreamItem")
      .def_readonly("entry_ids", &io::StreamItem::entry_ids)
      .def_readonly("block", &io::StreamItem::block)
      .def_readonly("stored", &io::StreamItem::stored)
      .def_property_readonly("data",
                             [](const io::StreamItem& i) { return unpack(i.codec, i.data); })
      .def_property_readonly("size", &plain_size)
      .def_readonly("format", &io::StreamItem::format)
      .def_readonly("tenant", &io::StreamItem::tenant)
      .def_readonly("key", &io::StreamItem::key)
      .def_readonly("trace", &io::StreamItem::trace)
      .def_readonly("options", &io::StreamItem::options)
      .def_readonly("first_id", &io::StreamItem::first_id)
      .def_readonly("count", &io::StreamItem::count)
      .def_readonly("received_us", &io::StreamItem::received_us)
      .def_readonly("record_ids", &io::StreamItem::record_ids);

  py::class_<io::PlainBytes>(m, "PlainBytes")
      .def("__len__", [](const io::PlainBytes& b) { return b.bytes.size(); })
      .def("part", &io::PlainBytes::part, "at"_a, "size"_a, py::keep_alive<0, 1>());
  m.def(
      "open_item",
      [](const io::StreamItem& item) { return without_gil([&] { return io::open_item(item); }); },
      "item"_a, py::keep_alive<0, 1>());

  py::class_<io::StreamRead>(m, "StreamRead")
      .def_readonly("items", &io::StreamRead::items)
      .def_readonly("lost", &io::StreamRead::lost)
      .def_readonly("cursor", &io::StreamRead::cursor);

  py::class_<RedisClient>(m, "RedisClient")
      .def(py::init<const std::string&, std::size_t, double, double, const std::string&>(), "url"_a,
           py::kw_only(), "pool_size"_a = 8, "connect_timeout"_a = 5.0, "command_timeout"_a = 30.0,
           "name"_a = "logforest")
      .def("command", &RedisClient::command, py::kw_only(), "wait"_a = 0.0)
      .def("pipeline", &RedisClient::pipeline, "commands"_a)
      .def("load_script", &RedisClient::load_script, "script"_a, "reload"_a = false)
      .def("eval", &RedisClient::eval, "script"_a, "keys"_a, "args"_a)
      .def("read_group", &RedisClient::read_group, "stream"_a, "group"_a, "consumer"_a, "count"_a,
           "block"_a, "from_id"_a = ">")
      .def("claim_idle", &RedisClient::claim_idle, "stream"_a, "group"_a, "consumer"_a,
           "min_idle"_a, "cursor"_a, "count"_a)
      .def("read_range", &RedisClient::read_range, "stream"_a, "from_id"_a, "to_id"_a, "count"_a)
      .def("close", &RedisClient::close);

  py::class_<Subscription>(m, "RedisSubscription")
      .def(py::init([](const RedisClient& client, const std::vector<std::string>& channels) {
             const py::gil_scoped_release release;
             return std::make_unique<Subscription>(client, channels);
           }),
           "client"_a, "channels"_a)
      .def("next", &Subscription::next, "timeout"_a)
      .def("close", &Subscription::close);

  // (codec, bytes) for the queue; the codec is empty where compressing would not help.
  m.def(
      "pack_block",
      [](const py::bytes& data) -> py::tuple {
        const auto raw = static_cast<std::string_view>(data);
        Buffer<char> out;
        const std::string_view packed = without_gil([&] { return io::compress_block(raw, out); });
        if (packed.empty()) return py::make_tuple("", data);
        return py::make_tuple(py::str(io::kBlockCodec.data(), io::kBlockCodec.size()),
                              py::bytes(packed.data(), packed.size()));
      },
      "data"_a);
  m.def(
      "unpack_block",
      [](const std::string& codec, const py::bytes& data) {
        return unpack(codec, static_cast<std::string_view>(data));
      },
      "codec"_a, "data"_a);
  m.def("split_item", &io::split_item, "item"_a);
  // Gives the records their ids: runs of counts[i] ids from starts[i] on, in order.
  m.def(
      "number_records",
      [](LogBatch& logs, const std::vector<std::int64_t>& starts,
         const std::vector<std::int64_t>& counts) {
        without_gil([&] { number_records(logs, starts, counts); });
      },
      "logs"_a, "starts"_a, "counts"_a);
  m.def(
      "single_record_id", [](const std::string& id) { return io::single_record_id(id); },
      "entry_id"_a);
}

}  // namespace logforest::bindings
