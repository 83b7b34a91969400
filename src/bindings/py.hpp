// Included first by every binding file: pybind11 and what all of them share.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string_view>
#include <utility>

namespace py = pybind11;

namespace logforest::bindings {

// Runs f without the GIL. f may hold only C++ values; each call says what guards the object.
template <class F>
auto without_gil(F&& f) {
  const py::gil_scoped_release release;
  return std::forward<F>(f)();
}

void bind_errors(py::module_& m);
void bind_record(py::module_& m);
void bind_normalize(py::module_& m);
void bind_mask(py::module_& m);
void bind_redis(py::module_& m);
void bind_postgres(py::module_& m);
void bind_templates(py::module_& m);
void bind_classify(py::module_& m);
void bind_window(py::module_& m);
void bind_parse(py::module_& m);
void bind_formats(py::module_& m);
void bind_build_info(py::module_& m);
void bind_render(py::module_& m);
void bind_ingest(py::module_& m);
void bind_http(py::module_& m);
void bind_features(py::module_& m);
void bind_forest(py::module_& m);
void bind_detect(py::module_& m);

}  // namespace logforest::bindings
