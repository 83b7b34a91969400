#include "logforest/record/arrow_export.hpp"

#include <array>
#include <cerrno>
#include <utility>

namespace logforest::arrow {

namespace {

struct SchemaData {
  std::string name;
  std::string format;
  std::vector<ArrowSchema> children;
  std::vector<ArrowSchema*> child_pointers;
  ArrowSchema dictionary{};
};

void release_schema(ArrowSchema* schema) {
  auto* data = static_cast<SchemaData*>(schema->private_data);
  for (ArrowSchema& child : data->children) {
    if (child.release != nullptr) child.release(&child);
  }
  if (data->dictionary.release != nullptr) data->dictionary.release(&data->dictionary);
  delete data;
  schema->release = nullptr;
}

void fill_schema(ArrowSchema* out, std::unique_ptr<SchemaData> data, bool nullable) {
  *out = {};
  out->format = data->format.c_str();
  out->name = data->name.c_str();
  out->flags = nullable ? ARROW_FLAG_NULLABLE : 0;
  out->n_children = static_cast<std::int64_t>(data->children.size());
  for (ArrowSchema& child : data->children) data->child_pointers.push_back(&child);
  out->children = data->child_pointers.empty() ? nullptr : data->child_pointers.data();
  out->dictionary = data->dictionary.release != nullptr ? &data->dictionary : nullptr;
  out->release = release_schema;
  out->private_data = data.release();
}

struct ArrayData {
  Column column;
  std::shared_ptr<const void> owner;
  std::vector<ArrowArray> children;
  std::vector<ArrowArray*> child_pointers;
  ArrowArray dictionary{};
};

void release_array(ArrowArray* array) {
  auto* data = static_cast<ArrayData*>(array->private_data);
  for (ArrowArray& child : data->children) {
    if (child.release != nullptr) child.release(&child);
  }
  if (data->dictionary.release != nullptr) data->dictionary.release(&data->dictionary);
  delete data;
  array->release = nullptr;
}

void fill_array(ArrowArray* out, std::unique_ptr<ArrayData> data) {
  *out = {};
  if (data->column.dictionary) {
    auto dictionary = std::make_unique<ArrayData>();
    dictionary->column = *data->column.dictionary;
    dictionary->owner = data->owner;
    fill_array(&data->dictionary, std::move(dictionary));
  }
  out->length = data->column.length;
  out->null_count = data->column.null_count;
  out->n_buffers = static_cast<std::int64_t>(data->column.buffers.size());
  out->buffers = data->column.buffers.data();
  out->n_children = static_cast<std::int64_t>(data->children.size());
  for (ArrowArray& child : data->children) data->child_pointers.push_back(&child);
  out->children = data->child_pointers.empty() ? nullptr : data->child_pointers.data();
  out->dictionary = data->dictionary.release != nullptr ? &data->dictionary : nullptr;
  out->release = release_array;
  out->private_data = data.release();
}

struct StreamData {
  Schema schema;
  std::vector<Chunk> chunks;
  std::size_t next = 0;
};

int stream_schema(ArrowArrayStream* stream, ArrowSchema* out) {
  try {
    export_schema(static_cast<StreamData*>(stream->private_data)->schema, out);
  } catch (...) {
    return ENOMEM;
  }
  return 0;
}

int stream_next(ArrowArrayStream* stream, ArrowArray* out) {
  auto* data = static_cast<StreamData*>(stream->private_data);
  if (data->next == data->chunks.size()) {
    *out = {};  // a released array: end of stream
    return 0;
  }
  try {
    Chunk chunk = std::move(data->chunks[data->next++]);
    export_array(std::move(chunk.columns), chunk.rows, chunk.owner, out);
  } catch (...) {
    return ENOMEM;
  }
  return 0;
}

const char* stream_error(ArrowArrayStream* /*stream*/) { return "out of memory"; }

void release_stream(ArrowArrayStream* stream) {
  delete static_cast<StreamData*>(stream->private_data);
  stream->release = nullptr;
}

// A constant dictionary (level, category, reject reason) as one Utf8Column for the whole process.
template <std::size_t N>
Column constant_dictionary(const std::array<std::string_view, N>& names) {
  static const Utf8Column values = [&names] {
    Utf8Column c;
    for (std::size_t i = 0; i < N; ++i) c.set(i, names[i]);
    return c;
  }();
  return column(values);
}

Column reason_dictionary() {
  static const Utf8Column values = [] {
    Utf8Column c;
    for (std::uint8_t i = 0; i <= static_cast<std::uint8_t>(Reject::ParserError); ++i) {
      c.set(i, reject_name(static_cast<Reject>(i)));
    }
    return c;
  }();
  return column(values);
}

}  // namespace

void export_schema(const Schema& schema, ArrowSchema* out) {
  auto data = std::make_unique<SchemaData>();
  data->format = "+s";
  data->children.resize(schema.size());
  for (std::size_t i = 0; i < schema.size(); ++i) {
    auto child = std::make_unique<SchemaData>();
    child->name = schema[i].name;
    child->format = schema[i].format;
    if (!schema[i].dictionary_format.empty()) {
      auto dictionary = std::make_unique<SchemaData>();
      dictionary->format = schema[i].dictionary_format;
      fill_schema(&child->dictionary, std::move(dictionary), true);
    }
    fill_schema(&data->children[i], std::move(child), schema[i].nullable);
  }
  fill_schema(out, std::move(data), false);
}

void export_array(std::vector<Column> columns, std::int64_t rows,
                  const std::shared_ptr<const void>& owner, ArrowArray* out) {
  auto data = std::make_unique<ArrayData>();
  data->column = {rows, 0, {nullptr}, nullptr};
  data->owner = owner;
  data->children.resize(columns.size());
  for (std::size_t i = 0; i < columns.size(); ++i) {
    auto child = std::make_unique<ArrayData>();
    child->column = std::move(columns[i]);
    child->owner = owner;
    fill_array(&data->children[i], std::move(child));
  }
  fill_array(out, std::move(data));
}

void export_stream(Schema schema, std::vector<Chunk> chunks, ArrowArrayStream* out) {
  auto data = std::make_unique<StreamData>();
  data->schema = std::move(schema);
  data->chunks = std::move(chunks);
  *out = {stream_schema, stream_next, stream_error, release_stream, data.release()};
}

Column column(const Utf8Column& c) {
  return {static_cast<std::int64_t>(c.size()),
          c.validity().null_count(),
          {c.validity().data(), c.offsets().data(), c.data().data()},
          nullptr};
}

Column column(const DictColumn& c) {
  Column result = column(c.codes());
  result.dictionary = std::make_shared<Column>(column(c.dictionary().values()));
  return result;
}

const Schema& record_schema() {
  static const Schema schema{
      {"id", "l", "", true},
      {"tenant", "i", "u", true},
      {"timestamp", "tsu:UTC", "", false},
      {"level", "C", "u", false},
      {"service", "i", "u", true},
      {"source", "i", "u", true},
      {"message", "u", "", false},
      {"endpoint", "u", "", true},
      {"method", "i", "u", true},
      {"status_code", "s", "", true},
      {"response_time", "g", "", true},
      {"ip_address", "u", "", true},
      {"user_id", "u", "", true},
      {"trace_id", "u", "", true},
      {"span_id", "u", "", true},
      {"category", "C", "u", true},
      {"template_id", "l", "", true},
      {"metadata", "u", "", true},
      {"created_at", "tsu:UTC", "", true},
  };
  return schema;
}

Chunk record_chunk(std::shared_ptr<const RecordBatch> batch) {
  const RecordBatch& b = *batch;
  Column level = column(b.level);
  level.dictionary = std::make_shared<Column>(constant_dictionary(kLevelNames));
  Column category = column(b.category);
  category.dictionary = std::make_shared<Column>(constant_dictionary(kCategoryNames));
  std::vector<Column> columns{
      column(b.id),          column(b.tenant),      column(b.timestamp),     std::move(level),
      column(b.service),     column(b.source),      column(b.message),       column(b.endpoint),
      column(b.method),      column(b.status_code), column(b.response_time), column(b.ip_address),
      column(b.user_id),     column(b.trace_id),    column(b.span_id),       std::move(category),
      column(b.template_id), column(b.metadata),    column(b.created_at)};
  const auto rows = static_cast<std::int64_t>(b.rows);
  return {std::move(columns), rows, std::move(batch)};
}

const Schema& reject_schema() {
  static const Schema schema{{"line", "l", "", false},
                             {"offset", "l", "", false},
                             {"reason", "C", "u", false},
                             {"text", "u", "", false},
                             {"file", "u", "", true}};
  return schema;
}

Chunk reject_chunk(std::shared_ptr<const RejectTable> rejects) {
  Column reason = column(rejects->reason);
  reason.dictionary = std::make_shared<Column>(reason_dictionary());
  std::vector<Column> columns{column(rejects->line), column(rejects->offset), std::move(reason),
                              column(rejects->text), column(rejects->file)};
  const auto rows = static_cast<std::int64_t>(rejects->size());
  return {std::move(columns), rows, std::move(rejects)};
}

}  // namespace logforest::arrow
