#include "logforest/io/redis_stream.hpp"
#include "logforest/pipeline/enrich.hpp"
#include "logforest/pipeline/ingest.hpp"
#include "py.hpp"

namespace logforest::bindings {

namespace {
// What happens to everything before it is stored: personal data is masked in any case.
void stored_form(RecordBatch& batch, RejectTable& rejects) {
  static const auto masker = std::make_shared<const normalize::Masker>(normalize::MaskRules{});
  static const EnrichOptions options = [] {
    EnrichOptions o;
    o.masker = masker;
    return o;
  }();
  enrich(batch, options);
  masker->mask(rejects);
}
// What detection reads: as stored, without the fields that it never looks at.
void scored_form(RecordBatch& batch, RejectTable& /*rejects*/) {
  static const EnrichOptions options = [] {
    EnrichOptions o;
    o.masker = std::make_shared<const normalize::Masker>(normalize::MaskRules{});
    o.category = false;
    return o;
  }();
  batch.metadata.clear();
  batch.metadata.finish(batch.rows);
  enrich(batch, options);
}
void as_parsed(RecordBatch& /*batch*/, RejectTable& /*rejects*/) {}
}  // namespace

void bind_ingest(py::module_& m) {
  // bodies: [(bytes or PlainBytes, format, tenant, service, source, received_us)]; returns the
  // batch and
  // [(records, rejected)], one a body. The list keeps the bytes alive. `form`: "stored"; "scored",
  // without metadata and category; "parsed", neither masked nor enriched: enough to count.
  m.def(
      "ingest",
      [](const py::list& bodies, int threads, const std::string& form) {
        if (form != "stored" && form != "scored" && form != "parsed")
          throw ConfigError("ingest: unknown form '" + form + "'");
        const parse::ChunkHook hook = form == "stored"   ? stored_form
                                      : form == "scored" ? scored_form
                                                         : as_parsed;
        std::vector<pipeline::Body> views;
        views.reserve(bodies.size());
        for (const py::handle item : bodies) {
          const auto body = item.cast<py::tuple>();
          const py::handle data = body[0];
          views.push_back({py::isinstance<io::PlainBytes>(data)
                               ? data.cast<const io::PlainBytes&>().bytes
                               : data.cast<std::string_view>(),
                           body[1].cast<std::string>(), body[2].cast<std::string>(),
                           body[3].cast<std::string>(), body[4].cast<std::string>(),
                           body[5].cast<std::int64_t>()});
        }
        pipeline::Ingested result =
            without_gil([&] { return pipeline::ingest(views, hook, threads); });
        py::list parts(result.parts.size());
        for (std::size_t i = 0; i < result.parts.size(); ++i) {
          parts[i] = py::make_tuple(result.parts[i].records, result.parts[i].rejected);
        }
        return py::make_tuple(std::make_shared<LogBatch>(std::move(result.logs)), parts);
      },
      py::arg("bodies"), py::arg("threads") = 0, py::arg("form") = "stored");
  m.def(
      "stored_copy",
      [](const LogBatch& logs) {
        return std::make_shared<LogBatch>(
            without_gil([&] { return pipeline::copy_with(logs, stored_form); }));
      },
      py::arg("logs"));
  m.def(
      "assign_ids",
      [](LogBatch& logs, std::int64_t first) {
        without_gil([&] { pipeline::assign_ids(logs, first); });
      },
      py::arg("logs"), py::arg("first"));
}

}  // namespace logforest::bindings
