#include "logforest/render/render.hpp"
#include "py.hpp"

namespace logforest::bindings {

namespace {
// The first `limit` rows, in order of the chunks.
template <class F>
std::string render_rows(const LogBatch& batch, std::int64_t limit, F&& append) {
  std::string out;
  auto left = limit < 0 ? batch.num_rows() : static_cast<std::size_t>(limit);
  for (const auto& chunk : batch.chunks) {
    const std::size_t rows = std::min(left, chunk->rows);
    append(*chunk, rows, out);
    left -= rows;
  }
  return out;
}
}  // namespace

void bind_render(py::module_& m) {
  m.def(
      "render_ndjson",
      [](const LogBatch& batch, std::int64_t limit) {
        const std::string out = without_gil([&] {
          return render_rows(batch, limit, [](const RecordBatch& b, std::size_t n, std::string& o) {
            render::append_ndjson(b, 0, n, o);
          });
        });
        return py::bytes(out);
      },
      py::arg("batch"), py::arg("limit") = -1);
  m.def(
      "render_csv",
      [](const LogBatch& batch, bool header) {
        const std::string out = without_gil([&] {
          std::string text;
          if (header) render::append_csv_header(text);
          return text +
                 render_rows(batch, -1, [](const RecordBatch& b, std::size_t n, std::string& o) {
                   render::append_csv(b, 0, n, o);
                 });
        });
        return py::bytes(out);
      },
      py::arg("batch"), py::arg("header") = true);
}

}  // namespace logforest::bindings
