#include <algorithm>
#include <utility>

#include "logforest/base/time.hpp"
#include "logforest/base/utf8.hpp"
#include "logforest/parse/directives.hpp"
#include "logforest/parse/reader.hpp"
#include "logforest/parse/registry.hpp"
#include "logforest/pipeline/enrich.hpp"
#include "py.hpp"

namespace logforest::bindings {

namespace {

using parse::ParseOptions;
using parse::Reader;

// Any object with a contiguous buffer, kept alive and locked while it is read.
class BytesView {
 public:
  explicit BytesView(const py::object& object) {
    if (PyObject_GetBuffer(object.ptr(), &view_, PyBUF_SIMPLE) != 0) throw py::error_already_set();
  }
  BytesView(const BytesView&) = delete;
  BytesView& operator=(const BytesView&) = delete;
  ~BytesView() { PyBuffer_Release(&view_); }
  [[nodiscard]] std::string_view view() const noexcept {
    return {static_cast<const char*>(view_.buf), static_cast<std::size_t>(view_.len)};
  }

 private:
  Py_buffer view_{};
};

std::shared_ptr<LogBatch> shared(LogBatch&& batch) {
  return std::make_shared<LogBatch>(std::move(batch));
}

// Runs in the parsing threads, without the GIL.
parse::ChunkHook hook_of(const EnrichOptions& options) {
  return [options](RecordBatch& batch, RejectTable& /*rejects*/) { enrich(batch, options); };
}

// Stamps one a line: how many can be read, and the sum of their microseconds (mod 2^64).
std::pair<std::int64_t, std::int64_t> sum_of_stamps(std::string_view lines) {
  StampReader reader;
  std::int64_t count = 0;
  std::uint64_t sum = 0;
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    const std::string_view text = lines.substr(0, end);
    const auto read = reader.read(text, {});
    if (read && read->length == end) {
      ++count;
      sum += static_cast<std::uint64_t>(read->us);
    }
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  return {count, static_cast<std::int64_t>(sum)};
}

void put_field(parse::RowBuilder& row, std::string_view key, const py::handle& value,
               const py::object& dumps) {
  if (py::isinstance<py::str>(value)) {
    row.field_text(key, value.cast<std::string_view>());
  } else if (py::isinstance<py::bool_>(value)) {
    row.field_json(key, value.cast<bool>() ? "true" : "false");
  } else if (py::isinstance<py::float_>(value)) {
    row.field_double(key, value.cast<double>());
  } else if (value.is_none()) {
    row.field_json(key, "null");
  } else if (py::hasattr(value, "isoformat")) {
    row.field_text(key, value.attr("isoformat")().cast<std::string>());
  } else if (py::isinstance<py::int_>(value)) {
    int overflow = 0;
    const long long number = PyLong_AsLongLongAndOverflow(value.ptr(), &overflow);
    if (overflow == 0) {
      row.field_int(key, number);
    } else {
      row.field_json(key, py::str(value).cast<std::string>());
    }
  } else {
    row.field_json(key, dumps(value).cast<std::string>());
  }
}

// What a parser written in Python made of its lines: a dict is a record, None no match, anything
// else an error of the parser. Line numbers and offsets count from the given ones.
std::shared_ptr<LogBatch> rows_to_batch(const py::list& rows, const py::list& lines,
                                        const ParseOptions& options, const EnrichOptions& enriching,
                                        const std::string& format) {
  if (rows.size() != lines.size()) throw ConfigError("rows and lines differ in length");
  const py::object dumps = py::module_::import("json").attr("dumps");
  auto batch = std::make_shared<RecordBatch>();
  auto out = std::make_shared<LogBatch>();
  out->format = format;
  parse::RowBuilder row(options, *batch);
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto line = py::cast<std::string_view>(lines[i]);
    const py::handle fields = rows[i];
    Reject why = fields.is_none() ? Reject::NoMatch : Reject::ParserError;
    if (py::isinstance<py::dict>(fields)) {
      row.begin();
      try {
        for (const auto& [key, value] : py::reinterpret_borrow<py::dict>(fields)) {
          put_field(row, py::str(key).cast<std::string>(), value, dumps);
        }
        row.commit();
        why = Reject::None;
      } catch (const py::error_already_set&) {  // a value that JSON cannot hold, lone surrogates
        row.abandon();
      } catch (const py::cast_error&) {
        row.abandon();
      }
    }
    if (why != Reject::None) {
      out->rejected->add(static_cast<std::int64_t>(i) + 1, offset, why,
                         utf8_prefix(line, options.max_reject_text));
    }
    offset += static_cast<std::int64_t>(line.size()) + 1;
  }
  row.finish();
  enrich(*batch, enriching);
  out->counts.lines = static_cast<std::int64_t>(rows.size());
  out->counts.records = static_cast<std::int64_t>(batch->rows);
  out->counts.rejected = static_cast<std::int64_t>(out->rejected->size());
  out->counts.ambiguous_dates = row.ambiguous_dates();
  if (batch->rows != 0) out->chunks.push_back(std::move(batch));
  return out;
}

}  // namespace

void bind_parse(py::module_& m) {
  py::class_<ParseOptions>(m, "ParseOptions")
      .def(py::init<>())
      .def_readwrite("format", &ParseOptions::format)
      .def_readwrite("pattern", &ParseOptions::pattern)
      .def_readwrite("tenant", &ParseOptions::tenant)
      .def_readwrite("service", &ParseOptions::service)
      .def_readwrite("source", &ParseOptions::source)
      .def_readwrite("file", &ParseOptions::file)
      .def_readwrite("received_us", &ParseOptions::received_us)
      .def_readwrite("zone_minutes", &ParseOptions::zone_minutes)
      .def_readwrite("day_first", &ParseOptions::day_first)
      .def_readwrite("max_line_bytes", &ParseOptions::max_line_bytes)
      .def_readwrite("max_depth", &ParseOptions::max_depth)
      .def_readwrite("max_fields", &ParseOptions::max_fields)
      .def_readwrite("max_reject_text", &ParseOptions::max_reject_text)
      .def_readwrite("ask_all", &ParseOptions::ask_all)
      .def_readwrite("chunk_bytes", &ParseOptions::chunk_bytes)
      .def_readwrite("threads", &ParseOptions::threads);

  py::class_<EnrichOptions>(m, "EnrichOptions")
      .def(py::init<>())
      .def_readwrite("template_id", &EnrichOptions::template_id);

  m.def(
      "sum_of_stamps",
      [](const py::object& data) {
        const BytesView bytes(data);
        const py::gil_scoped_release nogil;
        return sum_of_stamps(bytes.view());
      },
      py::arg("data"));
  m.def(
      "parse_bytes",
      [](const py::object& data, const ParseOptions& options, const EnrichOptions& enriching) {
        const BytesView bytes(data);
        // The buffer is locked by BytesView; options are copied by the reader.
        return shared(without_gil(
            [&] { return parse::parse_buffer(bytes.view(), options, hook_of(enriching)); }));
      },
      py::arg("data"), py::arg("options"), py::arg("enrich"));
  m.def("rows_to_batch", &rows_to_batch, py::arg("rows"), py::arg("lines"), py::arg("options"),
        py::arg("enrich"), py::arg("format"));

  // The GIL is released inside; the object must not be used from two threads at once.
  py::class_<Reader>(m, "Reader")
      .def(py::init([](const ParseOptions& options, const EnrichOptions& enriching) {
             return std::make_unique<Reader>(options, hook_of(enriching));
           }),
           py::arg("options"), py::arg("enrich"))
      .def(
          "feed",
          [](Reader& r, const py::object& data) {
            const BytesView bytes(data);
            without_gil([&] { r.feed(bytes.view()); });
          },
          py::arg("data"))
      .def(
          "feed_descriptor",
          [](Reader& r, int descriptor, std::size_t ready_rows) {
            return without_gil([&] { return r.feed_descriptor(descriptor, ready_rows); });
          },
          py::arg("descriptor"), py::arg("ready_rows") = 0)
      .def("close", [](Reader& r) { without_gil([&] { r.close(); }); })
      .def_property_readonly("ready_rows", &Reader::ready_rows)
      .def(
          "take",
          [](Reader& r, std::size_t rows) {
            return shared(without_gil([&] { return r.take(rows); }));
          },
          py::arg("rows") = 0)
      .def("finish", [](Reader& r) { return shared(without_gil([&] { return r.finish(); })); });

  m.def(
      "detect_format",
      [](const py::object& data) -> py::object {
        const BytesView bytes(data);
        const parse::Detected found = parse::detect_format(bytes.view());
        if (!found.format) return py::none();
        return py::make_tuple(found.format->name, found.confidence);
      },
      py::arg("data"));

  // The lines of tables that are in force behind `data`; none when no columns are named.
  m.def(
      "directives",
      [](const py::object& data) {
        const BytesView bytes(data);
        std::string state;
        if (parse::names_columns(bytes.view())) {
          parse::carry_directives(state, bytes.view(), ParseOptions{}.max_line_bytes);
        }
        return py::bytes(state);
      },
      py::arg("data"));

  m.def("format_names", [] {
    py::list names;
    for (const auto& format : parse::all_formats()) names.append(format->name);
    return names;
  });
}

}  // namespace logforest::bindings
