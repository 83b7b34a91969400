#include <pybind11/numpy.h>

#include <optional>

#include "logforest/classify/categoriser.hpp"
#include "logforest/classify/classifier.hpp"
#include "text_input.hpp"

namespace logforest::bindings {

namespace {
using classify::Classifier;
using classify::ClassifierOptions;
using classify::Vectorizer;
using classify::VectorizerOptions;

// A Python int counts documents, a float is a share (scikit-learn's convention).
std::pair<double, bool> frequency(const py::handle& value) {
  return {value.cast<double>(), py::isinstance<py::int_>(value)};
}

VectorizerOptions vectorizer_options(const py::dict& d) {
  VectorizerOptions o;
  o.min_n = d["ngram_range"].cast<std::pair<int, int>>().first;
  o.max_n = d["ngram_range"].cast<std::pair<int, int>>().second;
  std::tie(o.min_df, o.min_df_count) = frequency(d["min_df"]);
  std::tie(o.max_df, o.max_df_count) = frequency(d["max_df"]);
  if (!d["max_features"].is_none()) o.max_features = d["max_features"].cast<std::int64_t>();
  o.sublinear_tf = d["sublinear_tf"].cast<bool>();
  o.use_idf = d["use_idf"].cast<bool>();
  o.smooth_idf = d["smooth_idf"].cast<bool>();
  o.keep_numbers = d["keep_numbers"].cast<bool>();
  const py::object norm = d["norm"];
  o.norm = norm.is_none()
               ? classify::Norm::None
               : (norm.cast<std::string>() == "l1" ? classify::Norm::L1 : classify::Norm::L2);
  return o;
}

py::dict options_dict(const VectorizerOptions& o) {
  py::dict d;
  d["ngram_range"] = py::make_tuple(o.min_n, o.max_n);
  const auto frequency_value = [](double v, bool count) {
    return count ? py::object(py::int_(static_cast<std::int64_t>(v))) : py::object(py::float_(v));
  };
  d["min_df"] = frequency_value(o.min_df, o.min_df_count);
  d["max_df"] = frequency_value(o.max_df, o.max_df_count);
  d["max_features"] =
      o.max_features < 0 ? py::object(py::none()) : py::object(py::int_(o.max_features));
  d["sublinear_tf"] = o.sublinear_tf;
  d["use_idf"] = o.use_idf;
  d["smooth_idf"] = o.smooth_idf;
  d["keep_numbers"] = o.keep_numbers;
  d["norm"] = o.norm == classify::Norm::None
                  ? py::object(py::none())
                  : py::object(py::str(o.norm == classify::Norm::L1 ? "l1" : "l2"));
  return d;
}

template <class T>
py::array_t<T> adopt(std::vector<T> values) {
  auto owned = std::make_unique<std::vector<T>>(std::move(values));
  const auto size = static_cast<py::ssize_t>(owned->size());
  T* const data = owned->data();
  const py::capsule owner(owned.release(), [](void* p) { delete static_cast<std::vector<T>*>(p); });
  return py::array_t<T>(size, data, owner);
}

py::list words_of(const Vectorizer& v) {
  py::list out(v.size());
  for (std::size_t i = 0; i < v.size(); ++i) {
    const std::string_view word = v.words()[static_cast<std::int32_t>(i)];
    out[i] = py::str(word.data(), word.size());
  }
  return out;
}

void bind_vectorizer(py::module_& m) {
  py::class_<Vectorizer>(m, "TfidfVectorizer")
      .def(
          py::init([](const py::dict& options) { return Vectorizer(vectorizer_options(options)); }),
          py::arg("options"))
      .def("fit",
           [](Vectorizer& self, const py::object& messages) {
             const TextInput in(messages);
             without_gil([&] { self.fit(in.views()); });
           })
      .def("transform",
           [](const Vectorizer& self, const py::object& messages, int threads) {
             const TextInput in(messages);
             auto rows = without_gil([&] { return self.transform(in.views(), threads); });
             return py::make_tuple(adopt(std::move(rows.data)), adopt(std::move(rows.indices)),
                                   adopt(std::move(rows.indptr)));
           })
      .def("words", &words_of)
      .def("idf", [](const Vectorizer& self) { return adopt(std::vector<double>(self.idf())); })
      .def("save",
           [](const Vectorizer& self) {
             ByteWriter out;
             self.save(out);
             return py::bytes(seal("tfidf vectorizer", 1, out.bytes()));
           })
      .def_static(
          "load",
          [](const py::bytes& data) {
            ByteReader in(
                open_sealed(static_cast<std::string_view>(data), "tfidf vectorizer", 1).payload);
            Vectorizer v = Vectorizer::load(in);
            if (!in.done()) throw ModelError("the vectorizer's data are malformed");
            return v;
          })
      .def("options", [](const Vectorizer& self) { return options_dict(self.options()); });
}

// The model is replaced, never changed: readers without the GIL keep the one they started with.
struct Model {
  std::shared_ptr<const Classifier> now;
  py::list names;

  void set(std::shared_ptr<const Classifier> next) {
    now = std::move(next);
    names = py::list();
    for (const auto& name : now->classes()) names.append(py::str(name));
  }
};

template <class F>
void learn(Model& self, const py::object& messages, const py::object& labels, F&& how) {
  const TextInput in(messages);
  const TextInput truth(labels);
  auto next = self.now->copy();
  without_gil([&] { how(*next, in.views(), truth.views()); });
  self.set(std::move(next));
}
}  // namespace

void bind_classify(py::module_& m) {
  bind_vectorizer(m);
  py::class_<Model>(m, "LogClassifier")
      .def(py::init([](const std::string& method, double alpha, bool fit_prior, bool calibrate,
                       const std::string& default_label, const py::dict& vectorizer) {
             Model model;
             model.set(std::make_shared<const Classifier>(ClassifierOptions{
                 method == "complement" ? classify::Method::Complement
                                        : classify::Method::Multinomial,
                 alpha, fit_prior, calibrate, default_label, vectorizer_options(vectorizer)}));
             return model;
           }),
           py::kw_only(), py::arg("method"), py::arg("alpha"), py::arg("fit_prior"),
           py::arg("calibrate"), py::arg("default_label"), py::arg("vectorizer"))
      .def("fit",
           [](Model& self, const py::object& messages, const py::object& labels) {
             learn(self, messages, labels,
                   [](Classifier& c, auto text, auto truth) { c.fit(text, truth); });
           })
      .def("partial_fit",
           [](Model& self, const py::object& messages, const py::object& labels) {
             learn(self, messages, labels,
                   [](Classifier& c, auto text, auto truth) { c.partial_fit(text, truth); });
           })
      .def("predict",
           [](const Model& self, const py::object& messages, int threads) {
             const TextInput in(messages);
             const auto model = self.now;
             py::array_t<std::int32_t> out(static_cast<py::ssize_t>(in.views().size()));
             std::int32_t* const data = out.mutable_data();
             without_gil([&] { model->predict(in.views(), data, threads); });
             return out;
           })
      .def("predict_one",
           [](const Model& self, std::string_view message) {
             static thread_local classify::VectorizerScratch scratch;
             return py::object(
                 self.names[static_cast<std::size_t>(self.now->predict(message, scratch))]);
           })
      .def("predict_proba",
           [](const Model& self, const py::object& messages, int threads) {
             const TextInput in(messages);
             const auto model = self.now;
             py::array_t<double> out({in.views().size(), model->classes().size()});
             double* const data = out.mutable_data();
             without_gil([&] { model->predict_proba(in.views(), data, threads); });
             return out;
           })
      .def_property_readonly("classes", [](const Model& self) { return self.names; })
      .def_property_readonly("temperature",
                             [](const Model& self) { return self.now->temperature(); })
      .def_property_readonly("words",
                             [](const Model& self) { return words_of(self.now->vectorizer()); })
      .def("options",
           [](const Model& self) {
             const ClassifierOptions& o = self.now->options();
             py::dict d = options_dict(o.vectorizer);
             d["method"] = o.method == classify::Method::Complement ? "complement" : "multinomial";
             d["alpha"] = o.alpha;
             d["fit_prior"] = o.fit_prior;
             d["calibrate"] = o.calibrate;
             d["default_label"] = o.default_label;
             return d;
           })
      .def("save", [](const Model& self) { return py::bytes(self.now->save()); })
      .def_static("load", [](const py::bytes& data) {
        Model model;
        model.set(Classifier::load(static_cast<std::string_view>(data)));
        return model;
      });

  m.def("set_category_model", &classify::set_default_model, py::arg("path"));
}

}  // namespace logforest::bindings
