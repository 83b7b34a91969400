#include "logforest/parse/json.hpp"

#include <cstring>

#include "logforest/parse/json_framer.hpp"
#include "logforest/parse/json_parser.hpp"
#include "logforest/parse/values.hpp"

namespace logforest::parse {

namespace {
// Objects inside objects that are searched for columns; deeper ones are only validated.
constexpr std::size_t kSearchDepth = 8;
}  // namespace

LineResult JsonParser::parse_line(std::string_view line, RowBuilder& row) {
  parts_.clear();
  end_ = line.data() + line.size();
  const char* p = json::skip_space(line.data(), end_);
  if (p >= end_) return {};
  if (*p == '{') {
    const char* const begin = p;
    p = record(row, p);
    if (p == nullptr) {
      // Alone on its line, as nearly always, it is the line that is wrong.
      const char* const next = json::element_end(begin, end_);
      if (next == nullptr || json::skip_space(next, end_) == end_) return {error_};
      return objects(row, begin, false);
    }
    p = json::skip_space(p, end_);
    if (p == end_) return {};
    if (p > end_ || *p != '{') return {Reject::InvalidJson};
    if (row.open()) row.commit();
    return objects(row, p, true);
  }
  if (*p == '[') return elements(row, p);
  fields_left_ = options_.max_fields;
  p = skip(p, 0);
  if (p == nullptr) return {error_};
  return {json::skip_space(p, end_) == end_ ? Reject::NotAnObject : Reject::InvalidJson};
}

// Several objects on a line, from `p` on. One that is wrong is rejected by itself, if its end can
// be told and a record stands beside it (`taken`: already before `p`).
LineResult JsonParser::objects(RowBuilder& row, const char* p, bool taken) {
  for (;;) {
    const char* const begin = p;
    p = record(row, p);
    if (p != nullptr) {
      taken = true;
      if (row.open()) row.commit();
    } else {
      if (row.open()) row.abandon();
      p = json::element_end(begin, end_);
      const char* const part_end = p == nullptr ? end_ : p;
      parts_.push_back({error_, {begin, static_cast<std::size_t>(part_end - begin)}});
      if (p == nullptr) break;
    }
    p = json::skip_space(p, end_);
    if (p == end_) break;
    if (*p != '{') {
      parts_.push_back({Reject::InvalidJson, {p, static_cast<std::size_t>(end_ - p)}});
      break;
    }
  }
  const Reject why = parts_.empty() ? Reject::None : parts_.front().why;
  if (!taken) parts_.clear();
  return {why};
}

// An array of records. An element that is none is rejected by itself; where none is one, the line
// is.
LineResult JsonParser::elements(RowBuilder& row, const char* p) {
  const std::size_t before = row.batch().rows;
  p = json::skip_space(p + 1, end_);
  if (p < end_ && *p == ']') {
    return {json::skip_space(p + 1, end_) == end_ ? Reject::None : Reject::InvalidJson};
  }
  for (;;) {
    const char* const begin = p;
    Reject why = Reject::None;
    if (p < end_ && *p == '{') {
      p = record(row, p);
      if (p != nullptr && row.open()) row.commit();
    } else {
      fields_left_ = options_.max_fields;
      p = skip(p, 1);
      why = Reject::NotAnObject;
    }
    if (p == nullptr) {
      if (row.open()) row.abandon();
      why = error_;
      p = json::element_end(begin, end_);
      if (p == nullptr) return cut_short(row.batch().rows - before, begin);
    }
    if (why != Reject::None) {
      const auto size = static_cast<std::size_t>(p - begin);
      parts_.push_back({why, {begin, size == 0 ? 1 : size}});  // "[1,]": the bracket
    }
    p = json::skip_space(p, end_);
    if (p < end_ && *p == ',') {
      p = json::skip_space(p + 1, end_);
      continue;
    }
    if (p >= end_ || *p != ']') {
      syntax(p);
      return cut_short(row.batch().rows - before, p);
    }
    break;
  }
  p = json::skip_space(p + 1, end_);
  if (p != end_) {
    fail(Reject::InvalidJson);
    return cut_short(row.batch().rows - before, p);
  }
  const Reject why = parts_.empty() ? Reject::None : parts_.front().why;
  if (row.batch().rows == before) parts_.clear();
  return {why};
}

// The line cannot be read from `p` on. Without a record before that, it is no array of records.
LineResult JsonParser::cut_short(std::size_t taken, const char* p) {
  if (taken == 0 || p >= end_) {
    if (taken == 0) parts_.clear();
    return {error_};
  }
  parts_.push_back({error_, {p, static_cast<std::size_t>(end_ - p)}});
  return {parts_.front().why};
}

const char* JsonParser::record(RowBuilder& row, const char* p) {
  row.begin();
  position_ = 0;
  fields_left_ = options_.max_fields;
  error_ = Reject::None;
  record_begin_ = p;
  may_be_batch_ = true;
  p = members(row, p + 1, nullptr, 1);
  return p == nullptr && error_ == Reject::None ? batch_end_ : p;
}

// From behind '{' to behind the matching '}'.
const char* JsonParser::members(RowBuilder& row, const char* p, const Alias* context,
                                std::size_t depth) {
  p = json::skip_space(p, end_);
  if (p < end_ && *p == '}') return p + 1;
  for (;;) {
    Member member;
    p = key(p, context, member);
    if (p == nullptr) return nullptr;
    p = *p == '"' ? text_value(row, p, member) : value(row, p, member, depth);
    if (p == nullptr) return nullptr;
    if (*p != ',' || p >= end_) p = json::skip_space(p, end_);
    if (p >= end_) return syntax(p);
    if (*p == ',') {
      ++p;
      if (*p != '"') p = json::skip_space(p, end_);
      continue;
    }
    return *p == '}' ? p + 1 : syntax(p);
  }
}

inline bool JsonParser::Guess::hit(const char* key, const Alias* its_context) const noexcept {
#if defined(__SSE2__)
  const auto equal = [&](std::size_t at) {
    return static_cast<std::uint32_t>(_mm_movemask_epi8(
        _mm_cmpeq_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(key + at)),
                       _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes.data() + at)))));
  };
  const std::uint32_t same = equal(0) | equal(16) << 16;
  return mask != 0 && (same & mask) == mask && context == its_context;
#else
  return mask != 0 && context == its_context && std::memcmp(key, bytes.data(), skip) == 0;
#endif
}

void JsonParser::Guess::learn(const char* key, std::size_t key_length, const char* value,
                              const Alias* its_context, const Alias* its_alias) noexcept {
  const auto n = static_cast<std::size_t>(value - key);
  mask = 0;
  if (n > kBytes) return;
  std::memcpy(bytes.data(), key, n);
  mask = static_cast<std::uint32_t>((std::uint64_t{1} << n) - 1);
  length = static_cast<std::uint32_t>(key_length);
  skip = static_cast<std::uint32_t>(n);
  context = its_context;
  alias = its_alias;
}

// From the opening quote to the first byte of the value.
inline const char* JsonParser::key(const char* p, const Alias* context, Member& out) {
  if (p >= end_ || *p != '"') return syntax(p);
  if (fields_left_ == 0) return fail(Reject::TooManyFields);
  --fields_left_;
  const char* const begin = p + 1;
  Guess& guess = guesses_[position_ % guesses_.size()];
  ++position_;
  if (guess.hit(begin, context)) {
    out.key = {{begin, guess.length}, {begin - 1, guess.length + 2}};
    out.alias = guess.alias;
    p = begin + guess.skip;
    // Whoever was here before may have written no blank, or fewer.
    if (static_cast<unsigned char>(*p) <= ' ') p = json::skip_space(p, end_);
    return p < end_ ? p : syntax(p);
  }
  return new_key(begin, context, guess, out);
}

const char* JsonParser::new_key(const char* begin, const Alias* context, Guess& guess,
                                Member& out) {
  bool escaped = false;
  bool ok = true;
  const char* p = json::scan_string(begin, escaped, ok);
  if (!ok) return syntax(p);
  const auto length = static_cast<std::size_t>(p - begin);
  out.key = {{begin, length}, {begin - 1, length + 2}};
  if (escaped) out.key.text = json::unescape(out.key.text, key_scratch_);
  out.alias = look_up(context, out.key.text);
  guess.mask = 0;
  p = json::skip_space(p + 1, end_);
  if (p >= end_ || *p != ':') return syntax(p);
  p = json::skip_space(p + 1, end_);
  if (p >= end_) return syntax(p);
  if (!escaped) guess.learn(begin, length, p, context, out.alias);
  return p;
}

const Alias* JsonParser::look_up(const Alias* context, std::string_view key) const noexcept {
  if (context == nullptr) return find_alias(key);
  char path[64];
  const std::size_t n = context->key.size() + 1 + key.size();
  const Alias* found = nullptr;
  if (n <= sizeof path) {
    std::memcpy(path, context->key.data(), context->key.size());
    path[context->key.size()] = '.';
    std::memcpy(path + context->key.size() + 1, key.data(), key.size());
    found = find_alias({path, n});
  }
  return found == nullptr && context->transparent ? find_alias(key) : found;
}

const char* JsonParser::value(RowBuilder& row, const char* p, const Member& member,
                              std::size_t depth) {
  const char* const begin = p;
  const Alias* alias = member.alias;
  if (*p == '-' || json::is_digit(*p)) return number_value(row, p, member);
  if (*p == '[') return list_value(row, p, member, depth);
  if (*p == '"') return text_value(row, p, member);
  if (*p == '{' && alias != nullptr && alias->prefix && depth < kSearchDepth &&
      depth < options_.max_depth) {
    const std::size_t mark = row.meta_open(member.key.json);
    p = members(row, p + 1, alias, depth + 1);
    if (p != nullptr) row.meta_close(mark);
    return p;
  }
  p = skip(p, depth);
  if (p == nullptr) return nullptr;
  const std::string_view text(begin, static_cast<std::size_t>(p - begin));
  if (alias == nullptr || !row.put(*alias, member.key, FieldKind::Json, text)) {
    row.meta_raw(member.key.json, text);
  }
  return p;
}

const char* JsonParser::number_value(RowBuilder& row, const char* p, const Member& member) {
  static constexpr double kPowers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8};
  const char* const begin = p;
  const Alias* const alias = member.alias;
  // Statuses and durations, most of which are a few digits and exact in double arithmetic.
  if (alias != nullptr && *p != '-' && !row.has(alias->target)) {
    const bool status = alias->target == Target::Status;
    if (status || (alias->target == Target::Duration && alias->reading == Reading::Milliseconds &&
                   !row.caddy())) {
      std::int64_t digits = 0;
      for (; p - begin < 10 && json::is_digit(*p); ++p) digits = digits * 10 + (*p - '0');
      const std::ptrdiff_t whole = p - begin;
      std::ptrdiff_t decimals = 0;
      if (*p == '.' && !status) {
        const char* const point = p++;
        for (; p - point <= 5 && json::is_digit(*p); ++p) digits = digits * 10 + (*p - '0');
        decimals = p - point - 1;
        if (decimals == 0) p = begin;
      }
      const bool ends = (*p == ',' || *p == '}') && p < end_;
      if (ends && (*begin != '0' || whole == 1)) {
        if (!status) {
          row.response_time(static_cast<double>(digits) / kPowers[decimals]);
          return p;
        }
        if (digits >= 100 && digits <= 999) {
          row.status_code(static_cast<int>(digits));
          return p;
        }
      }
      p = begin;
    }
  }
  bool ok = true;
  p = json::scan_number(p, ok);
  if (!ok) return syntax(p);
  const std::string_view text(begin, static_cast<std::size_t>(p - begin));
  if (alias == nullptr || !row.put(*alias, member.key, FieldKind::Number, text)) {
    row.meta_raw(member.key.json, text);
  }
  return p;
}

inline const char* JsonParser::text_value(RowBuilder& row, const char* p, const Member& member) {
  const char* const begin = p + 1;
  bool escaped = false;
  bool ok = true;
  p = json::scan_string(begin, escaped, ok);
  if (!ok || p >= end_) return syntax(p);
  const std::string_view body(begin, static_cast<std::size_t>(p - begin));
  ++p;
  const Alias* const alias = member.alias;
  if (alias != nullptr && alias->target != Target::None) {
    std::string_view text = body;
    if (escaped) {
      text = json::unescape(body, scratch_);
      (void)scratch_.room(kCopyPadding);
      text = {scratch_.data(), text.size()};
    }
    const Target target = alias->target;
    if (!text.empty() && !row.has(target)) {  // what put() does with them
      switch (target) {
        case Target::Timestamp:
          if (row.put_time(text, FieldKind::Text)) return p;
          break;
        case Target::Level:
          if (row.put_level(*alias, text, FieldKind::Text)) return p;
          break;
        case Target::Service:
          row.service(text);
          return p;
        case Target::Endpoint:
          row.endpoint(text, Padded{});
          return p;
        case Target::User:
          row.user_id(text, Padded{});
          return p;
        case Target::Trace:
          row.trace_id(text);
          return p;
        case Target::Message:
          if (alias->reading == Reading::InnerLine || in_batch_ || text.back() == '\n' ||
              text.back() == '\r') {
            if (put_text(row, member, text)) return p;
            break;
          }
          row.message(text, Padded{});
          return p;
        default:
          if (put_text(row, member, text)) return p;
          break;
      }
    } else if (put_text(row, member, text)) {
      return p;
    }
  }
  row.meta_raw(member.key.json, {begin - 1, body.size() + 2});
  return p;
}

bool JsonParser::put_text(RowBuilder& row, const Member& member, std::string_view text) {
  const bool line = member.alias->reading == Reading::InnerLine ||
                    (in_batch_ && member.alias->target == Target::Message);
  return (line && inner_line(row, text)) ||
         row.put(*member.alias, member.key, FieldKind::Text, text);
}

const char* JsonParser::list_value(RowBuilder& row, const char* p, const Member& member,
                                   std::size_t depth) {
  const char* const begin = p;
  const Alias* const alias = member.alias;
  if (depth == 1 && may_be_batch_ && !inside_line_) {
    const char* const inner = json::skip_space(p + 1, end_);
    if (inner < end_ && *inner == '{' && (alias == nullptr || !alias->prefix)) {
      may_be_batch_ = false;  // one look a record
      batch_end_ = batch(row, p);
      if (batch_end_ != nullptr) return nullptr;
    }
  }
  p = skip(p, depth);
  if (p == nullptr) return nullptr;
  const std::string_view list(begin, static_cast<std::size_t>(p - begin));
  if (alias != nullptr && alias->prefix && attribute_list(row, list, member)) return p;
  if (member.key.text == "MESSAGE" && alias != nullptr && byte_list(row, member, list)) {
    return p;
  }
  row.meta_raw(member.key.json, list);
  return p;
}

const char* JsonParser::skip(const char* p, std::size_t depth) {
  json::Limits limits{
      options_.max_depth > depth ? std::min<std::size_t>(options_.max_depth, 4096) - depth : 0,
      fields_left_};
  json::Fault fault = json::Fault::None;
  p = json::skip_value(p, end_, limits, fault);
  fields_left_ = limits.fields;
  switch (fault) {
    case json::Fault::None:
      return p <= end_ ? p : syntax(p);
    case json::Fault::Syntax:
      return syntax(p);
    case json::Fault::Depth:
      return fail(Reject::TooDeep);
    case json::Fault::Fields:
      return fail(Reject::TooManyFields);
  }
  return nullptr;
}

// Docker's json-file wraps a line of the program; when that is JSON, its fields are the record's.
bool JsonParser::inner_line(RowBuilder& row, std::string_view text) {
  if (inside_line_ || text.empty() || text[0] != '{') return false;
  text = trim(text);
  inner_.clear();
  inner_.append(text);
  std::memset(inner_.room(kPadding), 0, kPadding);
  const char* const begin = inner_.data();
  json::Limits limits{options_.max_depth, fields_left_};
  json::Fault fault = json::Fault::None;
  const char* const end = begin + text.size();
  if (json::skip_value(begin, end, limits, fault) != end || fault != json::Fault::None) {
    return false;
  }
  const char* const outer_end = end_;
  const std::size_t fields = fields_left_;
  end_ = end;
  inside_line_ = true;
  members(row, begin + 1, nullptr, 1);  // valid: it was scanned above
  inside_line_ = false;
  error_ = Reject::None;
  end_ = outer_end;
  if (in_batch_) fields_left_ = fields;  // the line's own
  return true;
}

namespace {

// '{' before a key or '}', '[' before '{' or the line end: "[error]" is no JSON.
bool opens_json(std::string_view text) {
  const std::string_view rest = text.empty() ? text : trim(text.substr(1));
  if (text.starts_with('{')) return rest.empty() || rest[0] == '"' || rest[0] == '}';
  return text.starts_with('[') && (rest.empty() || rest[0] == '{' || rest[0] == ']');
}

double detect(const std::vector<std::string_view>& lines) {
  if (lines.empty()) return 0;
  const std::string_view first = trim(lines[0]);
  // A document over many lines shows by its first two.
  if (opens_json(first) && lines.size() > 1 && first.back() != '}') {
    const std::string_view second = trim(lines[1]);
    if (!second.empty() && (second[0] == '"' || second[0] == '{' || second[0] == ']')) {
      if (first.size() == 1 || first.back() == ',' || first.back() == '{') return 1;
    }
  }
  std::size_t hits = 0;
  for (const std::string_view line : lines) hits += opens_json(trim(line)) ? 1 : 0;
  return static_cast<double>(hits) / static_cast<double>(lines.size());
}

}  // namespace

Format json_format() {
  Format format;
  format.name = "json";
  format.description = "JSON objects: one a line, several a line, arrays, or over many lines";
  format.make = [](const ParseOptions& options) { return std::make_unique<JsonParser>(options); };
  format.detect = detect;
  format.rank = 10;
  format.strict_utf8 = true;
  format.make_framer = make_json_framer;
  return format;
}

}  // namespace logforest::parse
