// COPY of any Arrow table (windows, anomalies, ...): encoders over Arrow's own buffers.
#include <string>

#include "logforest/io/pg_copy.hpp"

namespace logforest::io {

namespace {

struct StreamGuard {
  ArrowSchema schema{};
  ArrowArray array{};
  ~StreamGuard() {
    release_array();
    if (schema.release != nullptr) schema.release(&schema);
  }
  void release_array() {
    if (array.release != nullptr) array.release(&array);
  }
};

struct Bits {
  const std::uint8_t* bits;
  std::size_t offset;
  bool operator()(std::size_t row) const {
    const std::size_t at = offset + row;
    return bits == nullptr || ((bits[at >> 3] >> (at & 7)) & 1U) != 0;
  }
};

Bits validity(const ArrowArray& a) {
  // null_count may be -1: unknown.
  return {a.null_count == 0 ? nullptr : static_cast<const std::uint8_t*>(a.buffers[0]),
          static_cast<std::size_t>(a.offset)};
}

template <class Out, class In>
Encoder numbers(const ArrowArray& a, std::int64_t subtract = 0) {
  const auto* values = static_cast<const In*>(a.buffers[1]) + a.offset;
  return fixed_encoder<Out>(
      [=](std::size_t row) {
        if constexpr (std::is_floating_point_v<In>) {
          return values[row];
        } else {
          return static_cast<std::int64_t>(values[row]) - subtract;
        }
      },
      validity(a));
}

template <class Offset>
auto bytes_at(const ArrowArray& a) {
  const auto* offsets = static_cast<const Offset*>(a.buffers[1]) + a.offset;
  const auto* data = static_cast<const char*>(a.buffers[2]);
  return [offsets, data](std::size_t row) {
    const auto begin = static_cast<std::size_t>(offsets[row]);
    return std::string_view(data + begin, static_cast<std::size_t>(offsets[row + 1]) - begin);
  };
}

// Texts go through a column of our own only when something in them must be replaced.
template <class Get>
Encoder texts(const ArrowArray& a, Get get, std::vector<std::unique_ptr<Utf8Column>>& keep) {
  const Bits valid = validity(a);
  const auto rows = static_cast<std::size_t>(a.length);
  bool clean = true;
  for (std::size_t row = 0; row < rows && clean; ++row)
    clean = !valid(row) || is_clean_text(get(row));
  if (clean) return bytes_encoder(get, valid);
  auto column = std::make_unique<Utf8Column>();
  for (std::size_t row = 0; row < rows; ++row) {
    if (valid(row)) column->set(row, clean_text(get(row)));
  }
  column->finish(rows);
  keep.push_back(std::move(column));
  return encode(*keep.back());
}

template <class Index>
Encoder dictionary(const ArrowArray& a, std::vector<std::unique_ptr<Utf8Column>>& keep) {
  const auto* codes = static_cast<const Index*>(a.buffers[1]) + a.offset;
  const auto get = bytes_at<std::int32_t>(*a.dictionary);
  return texts(
      a, [codes, get](std::size_t row) { return get(static_cast<std::size_t>(codes[row])); }, keep);
}

Encoder choose(const ArrowSchema& type, const ArrowArray& a,
               std::vector<std::unique_ptr<Utf8Column>>& keep) {
  const std::string_view f = type.format;
  if (type.dictionary != nullptr && std::string_view(type.dictionary->format) == "u") {
    if (f == "i") return dictionary<std::int32_t>(a, keep);
    if (f == "C") return dictionary<std::uint8_t>(a, keep);
    if (f == "c") return dictionary<std::int8_t>(a, keep);
    if (f == "s") return dictionary<std::int16_t>(a, keep);
  } else if (type.dictionary == nullptr) {
    if (f == "l") return numbers<std::int64_t, std::int64_t>(a);
    if (f == "L") return numbers<std::int64_t, std::uint64_t>(a);
    if (f == "I") return numbers<std::int64_t, std::uint32_t>(a);
    if (f == "i") return numbers<std::int32_t, std::int32_t>(a);
    if (f == "S") return numbers<std::int32_t, std::uint16_t>(a);
    if (f == "s") return numbers<std::int16_t, std::int16_t>(a);
    if (f == "C") return numbers<std::int16_t, std::uint8_t>(a);
    if (f == "c") return numbers<std::int16_t, std::int8_t>(a);
    if (f == "g") return numbers<double, double>(a);
    if (f == "f") return numbers<float, float>(a);
    if (f.starts_with("tsu:")) return numbers<std::int64_t, std::int64_t>(a, kPgEpochUs);
    if (f == "u") return texts(a, bytes_at<std::int32_t>(a), keep);
    if (f == "U") return texts(a, bytes_at<std::int64_t>(a), keep);
    if (f == "z") return bytes_encoder(bytes_at<std::int32_t>(a), validity(a));
    if (f == "Z") return bytes_encoder(bytes_at<std::int64_t>(a), validity(a));
    if (f == "b") {
      const Bits bit{static_cast<const std::uint8_t*>(a.buffers[1]),
                     static_cast<std::size_t>(a.offset)};
      return bytes_encoder(
          [bit](std::size_t row) {
            return bit(row) ? std::string_view("\1", 1) : std::string_view("\0", 1);
          },
          validity(a));
    }
  }
  throw ConfigError(std::string("column \"") + type.name + "\": Arrow type \"" + type.format +
                    "\" cannot be copied into Postgres");
}

}  // namespace

std::int64_t copy_arrow(PgConnection& pg, const std::string& table, ArrowArrayStream* stream) {
  StreamGuard guard;
  const auto need = [stream](int code) {
    if (code == 0) return;
    const char* detail = stream->get_last_error(stream);
    throw ConfigError(std::string("cannot read the Arrow stream: ") +
                      (detail != nullptr ? detail : "unknown"));
  };
  need(stream->get_schema(stream, &guard.schema));
  std::string columns;
  for (std::int64_t i = 0; i < guard.schema.n_children; ++i) {
    columns += (i > 0 ? ", " : "") + pg.quote(guard.schema.children[i]->name);
  }
  return pg.copy_in(
      "COPY " + table + " (" + columns + ") FROM STDIN (FORMAT binary)",
      [&](PgConnection::CopySink& sink) {
        BinaryCopy copy(sink);
        for (;;) {
          need(stream->get_next(stream, &guard.array));
          if (guard.array.release == nullptr) break;
          std::vector<std::unique_ptr<Utf8Column>> keep;
          std::vector<Encoder> encoders;
          for (std::int64_t i = 0; i < guard.array.n_children; ++i) {
            encoders.push_back(choose(*guard.schema.children[i], *guard.array.children[i], keep));
          }
          copy.rows(encoders, static_cast<std::size_t>(guard.array.length));
          guard.release_array();
        }
        copy.finish();
      });
}

}  // namespace logforest::io
