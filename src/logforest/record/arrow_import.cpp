#include <cstring>

#include "logforest/record/arrow_export.hpp"

namespace logforest::arrow {

namespace {

// Releases on every way out.
struct SchemaGuard {
  ArrowSchema schema{};
  ~SchemaGuard() {
    if (schema.release != nullptr) schema.release(&schema);
  }
};
struct ArrayGuard {
  ArrowArray array{};
  ~ArrayGuard() {
    if (array.release != nullptr) array.release(&array);
  }
};

const std::uint8_t* validity_of(const ArrowArray& a) {
  return a.null_count == 0 ? nullptr : static_cast<const std::uint8_t*>(a.buffers[0]);
}

bool valid_at(const ArrowArray& a, std::size_t row) {
  const std::uint8_t* bits = validity_of(a);
  const std::size_t at = static_cast<std::size_t>(a.offset) + row;
  return bits == nullptr || ((bits[at >> 3] >> (at & 7)) & 1U) != 0;
}

template <class T>
void read(FixedColumn<T>& column, const ArrowArray& a) {
  const auto rows = static_cast<std::size_t>(a.length);
  const auto* values = static_cast<const T*>(a.buffers[1]) + a.offset;
  column.mutable_values().assign(values, values + rows);
  column.mutable_validity().assign(validity_of(a), static_cast<std::size_t>(a.offset), rows);
}

std::string_view text_at(const ArrowArray& a, std::size_t row) {
  const auto* offsets = static_cast<const std::int32_t*>(a.buffers[1]) + a.offset;
  const auto begin = static_cast<std::size_t>(offsets[row]);
  return {static_cast<const char*>(a.buffers[2]) + begin,
          static_cast<std::size_t>(offsets[row + 1]) - begin};
}

void read(Utf8Column& column, const ArrowArray& a) {
  const auto rows = static_cast<std::size_t>(a.length);
  for (std::size_t row = 0; row < rows; ++row) {
    if (valid_at(a, row)) column.set(row, text_at(a, row));
  }
  column.finish(rows);
}

void read(DictColumn& column, const ArrowArray& a) {
  const auto rows = static_cast<std::size_t>(a.length);
  const ArrowArray& dictionary = *a.dictionary;
  std::vector<std::int32_t> codes(static_cast<std::size_t>(dictionary.length));
  for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = column.intern(text_at(dictionary, i));
  const auto* indices = static_cast<const std::int32_t*>(a.buffers[1]) + a.offset;
  for (std::size_t row = 0; row < rows; ++row) {
    if (valid_at(a, row)) column.set_code(row, codes.at(static_cast<std::size_t>(indices[row])));
  }
  column.finish(rows);
}

// level and category arrive as their codes ("C"); their names are a constant dictionary.
void read_codes(FixedColumn<std::uint8_t>& column, const ArrowArray& a, std::size_t limit) {
  read(column, a);
  for (const std::uint8_t code : column.values()) {
    if (code >= limit) throw ConfigError("level or category code out of range");
  }
}

void check_type(const ArrowSchema& got, const Field& want, bool coded) {
  const bool dictionary = !want.dictionary_format.empty() && !coded;
  std::string_view format = got.format;
  if (want.format.starts_with("tsu:") && format.starts_with("tsu:")) format = want.format;
  const bool same = format == want.format && (got.dictionary != nullptr) == dictionary &&
                    (!dictionary || std::string_view(got.dictionary->format) == "u");
  if (!same) {
    throw ConfigError("column \"" + want.name + "\" has Arrow type \"" + got.format +
                      "\", expected \"" + want.format + "\"");
  }
}

}  // namespace

std::vector<std::shared_ptr<RecordBatch>> import_records(ArrowArrayStream* stream) {
  const auto fail = [stream](const char* what) {
    const char* detail = stream->get_last_error(stream);
    throw ConfigError(std::string(what) + ": " + (detail != nullptr ? detail : "unknown"));
  };
  SchemaGuard schema;
  if (stream->get_schema(stream, &schema.schema) != 0) fail("cannot read the Arrow schema");
  const Schema& fields = record_schema();
  std::vector<std::size_t> field_of(static_cast<std::size_t>(schema.schema.n_children));
  for (std::size_t i = 0; i < field_of.size(); ++i) {
    const ArrowSchema& child = *schema.schema.children[i];
    std::size_t f = 0;
    while (f < fields.size() && fields[f].name != child.name) ++f;
    if (f == fields.size()) throw ConfigError(std::string("unknown column \"") + child.name + "\"");
    const bool coded = fields[f].name == "level" || fields[f].name == "category";
    check_type(child, fields[f], coded);
    field_of[i] = f;
  }

  std::vector<std::shared_ptr<RecordBatch>> batches;
  for (;;) {
    ArrayGuard guard;
    if (stream->get_next(stream, &guard.array) != 0) fail("cannot read from the Arrow stream");
    if (guard.array.release == nullptr) break;
    auto batch = std::make_shared<RecordBatch>();
    batch->rows = static_cast<std::size_t>(guard.array.length);
    for (std::size_t i = 0; i < field_of.size(); ++i) {
      const ArrowArray& child = *guard.array.children[i];
      const std::string& name = fields[field_of[i]].name;
      if (name == "level") {
        read_codes(batch->level, child, kLevelNames.size());
      } else if (name == "category") {
        read_codes(batch->category, child, kCategoryNames.size());
      } else {
        std::size_t at = 0;
        batch->for_each_column([&](auto& column) {
          if (at++ == field_of[i]) {
            if constexpr (!std::is_same_v<std::decay_t<decltype(column)>,
                                          FixedColumn<std::uint8_t>>) {
              read(column, child);
            }
          }
        });
      }
    }
    batch->finish();
    batches.push_back(std::move(batch));
  }
  return batches;
}

}  // namespace logforest::arrow
