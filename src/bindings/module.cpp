#include "py.hpp"

PYBIND11_MODULE(_core, m, py::mod_gil_not_used()) {
  using namespace logforest::bindings;
  m.doc() = "The C++ core of logforest. Private: use the logforest package.";
  bind_errors(m);
  bind_record(m);
  bind_normalize(m);
  bind_mask(m);
  bind_redis(m);
  bind_postgres(m);
  bind_templates(m);
  bind_classify(m);
  bind_window(m);
  bind_parse(m);
  bind_formats(m);
  bind_build_info(m);
  bind_render(m);
  bind_ingest(m);
  bind_http(m);
  bind_features(m);
  bind_forest(m);
  bind_detect(m);
}
