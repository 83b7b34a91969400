#include <pybind11/numpy.h>

#include "logforest/features/extractor.hpp"
#include "py.hpp"

namespace logforest::bindings {

namespace {
using features::FeatureExtractor;
using features::FeatureOptions;

// Rows of the matrix; the GIL guards the extractor's state against other Python threads only while
// it is held, so update() is for one thread at a time (documented in features.py).
py::array_t<float> transform(FeatureExtractor& self, const LogBatch& logs, int threads,
                             bool update) {
  if (!self.fitted()) throw ModelError("the feature extractor is not fitted: call fit first");
  py::array_t<float> out({logs.num_rows(), self.width()});
  float* const data = out.mutable_data();
  without_gil([&] { self.transform(logs.chunks, data, threads, update); });
  return out;
}
}  // namespace

void bind_features(py::module_& m) {
  py::class_<FeatureExtractor>(m, "FeatureExtractor")
      .def(py::init([](bool numeric, bool level, bool service, bool temporal, bool rolling,
                       bool deviation, bool rarity, std::size_t max_services, std::size_t tfidf,
                       double tau_seconds) {
             return FeatureExtractor(FeatureOptions{numeric, level, service, temporal, rolling,
                                                    deviation, rarity, max_services, tfidf,
                                                    tau_seconds});
           }),
           py::kw_only(), py::arg("numeric"), py::arg("level"), py::arg("service"),
           py::arg("temporal"), py::arg("rolling"), py::arg("deviation"), py::arg("rarity"),
           py::arg("max_services"), py::arg("tfidf"), py::arg("tau_seconds"))
      .def(
          "fit",
          [](FeatureExtractor& self, const LogBatch& logs) {
            without_gil([&] { self.fit(logs.chunks); });
          },
          py::arg("logs"))
      .def("transform", &transform, py::arg("logs"), py::arg("threads"), py::arg("update"))
      .def("names", &FeatureExtractor::names)
      .def("options",
           [](const FeatureExtractor& self) {
             const FeatureOptions& o = self.options();
             py::dict d;
             d["numeric"] = o.numeric;
             d["level"] = o.level;
             d["service"] = o.service;
             d["temporal"] = o.temporal;
             d["rolling"] = o.rolling;
             d["deviation"] = o.deviation;
             d["rarity"] = o.rarity;
             d["max_services"] = o.max_services;
             d["tfidf"] = o.tfidf;
             d["tau_seconds"] = o.tau_seconds;
             return d;
           })
      .def("merge", &FeatureExtractor::merge, py::arg("other"))
      .def("save", [](const FeatureExtractor& self) { return py::bytes(self.save()); })
      .def_static(
          "load",
          [](const py::bytes& bytes) {
            return FeatureExtractor::load(static_cast<std::string_view>(bytes));
          },
          py::arg("data"));
}

}  // namespace logforest::bindings
