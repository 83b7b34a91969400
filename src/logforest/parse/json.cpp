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
  p_ = line.data();
  end_ = p_ + line.size();
  return records_of_line(row);
}

LineResult JsonParser::records_of_line(RowBuilder& row) {
  p_ = json::skip_space(p_, end_);
  if (p_ >= end_) return {};
  if (*p_ == '{') {
    for (;;) {
      const Reject why = record(row);
      if (why != Reject::None) return {why};
      p_ = json::skip_space(p_, end_);
      if (p_ == end_) return {};
      if (p_ > end_ || *p_ != '{') return {Reject::InvalidJson};
      if (row.open()) row.commit();
    }
  }
  if (*p_ != '[') {
    if (!skip(0)) return {error_};
    p_ = json::skip_space(p_, end_);
    return {p_ == end_ ? Reject::NotAnObject : Reject::InvalidJson};
  }
  p_ = json::skip_space(p_ + 1, end_);
  Reject seen = Reject::None;
  if (p_ < end_ && *p_ == ']') {
    ++p_;
  } else {
    for (;;) {
      if (p_ < end_ && *p_ == '{') {
        const Reject why = record(row);
        if (why != Reject::None) return {why};
        if (row.open()) row.commit();
      } else {
        fields_left_ = options_.max_fields;
        if (!skip(1)) return {error_};
        seen = Reject::NotAnObject;
      }
      p_ = json::skip_space(p_, end_);
      if (p_ < end_ && *p_ == ',') {
        p_ = json::skip_space(p_ + 1, end_);
        continue;
      }
      if (p_ >= end_ || *p_ != ']') {
        syntax();
        return {error_};
      }
      ++p_;
      break;
    }
  }
  p_ = json::skip_space(p_, end_);
  return {p_ == end_ ? seen : Reject::InvalidJson};
}

Reject JsonParser::record(RowBuilder& row) {
  row.begin();
  position_ = 0;
  fields_left_ = options_.max_fields;
  error_ = Reject::None;
  record_begin_ = p_;
  may_be_batch_ = true;
  ++p_;
  members(row, nullptr, 1);  // stops early where a batch was taken
  return error_;
}

// p_ is behind '{'; afterwards behind the matching '}'.
bool JsonParser::members(RowBuilder& row, const Alias* context, std::size_t depth) {
  p_ = json::skip_space(p_, end_);
  if (p_ < end_ && *p_ == '}') {
    ++p_;
    return true;
  }
  for (;;) {
    Member member;
    if (!key(context, member) || !value(row, member, depth)) return false;
    if (*p_ != ',' || p_ >= end_) p_ = json::skip_space(p_, end_);
    if (p_ >= end_) return syntax();
    if (*p_ == ',') {
      ++p_;
      if (*p_ != '"') p_ = json::skip_space(p_, end_);
      continue;
    }
    if (*p_ != '}') return syntax();
    ++p_;
    return true;
  }
}

// p_ is at the opening quote; afterwards at the first byte of the value.
bool JsonParser::key(const Alias* context, Member& out) {
  if (p_ >= end_ || *p_ != '"') return syntax();
  if (fields_left_ == 0) return fail(Reject::TooManyFields);
  --fields_left_;
  const char* const begin = p_ + 1;
  Guess& guess = guesses_[position_ % guesses_.size()];
  ++position_;
#if defined(__SSE2__)
  const auto equal = static_cast<unsigned>(_mm_movemask_epi8(
      _mm_cmpeq_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(begin)),
                     _mm_loadu_si128(reinterpret_cast<const __m128i*>(guess.bytes.data())))));
  const bool hit =
      guess.mask != 0 && (equal & guess.mask) == guess.mask && guess.context == context;
#else
  const bool hit = guess.mask != 0 && guess.context == context &&
                   std::memcmp(begin, guess.bytes.data(), guess.length + 1) == 0;
#endif
  if (hit) {
    out.key = {{begin, guess.length}, {begin - 1, guess.length + 2}};
    out.alias = guess.alias;
    p_ = begin + guess.length + 1;
  } else {
    bool escaped = false;
    bool ok = true;
    p_ = json::scan_string(begin, escaped, ok);
    if (!ok) return syntax();
    const auto length = static_cast<std::size_t>(p_ - begin);
    out.key = {{begin, length}, {begin - 1, length + 2}};
    if (escaped) out.key.text = json::unescape(out.key.text, key_scratch_);
    out.alias = look_up(context, out.key.text);
    guess.mask = 0;
    if (!escaped && length < guess.bytes.size()) {
      std::memcpy(guess.bytes.data(), begin, length + 1);
      guess.mask = (1U << (length + 1)) - 1;
      guess.length = length;
      guess.context = context;
      guess.alias = out.alias;
    }
    ++p_;
  }
  if (*p_ != ':') {
    p_ = json::skip_space(p_, end_);
    if (p_ >= end_ || *p_ != ':') return syntax();
  }
  ++p_;
  if (static_cast<unsigned char>(*p_) <= ' ') p_ = json::skip_space(p_, end_);
  return p_ < end_ || syntax();
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

bool JsonParser::value(RowBuilder& row, const Member& member, std::size_t depth) {
  const char* const begin = p_;
  const Alias* alias = member.alias;
  FieldKind kind = FieldKind::Json;
  switch (*p_) {
    case '"':
      return text_value(row, member);
    case '[':
      return list_value(row, member, depth);
    case '{':
      if (alias != nullptr && alias->prefix && depth < kSearchDepth && depth < options_.max_depth) {
        ++p_;
        const std::size_t mark = row.meta_open(member.key.json);
        if (!members(row, alias, depth + 1)) return false;
        row.meta_close(mark);
        return true;
      }
      if (!skip(depth)) return false;
      break;
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9': {
      bool ok = true;
      p_ = json::scan_number(p_, ok);
      if (!ok) return syntax();
      kind = FieldKind::Number;
      break;
    }
    default:
      if (!skip(depth)) return false;
  }
  const std::string_view text(begin, static_cast<std::size_t>(p_ - begin));
  if (alias == nullptr || !row.put(*alias, member.key, kind, text)) {
    row.meta_raw(member.key.json, text);
  }
  return true;
}

bool JsonParser::text_value(RowBuilder& row, const Member& member) {
  const char* const begin = p_ + 1;
  bool escaped = false;
  bool ok = true;
  p_ = json::scan_string(begin, escaped, ok);
  if (!ok || p_ >= end_) return syntax();
  const std::string_view body(begin, static_cast<std::size_t>(p_ - begin));
  ++p_;
  if (member.alias != nullptr && member.alias->target != Target::None) {
    std::string_view text = body;
    if (escaped) {
      text = json::unescape(body, scratch_);
      (void)scratch_.room(kCopyPadding);
      text = {scratch_.data(), text.size()};
    }
    const Target target = member.alias->target;
    if (!text.empty() && !row.has(target)) {  // what put() does with them
      switch (target) {
        case Target::Service:
          row.service(text);
          return true;
        case Target::Endpoint:
          row.endpoint(text, Padded{});
          return true;
        case Target::User:
          row.user_id(text, Padded{});
          return true;
        case Target::Trace:
          row.trace_id(text);
          return true;
        case Target::Message:
          if (member.alias->reading == Reading::InnerLine || in_batch_ || text.back() == '\n' ||
              text.back() == '\r') {
            break;
          }
          row.message(text, Padded{});
          return true;
        default:
          break;
      }
    }
    if ((member.alias->reading == Reading::InnerLine || (in_batch_ && target == Target::Message)) &&
        inner_line(row, text)) {
      return true;
    }
    if (row.put(*member.alias, member.key, FieldKind::Text, text)) return true;
  }
  row.meta_raw(member.key.json, {begin - 1, body.size() + 2});
  return true;
}

bool JsonParser::list_value(RowBuilder& row, const Member& member, std::size_t depth) {
  const char* const begin = p_;
  if (depth == 1 && may_be_batch_ && !inside_line_) {
    const char* const inner = json::skip_space(p_ + 1, end_);
    if (inner < end_ && *inner == '{' && (member.alias == nullptr || !member.alias->prefix)) {
      may_be_batch_ = false;  // one look a record
      if (batch(row)) return false;
    }
  }
  if (!skip(depth)) return false;
  const std::string_view list(begin, static_cast<std::size_t>(p_ - begin));
  const Alias* alias = member.alias;
  if (alias != nullptr && alias->prefix && attribute_list(row, list, member)) return true;
  if (member.key.text == "MESSAGE" && alias != nullptr && byte_list(row, member, list)) {
    return true;
  }
  row.meta_raw(member.key.json, list);
  return true;
}

bool JsonParser::skip(std::size_t depth) {
  json::Limits limits{
      options_.max_depth > depth ? std::min<std::size_t>(options_.max_depth, 4096) - depth : 0,
      fields_left_};
  json::Fault fault = json::Fault::None;
  p_ = json::skip_value(p_, end_, limits, fault);
  fields_left_ = limits.fields;
  switch (fault) {
    case json::Fault::None:
      return p_ <= end_ || syntax();
    case json::Fault::Syntax:
      return syntax();
    case json::Fault::Depth:
      return fail(Reject::TooDeep);
    case json::Fault::Fields:
      return fail(Reject::TooManyFields);
  }
  return false;
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
  const char* const outer = p_;
  const char* const outer_end = end_;
  p_ = begin + 1;
  end_ = end;
  inside_line_ = true;
  members(row, nullptr, 1);  // valid: it was scanned above
  inside_line_ = false;
  error_ = Reject::None;
  p_ = outer;
  end_ = outer_end;
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
