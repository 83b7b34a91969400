#include "logforest/parse/directives.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "logforest/base/byte_buffer.hpp"
#include "logforest/base/utf8.hpp"
#include "logforest/parse/aliases.hpp"
#include "logforest/parse/scan.hpp"

namespace logforest::parse {

using namespace scan;

namespace {

using Kind = Directive::Kind;

bool same_letters(std::string_view a, std::string_view lower) noexcept {
  if (a.size() != lower.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if ((is_upper(a[i]) ? static_cast<char>(a[i] + 32) : a[i]) != lower[i]) return false;
  }
  return true;
}

Kind w3c_kind(std::string_view name) noexcept {
  constexpr std::pair<std::string_view, Kind> kinds[] = {
      {"fields", Kind::W3cFields},   {"software", Kind::W3cSoftware},      {"date", Kind::W3cDate},
      {"start-date", Kind::W3cDate}, {"time format", Kind::W3cTimeFormat},
  };
  for (const auto& [text, kind] : kinds) {
    if (same_letters(name, text)) return kind;
  }
  return Kind::Comment;
}

Kind zeek_kind(std::string_view name) noexcept {
  constexpr std::pair<std::string_view, Kind> kinds[] = {
      {"separator", Kind::ZeekSeparator}, {"set_separator", Kind::ZeekSetSeparator},
      {"empty_field", Kind::ZeekEmpty},   {"unset_field", Kind::ZeekUnset},
      {"path", Kind::ZeekPath},           {"fields", Kind::ZeekFields},
      {"types", Kind::ZeekTypes},         {"open", Kind::Comment},
      {"close", Kind::Comment},
  };
  for (const auto& [text, kind] : kinds) {
    if (name == text) return kind;
  }
  return Kind::None;
}

constexpr std::string_view kFlow = "\nversion ";

// The names of a flow log's columns; the version is the first of them.
bool names_flow_columns(std::string_view line) noexcept {
  if (!line.starts_with(kFlow.substr(1)) || line.size() > 1000) return false;
  const bool words = std::all_of(line.begin(), line.end(), [](char c) {
    return is_lower(c) || is_digit(c) || c == '-' || c == ' ';
  });
  return words && (line.find(" start") != npos || line.find(" srcaddr") != npos ||
                   line.find(" interface-id") != npos);
}

// Calls use(line) for each line of `text` that begins as `mark` does behind its line end; the
// line's own is left out.
template <class F>
void each_line_behind(std::string_view mark, std::string_view text, F&& use) {
  for (std::size_t at = text.starts_with(mark.substr(1)) ? 0 : text.find(mark); at != npos;) {
    if (text[at] == '\n') ++at;
    const std::size_t stop = find(text, '\n', at);
    std::string_view line = text.substr(at, stop == npos ? npos : stop - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    use(line);
    at = stop == npos ? npos : text.find(mark, stop);
  }
}

// Lines that may be directives; those of one kind in their order.
template <class F>
void each_marked_line(std::string_view text, F&& use) {
  if (!text.empty() && text[0] != '#' && !text.starts_with(kFlow.substr(1))) {
    std::string_view line = text.substr(0, find(text, '\n'));
    if (line.ends_with('\r')) line.remove_suffix(1);
    use(line);
  }
  each_line_behind("\n#", text, use);
  each_line_behind(kFlow, text, use);
}

void forget(std::string& state, Kind kind) {
  for (std::size_t at = 0; at < state.size();) {
    const std::size_t stop = state.find('\n', at);
    if (read_directive(std::string_view(state).substr(at, stop - at)).kind == kind) {
      state.erase(at, stop + 1 - at);
    } else {
      at = stop + 1;
    }
  }
}

char key_char(char c) noexcept {
  if (c == ' ' || c == '-') return '_';
  return is_upper(c) ? static_cast<char>(c + 32) : c;
}

}  // namespace

std::string csv_key(std::string_view name) {
  std::string key(name);
  std::transform(key.begin(), key.end(), key.begin(), key_char);
  return key;
}

char csv_separator(std::string_view line) noexcept {
  if (line.size() < 10 || line.size() > 8192) return 0;
  if (!is_alpha(line[0]) && line[0] != '"' && line[0] != '@' && line[0] != '_') return 0;
  const std::size_t first = line.find_first_of(",;\t|");
  if (first == npos) return 0;
  const char separator = line[first];
  std::size_t names = 0;
  bool time = false;
  bool other = false;
  for (std::size_t at = 0; at <= line.size();) {
    const std::size_t stop = std::min(find(line, separator, at), line.size());
    std::string_view name = trim(line.substr(at, stop - at));
    if (name.size() > 2 && name.front() == '"' && name.back() == '"') {
      name = name.substr(1, name.size() - 2);
    }
    if (name.empty() || name.size() > 40 || is_digit(name[0])) return 0;
    for (const char c : name) {
      if (!is_alnum(c) && c != '_' && c != '.' && c != '-' && c != ' ' && c != '@' && c != ':' &&
          c != '/' && c != '(' && c != ')' && c != '%') {
        return 0;
      }
    }
    ++names;
    char key[40];
    for (std::size_t i = 0; i < name.size(); ++i) {
      key[i] = key_char(name[i]);
    }
    const Alias* alias = find_alias({key, name.size()});
    const bool known = alias != nullptr && alias->target != Target::None;
    time = time || (known && alias->target == Target::Timestamp);
    other = other || (known && alias->target != Target::Timestamp);
    at = stop + 1;
  }
  return names >= 3 && time && other ? separator : 0;
}

Directive read_directive(std::string_view line) noexcept {
  if (line.starts_with('v') && names_flow_columns(line)) return {Kind::FlowFields, line};
  if (line.size() < 3) return {};
  if (line[0] != '#') {
    return csv_separator(line) != 0 ? Directive{Kind::CsvFields, line} : Directive{};
  }
  if (!is_alpha(line[1])) return {};
  std::size_t end = 2;
  while (end < line.size() && end < 40 &&
         (is_alpha(line[end]) || line[end] == '-' || line[end] == '_')) {
    ++end;
  }
  if (end == line.size()) return {};
  if (line.substr(end).starts_with(" Format:")) end += 7;
  const std::string_view name = line.substr(1, end - 1);
  if (line[end] == ':') return {w3c_kind(name), trim(line.substr(end + 1))};
  if (is_alnum(line[end]) || static_cast<unsigned char>(line[end]) >= 0x80) return {};
  return {zeek_kind(name), line.substr(end + 1)};
}

bool names_columns(std::string_view head) noexcept {
  bool found = false;
  each_marked_line(head, [&found](std::string_view line) {
    const Kind kind = read_directive(line).kind;
    found = found || kind == Kind::W3cFields || kind == Kind::ZeekFields ||
            kind == Kind::FlowFields || kind == Kind::CsvFields;
  });
  return found;
}

void carry_directives(std::string& state, std::string_view chunk, std::size_t longest) {
  each_marked_line(chunk, [&](std::string_view line) {
    if (line.size() > longest || find(line, '\0') != npos) return;
    const Kind kind = read_directive(line).kind;
    if (kind == Kind::None || kind == Kind::Comment) return;
    forget(state, kind);
    if (kind == Kind::ZeekFields) forget(state, Kind::ZeekTypes);
    ByteBuffer text;  // as the parser gets it
    append_repaired(text, line);
    state.append(text.view()).push_back('\n');
  });
}

}  // namespace logforest::parse
