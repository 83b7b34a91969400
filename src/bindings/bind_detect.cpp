#include <pybind11/numpy.h>

#include "logforest/detect/kinds.hpp"
#include "logforest/detect/signals.hpp"
#include "logforest/normalize/fingerprint.hpp"
#include "py.hpp"

namespace logforest::bindings {

namespace {
using detect::Closed;
using detect::FacetCell;
using detect::Kinds;
using detect::ServiceCell;
using detect::Signals;
using detect::TemplateSlot;

// Log text may hold any bytes.
py::str lenient(std::string_view text) {
  PyObject* const decoded =
      PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace");
  if (decoded == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::str>(decoded);
}

// A column of a vector of structs as a numpy array.
template <class T, class Row, class F>
py::array_t<T> column(const std::vector<Row>& rows, F&& f) {
  py::array_t<T> out(static_cast<py::ssize_t>(rows.size()));
  T* const data = out.mutable_data();
  for (std::size_t i = 0; i < rows.size(); ++i) data[i] = static_cast<T>(f(rows[i]));
  return out;
}

py::dict service_cells(const std::vector<ServiceCell>& cells) {
  py::dict d;
  const auto add = [&](const char* name, auto member) {
    using T = std::decay_t<decltype(cells.front().*member)>;
    d[name] = column<T>(cells, [member](const ServiceCell& c) { return c.*member; });
  };
  add("window", &ServiceCell::window);
  add("service", &ServiceCell::service);
  add("count", &ServiceCell::count);
  add("errors", &ServiceCell::errors);
  add("client_errors", &ServiceCell::client_errors);
  add("auth_failures", &ServiceCell::auth_failures);
  add("timed", &ServiceCell::timed);
  add("first_id", &ServiceCell::first_id);
  add("first_error_id", &ServiceCell::first_error_id);
  add("first_auth_id", &ServiceCell::first_auth_id);
  add("last_id", &ServiceCell::last_id);
  add("residuals", &ServiceCell::residuals);
  add("residual_sum", &ServiceCell::residual_sum);
  add("residual_squares", &ServiceCell::residual_squares);
  add("top_count", &ServiceCell::top_count);
  add("users", &ServiceCell::users);
  add("top_users", &ServiceCell::top_users);
  py::list addresses;
  for (const ServiceCell& cell : cells) addresses.append(lenient(cell.top_address));
  d["top_address"] = addresses;
  py::array_t<float> latency({cells.size(), detect::kLatencyBins});
  float* out = latency.mutable_data();
  for (const ServiceCell& cell : cells) {
    out = std::copy(cell.latency.begin(), cell.latency.end(), out);
  }
  d["latency"] = latency;
  return d;
}

py::dict facet_cells(const std::vector<FacetCell>& cells) {
  py::dict d;
  d["window"] = column<std::int64_t>(cells, [](const FacetCell& c) { return c.window; });
  d["service"] = column<std::int32_t>(cells, [](const FacetCell& c) { return c.service; });
  d["facet"] = column<std::int32_t>(cells, [](const FacetCell& c) { return c.facet; });
  d["count"] = column<std::int64_t>(cells, [](const FacetCell& c) { return c.count; });
  d["first_id"] = column<std::int64_t>(cells, [](const FacetCell& c) { return c.first_id; });
  return d;
}

py::tuple slot_columns(const Signals& signals, std::size_t from) {
  const std::vector<TemplateSlot>& all = signals.slots();
  const std::vector<TemplateSlot> part(
      all.begin() + static_cast<std::ptrdiff_t>(std::min(from, all.size())), all.end());
  return py::make_tuple(
      column<std::int32_t>(part, [](const TemplateSlot& s) { return s.service; }),
      column<std::uint8_t>(part, [](const TemplateSlot& s) { return s.level; }),
      column<std::uint8_t>(part, [](const TemplateSlot& s) { return s.auth_failure; }));
}

void check_rows(const LogBatch& logs, std::size_t begin, std::size_t end) {
  if (begin > end || end > logs.num_rows()) throw ConfigError("the batch has no such rows");
}

py::tuple slot(const Signals& signals, std::size_t index) {
  const TemplateSlot& s = signals.slots().at(index);
  std::string text;
  template_text(s.example, text);
  return py::make_tuple(s.template_id, lenient(text), lenient(s.example));
}
// float32[end - begin, quantities]
py::array_t<float> deviations(const Kinds& self, const LogBatch& logs, std::size_t begin,
                              std::size_t end) {
  check_rows(logs, begin, end);
  py::array_t<float> out({end - begin, Kinds::kQuantities});
  float* const data = out.mutable_data();
  without_gil([&] { self.deviations(logs.chunks, begin, end, data); });
  return out;
}
}  // namespace

void bind_detect(py::module_& m) {
  m.attr("LATENCY_BINS") = detect::kLatencyBins;
  m.attr("LATENCY_BINS_PER_OCTAVE") = detect::kBinsPerOctave;
  m.attr("LATENCY_FIRST_OCTAVE") = detect::kFirstOctave;
  py::class_<Signals>(m, "Signals")
      .def(py::init<std::int64_t, std::size_t, std::size_t>(), py::kw_only(), py::arg("window_us"),
           py::arg("max_services"), py::arg("max_templates"))
      .def(
          "add",
          [](Signals& self, const LogBatch& logs) { without_gil([&] { self.add(logs.chunks); }); },
          py::arg("logs"))
      .def(
          "take",
          [](Signals& self, std::int64_t end) {
            const Closed closed = without_gil([&] { return self.take(end); });
            return py::make_tuple(service_cells(closed.services), facet_cells(closed.templates),
                                  facet_cells(closed.statuses));
          },
          py::arg("end"))
      .def(
          "peek",
          [](const Signals& self, std::int64_t window, std::int32_t service, int status) {
            const auto share = self.peek(window, service, status);
            return py::make_tuple(share.count, share.with_status);
          },
          py::arg("window"), py::arg("service"), py::arg("status"))
      .def_property_readonly("watermark_us", &Signals::watermark_us)
      .def_property_readonly("records", &Signals::records)
      .def_property_readonly("late", &Signals::late)
      .def_property_readonly("window_us", &Signals::window_us)
      .def_property_readonly("num_slots", [](const Signals& s) { return s.slots().size(); })
      .def("services",
           [](const Signals& self) {
             py::list names;
             for (const std::string& name : self.services()) names.append(lenient(name));
             return names;
           })
      .def("slot_columns", &slot_columns, py::arg("first"))
      .def("slot", &slot, py::arg("index"))
      .def("save", [](const Signals& self) { return py::bytes(self.save()); })
      .def_static(
          "load",
          [](const py::bytes& bytes) {
            return Signals::load(static_cast<std::string_view>(bytes));
          },
          py::arg("data"));
  py::class_<Kinds>(m, "Kinds")
      .def(py::init<std::size_t>(), py::kw_only(), py::arg("most_kinds"))
      .def("deviations", &deviations, py::arg("logs"), py::arg("begin"), py::arg("end"))
      .def(
          "add",
          [](Kinds& self, const LogBatch& logs, std::size_t begin, std::size_t end) {
            check_rows(logs, begin, end);
            without_gil([&] { self.add(logs.chunks, begin, end); });
          },
          py::arg("logs"), py::arg("begin"), py::arg("end"))
      .def("turn", &Kinds::turn)
      .def_property_readonly("num_kinds", &Kinds::size)
      .def("save", [](const Kinds& self) { return py::bytes(self.save()); })
      .def_static(
          "load",
          [](const py::bytes& bytes) { return Kinds::load(static_cast<std::string_view>(bytes)); },
          py::arg("data"));
}

}  // namespace logforest::bindings
