// Shapes of JSON that are not plain members: OpenTelemetry's attribute lists, journald's binary
// messages. The text was validated before.
#include <optional>

#include "logforest/base/utf8.hpp"
#include "logforest/parse/json_parser.hpp"
#include "logforest/parse/values.hpp"

namespace logforest::parse {

namespace {

// Walks over validated JSON.
struct Walker {
  const char* p;
  const char* end;

  void space() { p = json::skip_space(p, end); }
  bool take(char c) {
    space();
    if (p >= end || *p != c) return false;
    ++p;
    return true;
  }
  // The body of a string, quotes left out.
  std::optional<std::string_view> string() {
    if (!take('"')) return std::nullopt;
    const char* const begin = p;
    bool escaped = false;
    bool ok = true;
    p = json::scan_string(p, escaped, ok);
    if (!ok) return std::nullopt;
    return std::string_view(begin, static_cast<std::size_t>(p++ - begin));
  }
  std::optional<std::string_view> any() {
    space();
    const char* const begin = p;
    json::Limits limits{4096, static_cast<std::size_t>(-1)};
    json::Fault fault = json::Fault::None;
    p = json::skip_value(p, end, limits, fault);
    if (fault != json::Fault::None) return std::nullopt;
    return std::string_view(begin, static_cast<std::size_t>(p - begin));
  }
};

struct Attribute {
  std::string_view key;    // body of a JSON string
  std::string_view type;   // "stringValue", ...
  std::string_view value;  // JSON
};

// {"key": "http.method", "value": {"stringValue": "GET"}}, members in this order or the other.
std::optional<Attribute> attribute(Walker& w) {
  Attribute out;
  if (!w.take('{')) return std::nullopt;
  for (int member = 0; member < 2; ++member) {
    if (member == 1 && !w.take(',')) return std::nullopt;
    const auto name = w.string();
    if (!name || !w.take(':')) return std::nullopt;
    if (*name == "key") {
      const auto key = w.string();
      if (!key) return std::nullopt;
      out.key = *key;
    } else if (*name == "value") {
      if (!w.take('{')) return std::nullopt;
      const auto type = w.string();
      if (!type || !w.take(':')) return std::nullopt;
      const auto value = w.any();
      if (!value || !w.take('}')) return std::nullopt;
      out.type = *type;
      out.value = *value;
    } else {
      return std::nullopt;
    }
  }
  if (!w.take('}') || out.key.data() == nullptr || out.type.empty()) return std::nullopt;
  return out;
}

template <class Use>
bool each_attribute(std::string_view list, Use&& use) {
  Walker w{list.data(), list.data() + list.size()};
  if (!w.take('[')) return false;
  for (;;) {
    const auto found = attribute(w);
    if (!found) return false;
    use(*found);
    if (w.take(']')) return true;
    if (!w.take(',')) return false;
  }
}

}  // namespace

// [{"key": k, "value": {"stringValue": v}}, ...] counts as {k: v, ...} (opentelemetry-proto,
// common.proto). False when the list has another shape: nothing was taken then.
bool JsonParser::attribute_list(RowBuilder& row, std::string_view list, const Member& member) {
  if (!each_attribute(list, [](const Attribute&) {})) return false;
  const std::size_t mark = row.meta_open(member.key.json);
  each_attribute(list, [&](const Attribute& a) {
    const std::string_view key_json(a.key.data() - 1, a.key.size() + 2);
    const std::string_view key = json::unescape(a.key, key_scratch_);
    const Alias* alias = look_up(member.alias, key);
    FieldKind kind = FieldKind::Json;
    std::string_view text = a.value;
    std::string_view value = a.value;
    if (value.starts_with('"')) {
      text = json::unescape(value.substr(1, value.size() - 2), scratch_);
      kind = FieldKind::Text;
      if (a.type == "intValue" && to_integer(text)) {  // 64-bit integers travel as strings
        kind = FieldKind::Number;
        value = value.substr(1, value.size() - 2);
      }
    } else if (!value.empty() && (value[0] == '-' || json::is_digit(value[0]))) {
      kind = FieldKind::Number;
    }
    if (alias == nullptr || !row.put(*alias, {key, key_json}, kind, text)) {
      row.meta_raw(key_json, value);
    }
  });
  row.meta_close(mark);
  return true;
}

// journald writes messages that are not clean UTF-8 as lists of bytes.
bool JsonParser::byte_list(RowBuilder& row, const Member& member, std::string_view list) {
  inner_.clear();
  Walker w{list.data(), list.data() + list.size()};
  if (!w.take('[')) return false;
  do {
    const auto item = w.any();
    const auto byte = item ? to_integer(*item) : std::nullopt;
    if (!byte || *byte < 0 || *byte > 255) return false;
    inner_.push(static_cast<char>(*byte));
  } while (w.take(','));
  scratch_.clear();
  append_repaired(scratch_, inner_.view());
  return row.put(*member.alias, member.key, FieldKind::Text, scratch_.view());
}

}  // namespace logforest::parse
