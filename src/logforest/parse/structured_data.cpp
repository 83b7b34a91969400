#include "logforest/parse/structured_data.hpp"

#include <algorithm>

#include "logforest/base/utf8.hpp"
#include "logforest/parse/scan.hpp"
#include "logforest/parse/scan_padded.hpp"

namespace logforest::parse {

using namespace scan;

namespace {

constexpr std::size_t kLongestName = 32;

// SD-NAME: printable ASCII but '=', ']' and '"'. Its end, or nullptr when it is none.
const char* name_end(const char* p, const char* end, bool& plain) noexcept {
  const char* const begin = p;
  p = first_of(p, end, [&](Bytes v) {
    plain = plain && bits(is(v, '\\')) == 0;
    return either(either(not_graph(v), is(v, '=')), either(is(v, ']'), is(v, '"')));
  });
  const auto n = static_cast<std::size_t>(p - begin);
  return n == 0 || n > kLongestName ? nullptr : p;
}

// Skips a value behind its opening quote: behind the closing one, or nullptr. Only \" \\ and \] are
// escapes; ']' and '"' must be escaped.
const char* skip_value(const char* p, const char* end) noexcept {
  for (;; ++p) {
    p = first_of(p, end,
                 [](Bytes v) { return either(either(is(v, '"'), is(v, ']')), is(v, '\\')); });
    if (p >= end || *p == ']') return nullptr;
    if (*p == '"') return p + 1;
    ++p;
    if (p >= end || (*p != '"' && *p != '\\' && *p != ']')) return nullptr;
  }
}

// One parameter ` name="value"`, from behind the blank to behind the closing quote, or nullptr.
const char* parameter_end(const char* p, const char* end) noexcept {
  bool plain = true;
  p = name_end(p, end, plain);
  if (p == nullptr || end - p < 2 || p[0] != '=' || p[1] != '"') return nullptr;
  return skip_value(p + 2, end);
}

}  // namespace

// Whether the name came before in this element (or there are too many to tell).
bool StructuredData::known(std::string_view name) noexcept {
  if (count_ == names_.size()) return true;
  for (std::size_t i = 0; i < count_; ++i) {
    if (names_[i] == name) return true;
  }
  names_[count_++] = name;
  return false;
}

bool StructuredData::write(const char*& p, const char* end, RowBuilder& row) {
  std::array<std::string_view, 16> ids;
  std::size_t elements = 0;
  while (p < end && *p == '[') {
    const char* const id_begin = ++p;
    bool plain = true;
    const char* at = name_end(p, end, plain);
    if (at == nullptr) return false;
    const std::string_view id(id_begin, static_cast<std::size_t>(at - id_begin));
    p = at;
    for (std::size_t i = 0; i < elements; ++i) {
      if (ids[i] == id) return false;  // "the same SD-ID MUST NOT exist more than once"
    }
    if (elements < ids.size()) ids[elements++] = id;
    // Names and values as they are take less than twice the room that they have in the line.
    char* out = row.meta_room(2 * static_cast<std::size_t>(end - id_begin) + 64);
    *out++ = '"';
    out = copy_padded(out, id);
    out = std::copy_n("\":{", 3, out);
    count_ = 0;
    while (plain && at < end && *at == ' ') {
      const char* const name_begin = ++at;
      at = name_end(at, end, plain);
      if (at == nullptr || end - at < 2 || at[0] != '=' || at[1] != '"') return false;
      const std::string_view name(name_begin, static_cast<std::size_t>(at - name_begin));
      at += 2;
      *out++ = '"';
      out = copy_padded(out, name);
      out = std::copy_n("\":\"", 3, out);
      for (unsigned hits = 0; hits == 0; at += 16, out += 16) {
        if (at >= end) return false;
        const Bytes v = load(at);
        hits = bits(either(json_special(v), is(v, ']')));
        copy_piece(out, at);
        if (hits != 0) {
          at += std::countr_zero(hits);
          out += std::countr_zero(hits);
          break;
        }
      }
      if (at >= end || *at == ']') return false;
      if (*at != '"' || known(name)) plain = false;
      ++at;
      *out++ = '"';
      *out++ = ',';
    }
    if (!plain) {
      if (!rare_element(id, p, end, row)) return false;
      continue;
    }
    if (at >= end || *at != ']') return false;
    p = at + 1;
    if (count_ != 0) --out;  // its comma
    *out++ = '}';
    *out++ = ',';
    row.meta_wrote(out);
  }
  return true;
}

// An element that holds escapes, control characters or a name twice. `p` is behind its id.
bool StructuredData::rare_element(std::string_view id, const char*& p, const char* end,
                                  RowBuilder& row) {
  parameters_.clear();
  const char* const body = p;
  while (p < end && *p == ' ') {
    p = parameter_end(p + 1, end);
    if (p == nullptr) return false;
  }
  if (p >= end || *p != ']') return false;
  rare_members({body, static_cast<std::size_t>(p - body)});
  row.meta_json(id, json_.view());
  ++p;
  return true;
}

// The same name may come several times in one element: then its values are an array. Above 64
// parameters they come sorted by name, so that hostile lines cost no quadratic time.
void StructuredData::rare_members(std::string_view body) {
  for (std::size_t at = 0; at < body.size();) {
    ++at;  // the blank
    const std::size_t equals = find(body, '=', at);
    const std::size_t close = closing_quote(body, equals + 2);
    parameters_.push_back(
        {body.substr(at, equals - at), body.substr(equals + 2, close - equals - 2)});
    at = close + 1;
  }
  const bool sorted = parameters_.size() > 64;
  if (sorted) {
    std::stable_sort(parameters_.begin(), parameters_.end(),
                     [](const Parameter& a, const Parameter& b) { return a.name < b.name; });
  }
  json_.clear();
  json_.push('{');
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const std::string_view name = parameters_[i].name;
    if (name.empty()) continue;  // written with an earlier one
    append_json_string(json_, name);
    json_.push(':');
    const std::size_t mark = json_.size();
    append_value(parameters_[i].value);
    bool array = false;
    for (std::size_t j = i + 1; j < parameters_.size(); ++j) {
      if (parameters_[j].name != name) {
        if (sorted) break;
        continue;
      }
      if (!array) json_.insert(mark, '[');
      array = true;
      json_.push(',');
      append_value(parameters_[j].value);
      parameters_[j].name = {};
    }
    if (array) json_.push(']');
    json_.push(',');
  }
  json_.set_back('}');
}

void StructuredData::append_value(std::string_view value) {
  text_.clear();
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '\\') ++i;
    text_.push(value[i]);
  }
  append_json_string(json_, text_.view());
}

}  // namespace logforest::parse
