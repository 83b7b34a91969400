#include "logforest/io/pg_encode.hpp"

#include <simdjson.h>

#include <string>
#include <unordered_map>
#include <vector>

namespace logforest::io {

namespace {
// Length of the valid UTF-8 sequence at `at`, 0 when there is none (RFC 3629).
std::size_t utf8_length(std::string_view text, std::size_t at) noexcept {
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xf0 ? 4 : (lead >= 0xe0 ? 3 : 2);
  if (lead < 0xc2 || lead > 0xf4 || at + length > text.size()) return 0;
  return simdjson::validate_utf8(text.data() + at, length) ? length : 0;
}

// A copy of a column of texts in which every value is clean.
template <class Column>
class CleanEncoder final : public ColumnEncoder {
 public:
  explicit CleanEncoder(const Column& c) {
    for (std::size_t row = 0; row < c.size(); ++row) {
      if (c.is_valid(row)) clean_.set(row, clean_text(c[row]));
    }
    clean_.finish(c.size());
    inner_ = encode(clean_);
  }
  void add_sizes(std::size_t first, std::span<std::uint32_t> sizes) const override {
    inner_->add_sizes(first, sizes);
  }
  void write(std::size_t first, std::span<char*> cursors) const override {
    inner_->write(first, cursors);
  }

 private:
  Column clean_;
  Encoder inner_;
};

bool all_clean(const Utf8Column& c) noexcept {
  const std::string_view all(c.data().data(), c.data().size());
  if (!is_clean_text(all)) return false;
  // Valid as a whole is valid value by value, unless a value begins inside a sequence.
  for (const std::int32_t offset : c.offsets()) {
    const auto at = static_cast<std::size_t>(offset);
    if (at < all.size() && (static_cast<unsigned char>(all[at]) & 0xc0) == 0x80) return false;
  }
  return true;
}
}  // namespace

bool is_clean_text(std::string_view text) noexcept {
  return text.find('\0') == std::string_view::npos &&
         simdjson::validate_utf8(text.data(), text.size());
}

std::string clean_text(std::string_view text) {
  if (is_clean_text(text)) return std::string(text);
  std::string out;
  out.reserve(text.size() + 8);
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '\0') {
      out += "\xe2\x90\x80";
      ++at;
      continue;
    }
    const std::size_t length = utf8_length(text, at);
    if (length == 0) {
      out += "\xef\xbf\xbd";
      ++at;
    } else {
      out.append(text.substr(at, length));
      at += length;
    }
  }
  return out;
}

Encoder encode(const Utf8Column& c) {
  if (c.size() > 0 && !all_clean(c)) return std::make_unique<CleanEncoder<Utf8Column>>(c);
  const auto get = [&c](std::size_t row) { return c[row]; };
  if (c.validity().null_count() == 0) return bytes_encoder(get, [](std::size_t) { return true; });
  return bytes_encoder(get, [&c](std::size_t row) { return c.is_valid(row); });
}

Encoder encode(const DictColumn& c) {
  if (c.dictionary().size() > 0 && !all_clean(c.dictionary().values())) {
    return std::make_unique<CleanEncoder<DictColumn>>(c);
  }
  const auto get = [&c](std::size_t row) { return c.dictionary()[c.codes()[row]]; };
  if (c.codes().validity().null_count() == 0) {
    return bytes_encoder(get, [](std::size_t) { return true; });
  }
  return bytes_encoder(get, [&c](std::size_t row) { return c.is_valid(row); });
}

}  // namespace logforest::io
