#include "logforest/parse/reader.hpp"
#include "logforest/parse/registry.hpp"
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

}  // namespace

void bind_parse(py::module_& m) {
  py::class_<ParseOptions>(m, "ParseOptions")
      .def(py::init<>())
      .def_readwrite("format", &ParseOptions::format)
      .def_readwrite("pattern", &ParseOptions::pattern)
      .def_readwrite("tenant", &ParseOptions::tenant)
      .def_readwrite("service", &ParseOptions::service)
      .def_readwrite("source", &ParseOptions::source)
      .def_readwrite("received_us", &ParseOptions::received_us)
      .def_readwrite("zone_minutes", &ParseOptions::zone_minutes)
      .def_readwrite("day_first", &ParseOptions::day_first)
      .def_readwrite("max_line_bytes", &ParseOptions::max_line_bytes)
      .def_readwrite("max_depth", &ParseOptions::max_depth)
      .def_readwrite("max_fields", &ParseOptions::max_fields)
      .def_readwrite("max_reject_text", &ParseOptions::max_reject_text)
      .def_readwrite("chunk_bytes", &ParseOptions::chunk_bytes)
      .def_readwrite("threads", &ParseOptions::threads);

  m.def(
      "parse_bytes",
      [](const py::object& data, const ParseOptions& options) {
        const BytesView bytes(data);
        // The buffer is locked by BytesView; options are copied by the reader.
        return shared(without_gil([&] { return parse::parse_buffer(bytes.view(), options); }));
      },
      py::arg("data"), py::arg("options"));

  // The GIL is released inside; the object must not be used from two threads at once.
  py::class_<Reader>(m, "Reader")
      .def(py::init([](const ParseOptions& options) { return std::make_unique<Reader>(options); }))
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

  m.def("format_names", [] {
    py::list names;
    for (const auto& format : parse::all_formats()) names.append(format->name);
    return names;
  });
}

}  // namespace logforest::bindings
