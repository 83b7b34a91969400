#include <array>
#include <map>
#include <string>
#include <utility>

#include "arrow_capsule.hpp"
#include "logforest/record/rows.hpp"
#include "py.hpp"

namespace logforest::bindings {

namespace {
std::vector<arrow::Chunk> record_chunks(const LogBatch& batch) {
  std::vector<arrow::Chunk> chunks;
  chunks.reserve(batch.chunks.size());
  for (const auto& chunk : batch.chunks) chunks.push_back(arrow::record_chunk(chunk));
  return chunks;
}

constexpr std::array<std::pair<const char*, std::int64_t LineCounts::*>, 7> kCounts{{
    {"lines", &LineCounts::lines},
    {"records", &LineCounts::records},
    {"rejected", &LineCounts::rejected},
    {"continuation", &LineCounts::continuation},
    {"blank", &LineCounts::blank},
    {"ambiguous_dates", &LineCounts::ambiguous_dates},
    {"repaired_bytes", &LineCounts::repaired_bytes},
}};
}  // namespace

void bind_record(py::module_& m) {
  py::class_<ArrowTable>(m, "ArrowTable")
      .def(
          "__arrow_c_stream__",
          [](const ArrowTable& s, const py::object& /*requested_schema*/) {
            return stream_capsule(s.schema, s.chunks);
          },
          py::arg("requested_schema") = py::none())
      .def("__arrow_c_schema__", [](const ArrowTable& s) { return schema_capsule(s.schema); });

  py::class_<LogBatch, std::shared_ptr<LogBatch>>(m, "LogBatch")
      .def(py::init<>())
      .def_property_readonly("num_rows", &LogBatch::num_rows)
      .def_property_readonly("num_chunks", [](const LogBatch& b) { return b.chunks.size(); })
      .def_readwrite("format", &LogBatch::format)
      .def_property(
          "counts",
          [](const LogBatch& b) {
            py::dict d;
            for (const auto& [name, count] : kCounts) d[name] = b.counts.*count;
            return d;
          },
          [](LogBatch& b, const std::map<std::string, std::int64_t>& counts) {
            for (const auto& [name, count] : kCounts) b.counts.*count = counts.at(name);
          })
      .def(
          "add_reject",
          [](LogBatch& b, std::int64_t line, std::int64_t offset, std::string_view reason,
             std::string_view text, std::string_view file) {
            b.rejected->add(line, offset, reject_from_name(reason), text, file);
            ++b.counts.rejected;
            ++b.counts.lines;
          },
          py::arg("line"), py::arg("offset"), py::arg("reason"), py::arg("text"),
          py::arg("file") = "")
      .def("rejected",
           [](const LogBatch& b) {
             return ArrowTable{arrow::reject_schema(), {arrow::reject_chunk(b.rejected)}};
           })
      .def(
          "__arrow_c_stream__",
          [](const LogBatch& b, const py::object& /*requested_schema*/) {
            return stream_capsule(arrow::record_schema(), record_chunks(b));
          },
          py::arg("requested_schema") = py::none())
      .def("__arrow_c_schema__",
           [](const LogBatch& /*b*/) { return schema_capsule(arrow::record_schema()); })
      .def_static("from_arrow", [](const py::object& source) {
        const StreamSource in = open_stream(source);
        auto batch = std::make_shared<LogBatch>();
        // The GIL stays held: the stream may call back into Python.
        batch->chunks = arrow::import_records(in.stream);
        batch->counts.records = static_cast<std::int64_t>(batch->num_rows());
        return batch;
      });

  m.def(
      "concat",
      [](const std::vector<std::shared_ptr<LogBatch>>& batches) {
        std::vector<const LogBatch*> parts;
        parts.reserve(batches.size());
        for (const auto& batch : batches) parts.push_back(batch.get());
        return std::make_shared<LogBatch>(concat(parts));
      },
      py::arg("batches"));
  m.def(
      "split",
      [](const LogBatch& batch, std::size_t rows) {
        auto [first, rest] = split(batch, rows);
        return py::make_tuple(std::make_shared<LogBatch>(std::move(first)),
                              std::make_shared<LogBatch>(std::move(rest)));
      },
      py::arg("batch"), py::arg("rows"));
}

}  // namespace logforest::bindings
