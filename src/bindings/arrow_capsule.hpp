// Arrow PyCapsules (https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html):
// the capsule's destructor releases what nobody consumed.
#pragma once

#include <memory>

#include "logforest/record/arrow_export.hpp"
#include "py.hpp"

namespace logforest::bindings {

// A table of our own handed to Arrow consumers (rejects, windows, anomalies, query results);
// bound as _core.ArrowTable in bind_record.cpp.
struct ArrowTable {
  arrow::Schema schema;
  std::vector<arrow::Chunk> chunks;
};

inline py::capsule stream_capsule(arrow::Schema schema, std::vector<arrow::Chunk> chunks) {
  auto stream = std::make_unique<ArrowArrayStream>();
  arrow::export_stream(std::move(schema), std::move(chunks), stream.get());
  return py::capsule(stream.release(), "arrow_array_stream", [](PyObject* capsule) {
    auto* s = static_cast<ArrowArrayStream*>(PyCapsule_GetPointer(capsule, "arrow_array_stream"));
    if (s->release != nullptr) s->release(s);
    delete s;
  });
}

inline py::capsule schema_capsule(const arrow::Schema& schema) {
  auto out = std::make_unique<ArrowSchema>();
  arrow::export_schema(schema, out.get());
  return py::capsule(out.release(), "arrow_schema", [](PyObject* capsule) {
    auto* s = static_cast<ArrowSchema*>(PyCapsule_GetPointer(capsule, "arrow_schema"));
    if (s->release != nullptr) s->release(s);
    delete s;
  });
}

// The stream inside an object with __arrow_c_stream__; `capsule` keeps it alive while it is read.
struct StreamSource {
  py::capsule capsule;
  ArrowArrayStream* stream;
};
inline StreamSource open_stream(const py::object& source) {
  auto capsule = source.attr("__arrow_c_stream__")().cast<py::capsule>();
  auto* stream =
      static_cast<ArrowArrayStream*>(PyCapsule_GetPointer(capsule.ptr(), "arrow_array_stream"));
  if (stream == nullptr) throw py::error_already_set();
  return {std::move(capsule), stream};
}

}  // namespace logforest::bindings
