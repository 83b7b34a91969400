#include "logforest/parse/regex_format.hpp"
#include "logforest/parse/registry.hpp"
#include "logforest/parse/row_builder.hpp"
#include "py.hpp"

namespace logforest::bindings {

namespace {

using parse::Format;
using parse::LineResult;
using parse::ParseOptions;
using parse::RowBuilder;

// A parser written in Python: one call a line, with the GIL held for it.
class PythonLineParser final : public parse::LineParser {
 public:
  explicit PythonLineParser(std::shared_ptr<py::object> parser) : parser_(std::move(parser)) {}

  LineResult parse_line(std::string_view line, RowBuilder& row) override {
    const py::gil_scoped_acquire gil;
    try {
      const py::object result = parser_->attr("parse")(py::str(line.data(), line.size()));
      if (result.is_none()) return {Reject::NoMatch};
      if (!py::isinstance<py::dict>(result)) return {Reject::ParserError};
      row.begin();
      bool message = false;
      for (const auto& [key, value] : result.cast<py::dict>()) {
        if (!py::isinstance<py::str>(key)) return {Reject::ParserError};
        const auto name = key.cast<std::string>();
        message = message || name == "message" || name == "msg";
        if (!put(name, value, row)) return {Reject::ParserError};
      }
      if (!message) row.message(line);
      return {};
    } catch (const py::error_already_set& error) {
      if (error.matches(PyExc_KeyboardInterrupt) || error.matches(PyExc_SystemExit)) {
        PyErr_SetInterrupt();  // seen by the thread that waits for the reader
      }
      return {Reject::ParserError};
    } catch (const py::cast_error&) {
      return {Reject::ParserError};
    }
  }

 private:
  static bool put(const std::string& name, const py::handle& value, RowBuilder& row) {
    if (value.is_none()) return true;
    if (py::isinstance<py::bool_>(value)) {
      row.field_json(name, value.cast<bool>() ? "true" : "false");
    } else if (py::isinstance<py::int_>(value)) {
      int overflow = 0;
      const long long n = PyLong_AsLongLongAndOverflow(value.ptr(), &overflow);
      if (overflow != 0) {
        row.field_text(name, py::str(value).cast<std::string>());
      } else {
        row.field_int(name, n);
      }
    } else if (py::isinstance<py::float_>(value)) {
      row.field_double(name, value.cast<double>());
    } else if (py::isinstance<py::str>(value)) {
      row.field_text(name, value.cast<std::string>());
    } else if (py::hasattr(value, "isoformat")) {
      row.field_text(name, value.attr("isoformat")().cast<std::string>());
    } else if (py::isinstance<py::dict>(value) || py::isinstance<py::list>(value) ||
               py::isinstance<py::tuple>(value)) {
      const py::object dumps = py::module_::import("json").attr("dumps");
      row.field_json(name, dumps(value, py::arg("allow_nan") = false).cast<std::string>());
    } else {
      return false;
    }
    return true;
  }

  std::shared_ptr<py::object> parser_;
};

// The last reference may be dropped by a worker thread: the GIL is taken for it.
std::shared_ptr<py::object> shared_object(py::object object) {
  return {new py::object(std::move(object)), [](py::object* o) {
            if (Py_IsInitialized() == 0) return;
            const py::gil_scoped_acquire gil;
            delete o;
          }};
}

void register_python(const std::string& name, py::object parser, const std::string& description) {
  Format format;
  format.name = name;
  format.description = description;
  format.make = [shared = shared_object(std::move(parser))](const ParseOptions&) {
    return std::make_unique<PythonLineParser>(shared);
  };
  parse::register_format(std::move(format));
}

}  // namespace

void bind_formats(py::module_& m) {
  m.def(
      "register_regex",
      [](std::string name, std::string description, std::vector<std::string> patterns,
         std::vector<std::string> time_formats, parse::RegexSpec::Pairs levels,
         parse::RegexSpec::Pairs constants, std::vector<std::string> integers, bool multiline,
         bool detect, int rank) {
        parse::RegexSpec spec;
        spec.name = std::move(name);
        spec.description = std::move(description);
        spec.patterns = std::move(patterns);
        spec.time_formats = std::move(time_formats);
        spec.levels = std::move(levels);
        spec.constants = std::move(constants);
        spec.integers = std::move(integers);
        spec.multiline = multiline;
        spec.detect = detect;
        spec.rank = rank;
        parse::register_format(parse::regex_format(std::move(spec)));
      },
      py::arg("name"), py::arg("description"), py::arg("patterns"), py::arg("time_formats"),
      py::arg("levels"), py::arg("constants"), py::arg("integers"), py::arg("multiline"),
      py::arg("detect"), py::arg("rank"));
  m.def("register_python", &register_python, py::arg("name"), py::arg("parser"),
        py::arg("description"));

  m.def("format_list", [] {
    py::list out;
    for (const auto& format : parse::all_formats()) {
      py::dict d;
      d["name"] = format->name;
      d["description"] = format->description;
      d["detected"] = static_cast<bool>(format->detect);
      d["multiline"] = format->multiline;
      d["rank"] = format->rank;
      out.append(d);
    }
    return out;
  });

  // What every format says to one line: (name, reject reason or None), in the order of "auto".
  m.def(
      "try_formats",
      [](const std::string& line, const ParseOptions& options) {
        py::list out;
        const std::string padded = line + std::string(parse::kPadding, '\0');
        const std::string_view text = std::string_view(padded).substr(0, line.size());
        for (const auto& format : parse::all_formats()) {
          RecordBatch scratch;
          RowBuilder row(options, scratch);
          const LineResult result = format->make(options)->parse_line(text, row);
          const std::string_view why = reject_name(result.reject);
          out.append(
              py::make_tuple(format->name, result.reject == Reject::None
                                               ? py::object(py::none())
                                               : py::object(py::str(why.data(), why.size()))));
        }
        return out;
      },
      py::arg("line"), py::arg("options"));
}

}  // namespace logforest::bindings
