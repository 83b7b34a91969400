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

// A column of strings in any of its Arrow layouts: utf8, large_utf8, or a dictionary of either
// with an index of any integer type.
class TextReader {
 public:
  TextReader(const ArrowSchema& type, const ArrowArray& a) : array_(a) {
    if (type.dictionary != nullptr) {
      index_ = type.format[0];
      values_ = a.dictionary;
      large_ = type.dictionary->format[0] == 'U';
    } else {
      values_ = &a;
      large_ = type.format[0] == 'U';
    }
  }
  [[nodiscard]] static bool accepts(const ArrowSchema& type) {
    const auto text = [](std::string_view f) { return f == "u" || f == "U"; };
    if (type.dictionary == nullptr) return text(type.format);
    return std::string_view("cCsSiIlL").find(type.format) != std::string_view::npos &&
           text(type.dictionary->format);
  }
  [[nodiscard]] bool is_dictionary() const noexcept { return index_ != 0; }
  [[nodiscard]] std::size_t dictionary_size() const {
    return static_cast<std::size_t>(values_->length);
  }
  [[nodiscard]] std::size_t rows() const noexcept {
    return static_cast<std::size_t>(array_.length);
  }
  // Code of `row` in the dictionary; out of range is refused.
  [[nodiscard]] std::size_t code(std::size_t row) const {
    const std::size_t at = static_cast<std::size_t>(array_.offset) + row;
    const std::uint64_t value = load(at);
    if (value >= static_cast<std::uint64_t>(values_->length)) {
      throw ConfigError("dictionary index out of range");
    }
    return static_cast<std::size_t>(value);
  }
  [[nodiscard]] std::string_view value(std::size_t i) const {
    return large_ ? slice<std::int64_t>(i) : slice<std::int32_t>(i);
  }
  // False: the dictionary's own entry is null.
  [[nodiscard]] bool has_value(std::size_t i) const { return valid_at(*values_, i); }
  // False: null.
  [[nodiscard]] bool valid(std::size_t row) const {
    return valid_at(array_, row) && (!is_dictionary() || valid_at(*values_, code(row)));
  }
  [[nodiscard]] std::string_view text(std::size_t row) const {
    return value(is_dictionary() ? code(row) : row);
  }

 private:
  [[nodiscard]] std::uint64_t load(std::size_t at) const {
    const auto get = [&]<class T>(T) {
      return static_cast<std::uint64_t>(static_cast<const T*>(array_.buffers[1])[at]);
    };
    switch (index_) {
      case 'c':
        return get(std::int8_t{});
      case 'C':
        return get(std::uint8_t{});
      case 's':
        return get(std::int16_t{});
      case 'S':
        return get(std::uint16_t{});
      case 'i':
        return get(std::int32_t{});
      case 'I':
        return get(std::uint32_t{});
      case 'l':
        return get(std::int64_t{});
      default:
        return get(std::uint64_t{});
    }
  }
  template <class Offset>
  [[nodiscard]] std::string_view slice(std::size_t i) const {
    const auto* offsets = static_cast<const Offset*>(values_->buffers[1]) + values_->offset;
    const auto begin = static_cast<std::size_t>(offsets[i]);
    return {static_cast<const char*>(values_->buffers[2]) + begin,
            static_cast<std::size_t>(offsets[i + 1]) - begin};
  }

  const ArrowArray& array_;
  const ArrowArray* values_ = nullptr;
  char index_ = 0;
  bool large_ = false;
};

void read(Utf8Column& column, const TextReader& in) {
  for (std::size_t row = 0; row < in.rows(); ++row) {
    if (in.valid(row)) column.set(row, in.text(row));
  }
  column.finish(in.rows());
}

void read(DictColumn& column, const TextReader& in) {
  if (!in.is_dictionary()) {
    for (std::size_t row = 0; row < in.rows(); ++row) {
      if (in.valid(row)) column.set(row, in.text(row));
    }
  } else {
    std::vector<std::int32_t> codes(in.dictionary_size());
    for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = column.intern(in.value(i));
    for (std::size_t row = 0; row < in.rows(); ++row) {
      if (in.valid(row)) column.set_code(row, codes[in.code(row)]);
    }
  }
  column.finish(in.rows());
}

std::uint8_t level_code(std::string_view name) {
  const auto level = level_from_name(name);
  if (!level) throw ConfigError("unknown level \"" + std::string(name) + "\"");
  return static_cast<std::uint8_t>(*level);
}

std::uint8_t category_code(std::string_view name) {
  for (std::size_t i = 0; i < kCategoryNames.size(); ++i) {
    if (kCategoryNames[i] == name) return static_cast<std::uint8_t>(i);
  }
  throw ConfigError("unknown category \"" + std::string(name) + "\"");
}

// level and category: names in any text layout, or plain codes ("C").
template <class Name>
void read_codes(FixedColumn<std::uint8_t>& column, const ArrowSchema& type, const ArrowArray& a,
                std::size_t limit, Name&& code_of) {
  if (type.dictionary == nullptr && std::string_view(type.format) == "C") {
    read(column, a);
    for (const std::uint8_t code : column.values()) {
      if (code >= limit) throw ConfigError("level or category code out of range");
    }
    return;
  }
  const TextReader in(type, a);
  std::vector<std::uint8_t> codes;
  if (in.is_dictionary()) {
    codes.reserve(in.dictionary_size());
    for (std::size_t i = 0; i < in.dictionary_size(); ++i) {
      codes.push_back(in.has_value(i) ? code_of(in.value(i)) : std::uint8_t{0});
    }
  }
  for (std::size_t row = 0; row < in.rows(); ++row) {
    if (in.valid(row)) {
      column.set(row, in.is_dictionary() ? codes[in.code(row)] : code_of(in.text(row)));
    }
  }
  column.finish(in.rows());
}

void check_type(const ArrowSchema& got, const Field& want) {
  const std::string_view format = got.format;
  const bool coded = want.format == "C";
  const bool text = coded || want.format == "u" || !want.dictionary_format.empty();
  const bool time = want.format.starts_with("tsu:");
  const bool same =
      text ? TextReader::accepts(got) || (coded && format == "C" && got.dictionary == nullptr)
           : got.dictionary == nullptr &&
                 (time ? format.starts_with("tsu:") : format == want.format);
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
    check_type(child, fields[f]);
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
      const ArrowSchema& type = *schema.schema.children[i];
      if (name == "level") {
        read_codes(batch->level, type, child, kLevelNames.size(), level_code);
      } else if (name == "category") {
        read_codes(batch->category, type, child, kCategoryNames.size(), category_code);
      } else {
        std::size_t at = 0;
        batch->for_each_column([&](auto& column) {
          if (at++ == field_of[i]) {
            using Target = std::decay_t<decltype(column)>;
            if constexpr (std::is_same_v<Target, Utf8Column> ||
                          std::is_same_v<Target, DictColumn>) {
              read(column, TextReader(type, child));
            } else if constexpr (!std::is_same_v<Target, FixedColumn<std::uint8_t>>) {
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
