#include <pybind11/numpy.h>

#include <optional>

#include "logforest/templates/miner.hpp"
#include "text_input.hpp"

namespace logforest::bindings {

namespace {
using templates::Miner;
using templates::MinerOptions;

// Columns id, template, count, example, first_seen, last_seen, shapes.
struct TemplateTable {
  FixedColumn<std::int64_t> id, count, first_seen, last_seen, shapes;
  Utf8Column text, example;
};

std::pair<arrow::Schema, arrow::Chunk> to_table(const std::vector<templates::TemplateRow>& rows) {
  auto t = std::make_shared<TemplateTable>();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto& r = rows[i];
    t->id.set(i, r.id);
    t->text.set(i, r.text);
    t->count.set(i, r.count);
    t->example.set(i, r.example);
    if (r.first_seen != templates::kNoTime) t->first_seen.set(i, r.first_seen);
    if (r.last_seen != templates::kNoTime) t->last_seen.set(i, r.last_seen);
    t->shapes.set(i, r.shapes);
  }
  t->first_seen.finish(rows.size());
  t->last_seen.finish(rows.size());
  arrow::Schema schema = {{"id", "l", "", false},
                          {"template", "u", "", false},
                          {"count", "l", "", false},
                          {"example", "u", "", false},
                          {"first_seen", "tsu:UTC", "", true},
                          {"last_seen", "tsu:UTC", "", true},
                          {"shapes", "l", "", false}};
  using arrow::column;
  std::vector<arrow::Column> columns = {
      column(t->id),         column(t->text),      column(t->count), column(t->example),
      column(t->first_seen), column(t->last_seen), column(t->shapes)};
  return {std::move(schema),
          arrow::Chunk{std::move(columns), static_cast<std::int64_t>(rows.size()), std::move(t)}};
}

using Ids = py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>;

Ids fit(Miner& self, const py::object& messages, const std::optional<Ids>& times, int threads,
        bool want_ids) {
  const TextInput in(messages);
  const std::size_t n = in.views().size();
  std::span<const std::int64_t> when = in.times();
  if (times) {
    if (static_cast<std::size_t>(times->size()) != n) {
      throw ConfigError("timestamps and messages differ in length");
    }
    when = {times->data(), n};
  }
  Ids out(static_cast<py::ssize_t>(want_ids ? n : 0));
  std::int64_t* const data = want_ids ? out.mutable_data() : nullptr;
  without_gil([&] {
    self.observe(in.views(), when, data, threads);
    if (want_ids) self.resolve({data, n});
  });
  return out;
}
}  // namespace

void bind_templates(py::module_& m) {
  py::class_<Miner>(m, "TemplateMiner")
      .def(py::init([](std::uint32_t masks, std::vector<std::string> patterns,
                       std::size_t max_shapes, int min_values) {
             return std::make_unique<Miner>(
                 MinerOptions{masks, std::move(patterns), max_shapes, min_values});
           }),
           py::kw_only(), py::arg("masks"), py::arg("patterns"), py::arg("max_shapes"),
           py::arg("min_values"))
      .def("fit", &fit, py::arg("messages"), py::arg("timestamps"), py::arg("threads"),
           py::arg("want_ids"))
      .def(
          "transform",
          [](const Miner& self, const py::object& messages, int threads) {
            const TextInput in(messages);
            Ids out(static_cast<py::ssize_t>(in.views().size()));
            std::int64_t* const data = out.mutable_data();
            without_gil([&] { self.transform(in.views(), data, threads); });
            return out;
          },
          py::arg("messages"), py::arg("threads"))
      .def(
          "merge", [](Miner& self, const Miner& other) { without_gil([&] { self.merge(other); }); },
          py::arg("other"))
      .def("clone", &Miner::clone)
      .def("templates",
           [](const Miner& self) {
             const auto rows = without_gil([&] { return self.templates(); });
             auto [schema, chunk] = to_table(rows);
             return stream_capsule(std::move(schema), {std::move(chunk)});
           })
      .def("lineage", &Miner::lineage, py::arg("id"))
      .def(
          "lineages",
          [](const Miner& self, const Ids& ids) {
            Ids out(ids.size());
            std::copy_n(ids.data(), ids.size(), out.mutable_data());
            const std::span<std::int64_t> all(out.mutable_data(),
                                              static_cast<std::size_t>(out.size()));
            without_gil([&] { self.lineages(all); });
            return out;
          },
          py::arg("ids"))
      .def("totals",
           [](const Miner& self) {
             const auto t = self.totals();
             return py::make_tuple(t.lines, t.shapes, t.dropped_lines, t.dropped_shapes);
           })
      .def("options",
           [](const Miner& self) {
             const MinerOptions& o = self.options();
             return py::make_tuple(o.masks, o.patterns, o.max_shapes, o.min_values);
           })
      .def("save", [](const Miner& self) { return py::bytes(self.save()); })
      .def_static(
          "load",
          [](const py::bytes& data) { return Miner::load(static_cast<std::string_view>(data)); },
          py::arg("data"));
}

}  // namespace logforest::bindings
