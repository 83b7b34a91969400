#include "arrow_capsule.hpp"
#include "logforest/window/arrow.hpp"
#include "py.hpp"

namespace logforest::bindings {

namespace {
using window::Aggregate;
using window::Spec;

Spec make_spec(std::int64_t every, std::int64_t step, const std::vector<std::string>& by) {
  Spec spec{every, step, {}};
  for (const std::string& name : by) spec.by.push_back(window::key_from_name(name));
  return spec;
}

py::capsule table_capsule(const window::Table& table) {
  return stream_capsule(table.schema, {table.chunk});
}
}  // namespace

// Objects never change after they were made, so calls may run without the GIL.
void bind_window(py::module_& m) {
  py::class_<Aggregate, std::shared_ptr<Aggregate>>(m, "Windows")
      .def_static(
          "aggregate",
          [](const LogBatch& logs, std::int64_t every, std::int64_t step,
             const std::vector<std::string>& by, int threads) {
            const Spec spec = make_spec(every, step, by);
            return without_gil([&] {
              return std::make_shared<Aggregate>(window::aggregate(logs.chunks, spec, threads));
            });
          },
          py::arg("logs"), py::arg("every"), py::arg("step"), py::arg("by"), py::arg("threads") = 0)
      .def_static(
          "from_arrow",
          [](const py::object& source, std::int64_t every, std::int64_t step,
             const std::vector<std::string>& by) {
            const StreamSource in = open_stream(source);
            // The GIL stays held: the stream may call back into Python.
            return std::make_shared<Aggregate>(
                window::from_arrow(in.stream, make_spec(every, step, by)));
          },
          py::arg("source"), py::arg("every"), py::arg("step"), py::arg("by"))
      .def(
          "merge",
          [](const Aggregate& a, const Aggregate& b) {
            return without_gil([&] {
              auto sum = std::make_shared<Aggregate>(a);
              sum->merge(b);
              return sum;
            });
          },
          py::arg("other"))
      .def(
          "rollup",
          [](const Aggregate& a, std::int64_t every, std::int64_t step,
             const std::vector<std::string>& by) {
            const Spec spec = make_spec(every, step, by);
            return without_gil([&] { return std::make_shared<Aggregate>(a.rollup(spec)); });
          },
          py::arg("every"), py::arg("step"), py::arg("by"))
      .def(
          "result",
          [](const Aggregate& a, bool state) {
            return table_capsule(without_gil([&] { return window::result_table(a, state); }));
          },
          py::arg("state") = false)
      .def("partials",
           [](const Aggregate& a) {
             return table_capsule(without_gil([&] { return window::partials_table(a); }));
           })
      .def_property_readonly("num_rows", &Aggregate::size)
      .def_property_readonly("every", [](const Aggregate& a) { return a.spec().every; })
      .def_property_readonly("step", [](const Aggregate& a) { return a.spec().step; })
      .def_property_readonly("by", [](const Aggregate& a) {
        std::vector<std::string> names;
        for (const window::Key key : a.spec().by) names.emplace_back(window::key_name(key));
        return names;
      });
}

}  // namespace logforest::bindings
