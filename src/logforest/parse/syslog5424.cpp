#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "logforest/base/utf8.hpp"
#include "logforest/parse/row_builder.hpp"
#include "logforest/parse/scan.hpp"
#include "logforest/parse/syslog.hpp"

namespace logforest::parse {

using namespace scan;

Priority read_priority(std::string_view line) noexcept {
  if (line.size() < 3 || line[0] != '<' || !is_digit(line[1])) return {};
  int value = line[1] - '0';
  std::size_t at = 2;
  if (value != 0) {
    for (; at < line.size() && at < 4 && is_digit(line[at]); ++at)
      value = value * 10 + line[at] - '0';
  }
  if (at >= line.size() || line[at] != '>' || value > 191) return {};
  return {value, at + 1};
}

bool Rfc3339Clock::load(const char* p) noexcept {
  const int high = two_digits(p);
  const int low = two_digits(p + 2);
  const int month = two_digits(p + 5);
  const int day = two_digits(p + 8);
  if (high < 0 || low < 0 || p[4] != '-' || p[7] != '-' || month < 1 || month > 12 || day < 1) {
    return false;
  }
  const int year = high * 100 + low;
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  constexpr std::array<int, 12> days{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (day > days[static_cast<std::size_t>(month - 1)] + (month == 2 && leap ? 1 : 0)) return false;
  midnight_us_ = days_from_civil(year, static_cast<unsigned>(month), static_cast<unsigned>(day)) *
                 86'400'000'000;
  std::memcpy(date_, p, sizeof date_);
  return true;
}

bool Rfc3339Clock::read(std::string_view text, std::int64_t& us) noexcept {
  if (text.size() < 20 || text[10] != 'T') return false;
  const char* p = text.data();
  if (std::memcmp(p, date_, sizeof date_) != 0 && !load(p)) return false;
  const int seconds = clock_seconds(p + 11);
  if (seconds < 0 || p[17] == '6') return false;
  std::int64_t at = midnight_us_ + seconds * std::int64_t{1'000'000};
  std::size_t i = 19;
  if (text[i] == '.') {
    std::int64_t unit = 100'000;
    const std::size_t first = ++i;
    for (; i < text.size() && is_digit(text[i]); ++i, unit /= 10) at += (text[i] - '0') * unit;
    if (i == first || i - first > 6) return false;
  }
  if (i >= text.size()) return false;
  if (text[i] == 'Z') {
    us = at;
    return i + 1 == text.size();
  }
  if (i + 6 != text.size() || (text[i] != '+' && text[i] != '-') || text[i + 3] != ':')
    return false;
  const int h = two_digits(p + i + 1);
  const int m = two_digits(p + i + 4);
  if (h < 0 || m < 0 || h > 23 || m > 59) return false;
  const std::int64_t offset = (h * 60 + m) * std::int64_t{60'000'000};
  us = text[i] == '+' ? at - offset : at + offset;
  return true;
}

namespace {

constexpr bool is_sd_name(char c) noexcept {
  return is_graph(c) && c != '=' && c != ']' && c != '"';
}

// 1*limit PRINTUSASCII up to the next blank, which is read too. NILVALUE gives an empty view.
bool header_word(std::string_view line, std::size_t& at, std::size_t limit,
                 std::string_view& out) noexcept {
  const std::size_t begin = at;
  at = graph_end(line, at);
  if (at == begin || at - begin > limit || at >= line.size() || line[at] != ' ') return false;
  out = line.substr(begin, at - begin);
  if (out == "-") out = {};
  ++at;
  return true;
}

bool sd_name(std::string_view line, std::size_t& at) noexcept {
  const std::size_t begin = at;
  while (at < line.size() && is_sd_name(line[at])) ++at;
  return at > begin && at - begin <= 32;
}

// Skips bytes that mean nothing special in a value, sixteen at a time.
std::size_t plain_end(std::string_view s, std::size_t at) noexcept {
#if defined(__SSE2__)
  for (; at + 16 <= s.size(); at += 16) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(s.data() + at));
    const __m128i special = _mm_or_si128(
        _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8(']'))),
        _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('\\')),
                     _mm_cmplt_epi8(v, _mm_setzero_si128())));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(special));
    if (mask != 0) return at + static_cast<std::size_t>(std::countr_zero(mask));
  }
#endif
  return at;
}

// A value behind its opening quote; only \" \\ and \] are escapes, ']' and '"' must be escaped.
bool sd_value(std::string_view line, std::size_t& at) noexcept {
  bool high = false;
  const std::size_t begin = at;
  for (; at < line.size(); ++at) {
    at = plain_end(line, at);
    if (at >= line.size()) break;
    const char c = line[at];
    if (c == '"') {
      if (high && !simdjson::validate_utf8(line.data() + begin, at - begin)) return false;
      ++at;
      return true;
    }
    if (c == ']') return false;
    if (c == '\\') {
      ++at;
      if (at >= line.size() || (line[at] != '"' && line[at] != '\\' && line[at] != ']'))
        return false;
    }
    high = high || static_cast<unsigned char>(c) >= 0x80;
  }
  return false;
}

bool structured_data(std::string_view line, std::size_t& at) noexcept {
  std::array<std::string_view, 16> ids;
  std::size_t count = 0;
  while (at < line.size() && line[at] == '[') {
    const std::size_t begin = ++at;
    if (!sd_name(line, at)) return false;
    const std::string_view id = line.substr(begin, at - begin);
    for (std::size_t i = 0; i < count; ++i) {
      if (ids[i] == id) return false;  // "the same SD-ID MUST NOT exist more than once"
    }
    if (count < ids.size()) ids[count++] = id;
    while (at < line.size() && line[at] == ' ') {
      ++at;
      if (!sd_name(line, at) || at + 1 >= line.size() || line[at] != '=' || line[at + 1] != '"') {
        return false;
      }
      at += 2;
      if (!sd_value(line, at)) return false;
    }
    if (at >= line.size() || line[at] != ']') return false;
    ++at;
  }
  return true;
}

// One parameter "name="value"" at `at`, which moves behind it.
struct Parameter {
  std::string_view name, value;
};
Parameter next_parameter(std::string_view s, std::size_t& at) noexcept {
  const std::size_t equals = find(s, '=', at);
  const std::size_t close = closing_quote(s, equals + 2);
  const Parameter p{s.substr(at, equals - at), s.substr(equals + 2, close - equals - 2)};
  at = close + 1;
  return p;
}

// Parameters of which none repeats and no value holds an escape, written as they come. False when
// there is another; then nothing is written.
bool plain_element(std::string_view id, std::string_view body, std::vector<Parameter>& scratch,
                   RowBuilder& row) {
  if (body.empty() || find(body, '\\') != npos) return false;
  scratch.clear();
  for (std::size_t at = 0; at < body.size();) {
    ++at;  // the blank
    scratch.push_back(next_parameter(body, at));
    if (scratch.size() > 16) return false;
    for (std::size_t i = 0; i + 1 < scratch.size(); ++i) {
      if (scratch[i].name == scratch.back().name) return false;
    }
  }
  const std::size_t mark = row.meta_open_named(id);
  for (const Parameter& p : scratch) row.meta_text(p.name, p.value);
  row.meta_close(mark);
  return true;
}

void append_json_text(std::string_view value, bool sd_escapes, std::string& json) {
  static constexpr char hex[] = "0123456789abcdef";
  json += '"';
  for (std::size_t i = 0; i < value.size(); ++i) {
    const std::size_t plain = json_plain_length(value.substr(i));
    json.append(value, i, plain);
    i += plain;
    if (i >= value.size()) break;
    char c = value[i];
    if (sd_escapes && c == '\\' && i + 1 < value.size()) c = value[++i];
    if (c == '"' || c == '\\') {
      json += '\\';
      json += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      json += "\\u00";
      json += hex[static_cast<unsigned char>(c) >> 4];
      json += hex[static_cast<unsigned char>(c) & 15];
    } else {
      json += c;
    }
  }
  json += '"';
}

// The same name may come several times in one element: then its values are an array. Above 64
// parameters they come sorted by name, so that hostile lines cost no quadratic time.
void element_members(std::string_view body, std::vector<Parameter>& scratch, std::string& json) {
  scratch.clear();
  for (std::size_t at = 0; at < body.size();) {
    ++at;  // the blank
    scratch.push_back(next_parameter(body, at));
  }
  const bool sorted = scratch.size() > 64;
  if (sorted) {
    std::stable_sort(scratch.begin(), scratch.end(),
                     [](const Parameter& a, const Parameter& b) { return a.name < b.name; });
  }
  const auto repeats = [&](std::size_t i, std::size_t j) {
    return j < scratch.size() && scratch[j].name == scratch[i].name;
  };
  bool first = true;
  for (std::size_t i = 0; i < scratch.size(); ++i) {
    if (scratch[i].name.empty()) continue;  // written with an earlier one
    if (!first) json += ',';
    first = false;
    append_json_text(scratch[i].name, false, json);
    json += ':';
    const std::size_t mark = json.size();
    append_json_text(scratch[i].value, true, json);
    bool array = false;
    for (std::size_t j = i + 1; j < scratch.size(); ++j) {
      if (!repeats(i, j)) {
        if (sorted) break;
        continue;
      }
      if (!array) json.insert(mark, 1, '[');
      array = true;
      json += ',';
      append_json_text(scratch[j].value, true, json);
      scratch[j].name = {};
    }
    if (array) json += ']';
  }
}

// Calls f(id, body) for each element of checked structured data; body is " name="value"...".
template <class F>
void for_each_element(std::string_view structured, F&& f) {
  for (std::size_t at = 0; at < structured.size();) {
    std::size_t end = at + 1;
    while (is_sd_name(structured[end])) ++end;
    const std::string_view id = structured.substr(at + 1, end - at - 1);
    std::size_t close = end;
    while (structured[close] != ']') {
      ++close;
      next_parameter(structured, close);
    }
    f(id, structured.substr(end, close - end));
    at = close + 1;
  }
}

class Syslog5424Parser final : public LineParser {
 public:
  LineResult parse_line(std::string_view line, RowBuilder& row) override {
    const Reject why = scan_syslog5424(line, clock_, f_);
    if (why != Reject::None) return {why};
    row.begin();
    if (f_.has_time) row.timestamp(f_.timestamp_us);
    row.level(level_from_syslog(static_cast<unsigned>(f_.priority & 7)));
    if (!f_.host.empty()) row.source(f_.host);
    if (!f_.app.empty()) row.service(f_.app);
    row.message(f_.message);
    row.meta_named(R"("facility")", f_.priority >> 3);
    row.meta_named(R"("severity")", f_.priority & 7);
    if (f_.version != 1) row.meta_named(R"("version")", f_.version);
    if (!f_.procid.empty()) row.meta_named(R"("procid")", f_.procid);
    if (!f_.msgid.empty()) row.meta_named(R"("msgid")", f_.msgid);
    if (!f_.structured.empty()) {
      for_each_element(f_.structured, [&](std::string_view id, std::string_view body) {
        if (plain_element(id, body, parameters_, row)) return;
        json_ = '{';
        element_members(body, parameters_, json_);
        json_ += '}';
        row.meta_json(id, json_);
      });
    }
    return {};
  }

  [[nodiscard]] bool demands_utf8(std::string_view line) const noexcept override {
    return marked_utf8(line);
  }

 private:
  Rfc3339Clock clock_;
  Syslog5424Fields f_;
  std::string json_;
  std::vector<Parameter> parameters_;
};

}  // namespace

bool marked_utf8(std::string_view line) noexcept {
  return !line.empty() && line[0] == '<' && line.find(" \xef\xbb\xbf") != npos;
}

Reject scan_syslog5424(std::string_view line, Rfc3339Clock& clock, Syslog5424Fields& out) noexcept {
  const Priority priority = read_priority(line);
  if (priority.value < 0)
    return line.empty() || line[0] != '<' ? Reject::NoMatch : Reject::InvalidHeader;
  out.priority = priority.value;
  std::size_t at = priority.length;
  // VERSION = NONZERO-DIGIT 0*2DIGIT
  if (at >= line.size() || !is_digit(line[at]) || line[at] == '0') return Reject::InvalidHeader;
  int version = 0;
  const std::size_t begin = at;
  while (at < line.size() && is_digit(line[at]) && at - begin < 3)
    version = version * 10 + line[at++] - '0';
  if (at >= line.size() || line[at] != ' ') return Reject::InvalidHeader;
  ++at;
  out.version = version;
  std::string_view stamp;
  if (!header_word(line, at, 32, stamp)) return Reject::InvalidHeader;
  out.has_time = !stamp.empty();
  if (out.has_time && !clock.read(stamp, out.timestamp_us)) return Reject::InvalidHeader;
  if (!header_word(line, at, 255, out.host) || !header_word(line, at, 48, out.app) ||
      !header_word(line, at, 128, out.procid) || !header_word(line, at, 32, out.msgid) ||
      at >= line.size()) {
    return Reject::InvalidHeader;
  }
  out.structured = {};
  if (line[at] == '-') {
    ++at;
  } else {
    const std::size_t sd = at;
    if (line[at] != '[' || !structured_data(line, at)) return Reject::InvalidHeader;
    out.structured = line.substr(sd, at - sd);
  }
  out.message = {};
  out.has_message = at < line.size();
  if (!out.has_message) return Reject::None;
  if (line[at] != ' ') return Reject::InvalidHeader;
  out.message = line.substr(at + 1);
  if (out.message.starts_with("\xef\xbb\xbf")) {
    out.message.remove_prefix(3);
    if (!simdjson::validate_utf8(out.message.data(), out.message.size()))
      return Reject::InvalidUtf8;
  }
  return Reject::None;
}

std::unique_ptr<LineParser> make_syslog5424_parser() {
  return std::make_unique<Syslog5424Parser>();
}

}  // namespace logforest::parse
