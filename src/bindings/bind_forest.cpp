#include <algorithm>
#include <string>

#include "arrays.hpp"
#include "logforest/forest/isolation_forest.hpp"
#include "logforest/forest/kernels.hpp"
#include "logforest/forest/serialize.hpp"

namespace logforest::bindings {
namespace {

using forest::GrowOptions;
using forest::IsolationForest;
using forest::Tree;
using Trees = std::vector<std::shared_ptr<const Tree>>;

// The first `drop` trees of `old` (the oldest) make room for `count` new ones.
IsolationForest grow(const IsolationForest* old, std::size_t drop, const MatrixIn& x,
                     std::uint64_t first, std::size_t count, std::uint32_t sample_size,
                     std::uint32_t features, bool bootstrap, const py::object& weights,
                     std::uint64_t seed, int threads) {
  VectorIn held;
  GrowOptions options{sample_size, features, bootstrap, {}, seed, threads};
  if (!weights.is_none()) {
    held = weights.cast<VectorIn>();
    options.weights = {held.data(), static_cast<std::size_t>(held.size())};
  }
  return with_matrix(x, [&](auto matrix) {
    // The arrays are held by the caller, the old forest by its Python object.
    return without_gil([&] {
      auto grown = forest::grow_trees(matrix, first, count, options);
      if (old != nullptr) {
        if (matrix.columns != old->features()) throw ModelError("the number of features differs");
        return IsolationForest(*old, drop, grown);
      }
      return IsolationForest(std::move(grown), static_cast<std::uint32_t>(matrix.columns));
    });
  });
}

py::array_t<double> score(const IsolationForest& self, const MatrixIn& x, int threads,
                          double factor, double shift) {
  return with_matrix(x, [&](auto matrix) {
    py::array_t<double> out(static_cast<py::ssize_t>(matrix.rows));
    const auto span = as_span(out);
    without_gil([&] { self.score(matrix, span, threads, factor, shift); });
    return out;
  });
}

py::array_t<double> explain(const IsolationForest& self, const MatrixIn& x, int threads) {
  return with_matrix(x, [&](auto matrix) {
    py::array_t<double> out({matrix.rows, matrix.columns});
    const auto span = as_span(out);
    without_gil([&] { self.explain(matrix, span, threads); });
    return out;
  });
}

py::dict tree_to_dict(const Tree& tree) {
  py::dict d;
  d["feature"] = to_array<std::uint32_t>(tree.feature);
  d["threshold"] = to_array<float>(tree.threshold);
  d["right"] = to_array<std::uint32_t>(tree.right);
  d["missing_left"] = to_array<std::uint8_t>(tree.missing_left);
  d["samples"] = to_array<std::uint32_t>(tree.samples);
  d["sample_size"] = tree.sample_size;
  return d;
}

template <class T>
std::vector<T> column(const py::dict& d, const char* name) {
  if (!d.contains(name)) throw ModelError(std::string("a tree has no array ") + name);
  const auto a = py::cast<py::array_t<T, py::array::c_style | py::array::forcecast>>(d[name]);
  return {a.data(), a.data() + a.size()};
}

IsolationForest from_trees(const py::list& dicts, std::uint32_t features) {
  Trees trees;
  for (const auto& item : dicts) {
    const auto d = item.cast<py::dict>();
    auto tree = std::make_shared<Tree>();
    tree->feature = column<std::uint32_t>(d, "feature");
    tree->threshold = column<float>(d, "threshold");
    tree->right = column<std::uint32_t>(d, "right");
    tree->missing_left = column<std::uint8_t>(d, "missing_left");
    tree->samples = column<std::uint32_t>(d, "samples");
    tree->sample_size = d["sample_size"].cast<std::uint32_t>();
    forest::check_tree(*tree, features);
    trees.push_back(std::move(tree));
  }
  return {std::move(trees), features};
}

using Rows = py::array_t<float, py::array::c_style | py::array::forcecast>;

py::bytes save(const IsolationForest& self, const std::string& meta, const Rows& rows,
               const VectorIn& scores) {
  return py::bytes(forest::save_forest(self, meta,
                                       {rows.data(), static_cast<std::size_t>(rows.size())},
                                       {scores.data(), static_cast<std::size_t>(scores.size())}));
}

py::tuple load(const py::bytes& bytes) {
  const std::string_view view(bytes);  // held by the caller
  auto saved = without_gil([&] { return forest::load_forest(view); });
  auto rows = to_array<float>(saved.recent_rows);
  auto scores = to_array<double>(saved.recent_scores);
  return py::make_tuple(std::move(saved.forest), py::bytes(saved.meta), std::move(rows),
                        std::move(scores));
}

}  // namespace

void bind_forest(py::module_& m) {
  m.def(
      "forest_kernels", [] { return std::string(forest::kernels().name); },
      "Name of the scoring kernels in use.");
  m.def(
      "select_forest_kernels", [](const std::string& n) { forest::select_kernels(n.c_str()); },
      "Chooses kernels: auto, baseline, v3 or v4.", py::arg("name"));
  m.attr("INFINITY_MESSAGE") = forest::kInfinityMessage;
  py::class_<IsolationForest>(m, "IsolationForest", "Trees and their layout; immutable.")
      .def_static("grow", &grow, "Grows a forest, or renews the oldest trees of `old`.",
                  py::arg("old").none(true), py::arg("drop"), py::arg("x"), py::arg("first"),
                  py::arg("count"), py::arg("sample_size"), py::arg("features"),
                  py::arg("bootstrap"), py::arg("weights").none(true), py::arg("seed"),
                  py::arg("threads"))
      .def_static("from_trees", &from_trees, "Builds a forest from arrays in preorder.",
                  py::arg("trees"), py::arg("features"))
      .def("score", &score, "factor * anomaly score - shift, float64[rows].", py::arg("x"),
           py::arg("threads"), py::arg("factor"), py::arg("shift"))
      .def("explain", &explain, "Contributions, float64[rows, features].", py::arg("x"),
           py::arg("threads"))
      .def("save", &save, "A sealed container with the caller's meta text and stream state.",
           py::arg("meta"), py::arg("recent_rows"), py::arg("recent_scores"))
      .def_static("load", &load, "(forest, meta, recent rows, recent scores) of `save`.",
                  py::arg("data"))
      .def(
          "tree",
          [](const IsolationForest& self, std::size_t i) {
            if (i >= self.trees().size()) throw py::index_error();
            return tree_to_dict(*self.trees()[i]);
          },
          "The arrays of tree i.", py::arg("i"))
      .def_property_readonly("n_trees",
                             [](const IsolationForest& self) { return self.trees().size(); })
      .def_property_readonly("n_features", &IsolationForest::features)
      .def_property_readonly("baseline", &IsolationForest::baseline);
}

}  // namespace logforest::bindings
