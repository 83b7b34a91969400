#include "text_input.hpp"

namespace logforest::bindings {

namespace {

template <class Offset>
void append_views(const ArrowArray& a, std::vector<std::string_view>& views) {
  const auto* valid = a.null_count == 0 ? nullptr : static_cast<const std::uint8_t*>(a.buffers[0]);
  const auto* offsets = static_cast<const Offset*>(a.buffers[1]) + a.offset;
  const auto* data = static_cast<const char*>(a.buffers[2]);
  for (std::int64_t i = 0; i < a.length; ++i) {
    const std::int64_t at = a.offset + i;
    const bool null = valid != nullptr && ((valid[at >> 3] >> (at & 7)) & 1U) == 0;
    views.push_back(null ? std::string_view{}
                         : std::string_view(data + offsets[i],
                                            static_cast<std::size_t>(offsets[i + 1] - offsets[i])));
  }
}

}  // namespace

TextInput::TextInput(const py::object& source) : owner_(source) {
  if (py::isinstance<LogBatch>(source)) {
    from_batch(source);
  } else if (py::isinstance<py::list>(source) || py::isinstance<py::tuple>(source)) {
    from_sequence(source);
  } else {
    from_stream(source);
  }
}

TextInput::~TextInput() {
  for (auto& a : arrays_) {
    if (a.release != nullptr) a.release(&a);
  }
}

void TextInput::from_sequence(const py::object& source) {
  // A list may change while the GIL is released: the tuple keeps its strings alive.
  const py::tuple items(source);
  owner_ = items;
  views_.reserve(items.size());
  for (const py::handle item : items) {
    if (PyUnicode_Check(item.ptr()) != 0) {
      Py_ssize_t size = 0;
      const char* data = PyUnicode_AsUTF8AndSize(item.ptr(), &size);
      if (data == nullptr) throw py::error_already_set();
      views_.emplace_back(data, static_cast<std::size_t>(size));
    } else if (item.is_none()) {
      views_.emplace_back();
    } else {
      throw py::type_error("messages must be str, got " +
                           std::string(py::str(py::type::handle_of(item).attr("__name__"))));
    }
  }
}

void TextInput::from_stream(const py::object& source) {
  const StreamSource in = open_stream(source);
  ArrowSchema schema{};
  if (in.stream->get_schema(in.stream, &schema) != 0) throw ConfigError("the Arrow stream failed");
  const std::string format = schema.format;
  const bool dictionary = schema.dictionary != nullptr;
  schema.release(&schema);
  if (dictionary || (format != "u" && format != "U")) {
    throw py::type_error("messages must be an Arrow array of strings");
  }
  for (;;) {
    ArrowArray array{};
    if (in.stream->get_next(in.stream, &array) != 0) {
      const char* why = in.stream->get_last_error(in.stream);
      throw ConfigError(why != nullptr ? why : "the Arrow stream failed");
    }
    if (array.release == nullptr) break;
    arrays_.push_back(array);
    if (array.length == 0) continue;
    format == "u" ? append_views<std::int32_t>(array, views_)
                  : append_views<std::int64_t>(array, views_);
  }
}

void TextInput::from_batch(const py::object& source) {
  const auto& batch = source.cast<const LogBatch&>();
  views_.reserve(batch.num_rows());
  times_.reserve(batch.num_rows());
  for (const auto& chunk : batch.chunks) {
    for (std::size_t row = 0; row < chunk->rows; ++row) {
      views_.push_back(chunk->message[row]);
      times_.push_back(chunk->timestamp[row]);
    }
  }
}

}  // namespace logforest::bindings
