#include "logforest/parse/row_builder.hpp"

#include <charconv>
#include <utility>

#include "logforest/base/utf8.hpp"
#include "logforest/parse/values.hpp"

namespace logforest::parse {

RowBuilder::RowBuilder(const ParseOptions& options, RecordBatch& batch)
    : options_(options),
      batch_(batch),
      time_context_{options.received_us, options.zone_minutes, options.day_first},
      meta_(batch.metadata.buffer()) {}

void RowBuilder::begin() {
  present_ = 0;
  status_ = 0;
  caddy_ = false;
  eventful_ = false;
  date_only_.reset();
  numeric_level_ = false;
  if (open_) meta_.resize(meta_begin_);  // begun again
  meta_begin_ = meta_.size();
  meta_push('{');
  open_ = true;
}

void RowBuilder::commit() {
  const std::size_t row = batch_.rows;
  constexpr std::uint32_t kUsual = bit(Target::Timestamp) | bit(Target::Level) |
                                   bit(Target::Message) | bit(Target::Source) |
                                   bit(Target::Service);
  if ((present_ & kUsual) != kUsual) defaults(row);
  if (meta_.size() > meta_begin_ + 1) {
    meta_.back() = '}';
    batch_.metadata.close_row(row);
  } else {
    meta_.resize(meta_begin_);
  }
  ++batch_.rows;
  open_ = false;
}

void RowBuilder::defaults(std::size_t row) {
  if (!has(Target::Timestamp)) batch_.timestamp.set(row, options_.received_us);
  if (!has(Target::Level)) {
    const Level derived = status_ != 0 ? level_from_http(status_) : Level::Info;
    batch_.level.set(row, static_cast<std::uint8_t>(derived));
  }
  if (!has(Target::Message)) {
    batch_.message.set(row, eventful_ ? event_message() : std::string_view{});
  }
  if (!has(Target::Source)) {
    const bool named = !options_.source.empty();
    if (named || (!has(Target::Service) && !options_.service.empty())) {
      if (default_source_ < 0) {
        default_source_ = batch_.source.intern(named ? options_.source : options_.service);
      }
      batch_.source.set_code(row, default_source_);
    } else if (has(Target::Service)) {
      batch_.source.set(row, batch_.service.last());
    }
  }
  if (!has(Target::Service)) {
    if (!options_.service.empty()) {
      if (default_service_ < 0) default_service_ = batch_.service.intern(options_.service);
      batch_.service.set_code(row, default_service_);
    } else if (has(Target::Source) || !options_.source.empty()) {
      const std::int32_t source = batch_.source.last_code();
      if (source != copied_source_) {
        copied_source_ = source;
        copied_service_ = batch_.service.intern(batch_.source.last());
      }
      batch_.service.set_code(row, copied_service_);
    }
  }
}

// The first of each part counts.
void RowBuilder::note_event(Reading part, std::string_view value) {
  constexpr std::size_t kLongestPart = 4096;
  if (has(Target::Message)) return;
  if (!std::exchange(eventful_, true)) {
    event_.clear();
    event_parts_ = {};
  }
  Part& place =
      event_parts_[static_cast<std::size_t>(part) - static_cast<std::size_t>(Reading::EventWhere)];
  value = trim(utf8_prefix(value, kLongestPart));
  if (place.size != 0 || value.empty()) return;
  place = {static_cast<std::uint32_t>(event_.size()), static_cast<std::uint32_t>(value.size())};
  event_.append(value);
}

// "ec2.amazonaws.com StartInstances: You are not authorized"
std::string_view RowBuilder::event_message() {
  const auto part = [&](std::size_t i) {
    return event_.view().substr(event_parts_[i].begin, event_parts_[i].size);
  };
  const std::size_t why = event_parts_[2].size != 0 ? 2 : 3;
  std::size_t total = 8;
  for (const Part& p : event_parts_) total += p.size;
  (void)event_.room(total);  // the parts stay where they are while they are joined
  const std::size_t begin = event_.size();
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}, why}) {
    if (event_parts_[i].size == 0) continue;
    if (event_.size() != begin) event_.append(i < 2 ? " " : ": ");
    event_.append(part(i));
  }
  return event_.view().substr(begin);
}

void RowBuilder::abandon() {
  batch_.abandon_row();
  meta_.resize(meta_begin_);
  open_ = false;
}

void RowBuilder::finish() {
  const std::size_t rows = batch_.rows;
  if (rows != 0) {
    const std::int32_t tenant = batch_.tenant.intern(options_.tenant);
    batch_.tenant.mutable_codes().fill(rows, tenant);
    batch_.created_at.fill(rows, options_.received_us);
  }
  batch_.finish();
}

// --- typed setters -------------------------------------------------------------------------

bool RowBuilder::continue_message(std::string_view line) {
  if (batch_.rows == 0 || open_) return false;
  Utf8Column& message = batch_.message;
  if (message[batch_.rows - 1].size() + line.size() + 1 > options_.max_line_bytes) return false;
  Buffer<char>& bytes = message.buffer();
  bytes.push_back('\n');
  bytes.append(line.data(), line.size());
  message.mutable_offsets().back() = static_cast<std::int32_t>(bytes.size());
  return true;
}

// --- metadata --------------------------------------------------------------------------------

void RowBuilder::meta_key(FieldKey key) {
  if (key.json.empty()) {
    append_json_string(meta_, key.text);
  } else {
    meta_.append(key.json);
  }
  meta_push(':');
}
void RowBuilder::meta_text(std::string_view key, std::string_view value) {
  meta_key({key, {}});
  append_json_string(meta_, value);
  meta_push(',');
}
void RowBuilder::meta_int(std::string_view key, std::int64_t value) {
  meta_json(key, number_text(value).view());
}
void RowBuilder::meta_double(std::string_view key, double value) {
  meta_json(key, number_text(value).view());
}
void RowBuilder::meta_named(std::string_view key_json, std::int64_t value) {
  char* const begin = meta_.room(key_json.size() + 24);
  copy_text(begin, key_json);
  char* p = begin + key_json.size();
  *p++ = ':';
  p = std::to_chars(p, p + 20, value).ptr;
  *p++ = ',';
  meta_.advance(static_cast<std::size_t>(p - begin));
}
void RowBuilder::meta_named_long(std::string_view key_json, std::string_view value) {
  meta_key({{}, key_json});
  append_json_string(meta_, value);
  meta_push(',');
}
void RowBuilder::meta_json(std::string_view key, std::string_view json) {
  meta_key({key, {}});
  meta_.append(json);
  meta_push(',');
}
void RowBuilder::meta_members(std::string_view members_json) {
  meta_.append(members_json);
  meta_push(',');
}
std::size_t RowBuilder::meta_open(std::string_view key_json) {
  const std::size_t mark = meta_.size();
  meta_.append(key_json);
  meta_.append(std::string_view(":{"));
  return mark;
}
std::size_t RowBuilder::meta_open_named(std::string_view key) {
  const std::size_t mark = meta_.size();
  append_json_string(meta_, key);
  meta_.append(std::string_view(":{"));
  return mark;
}
void RowBuilder::meta_close(std::size_t mark) {
  if (meta_.back() == ',') {
    meta_.back() = '}';
    meta_push(',');
  } else {
    meta_.resize(mark);
  }
}

// --- by key --------------------------------------------------------------------------------

void RowBuilder::field_text(std::string_view key, std::string_view value) {
  field(key, FieldKind::Text, value);
}
void RowBuilder::field_int(std::string_view key, std::int64_t value) {
  field(key, FieldKind::Number, number_text(value).view());
}
void RowBuilder::field_double(std::string_view key, double value) {
  const NumberText text = number_text(value);
  field(key, text.view() == "null" ? FieldKind::Json : FieldKind::Number, text.view());
}
void RowBuilder::field_json(std::string_view key, std::string_view json) {
  field(key, FieldKind::Json, json);
}

void RowBuilder::field(std::string_view key, FieldKind kind, std::string_view value) {
  const Alias* alias = find_alias(key);
  if (alias != nullptr && put(*alias, {key, {}}, kind, value)) return;
  if (kind == FieldKind::Text) {
    meta_text(key, value);
  } else {
    meta_json(key, value);
  }
}

bool RowBuilder::put(const Alias& alias, FieldKey key, FieldKind kind, std::string_view value) {
  if (kind == FieldKind::Json) {
    if (value == "null")  // absent is null
      return alias.target != Target::None && alias.target != Target::Event;
    if (alias.target != Target::Metadata || value.size() < 2 || value[0] != '{') return false;
    value = trim(value.substr(1, value.size() - 2));
    if (!value.empty()) meta_members(value);
    return true;
  }
  const Target target = alias.target;
  if (target == Target::None || target == Target::Metadata) return false;
  if (has(target)) return put_again(alias, kind, value);
  if (target == Target::Message) {
    while (!value.empty() && (value.back() == '\n' || value.back() == '\r')) value.remove_suffix(1);
    message(value);
    return true;
  }
  if (value.empty()) return false;
  switch (target) {
    case Target::Event:
      if (kind == FieldKind::Text) note_event(alias.reading, value);
      return false;  // it is metadata all the same
    case Target::Timestamp:
      return put_time(value, kind);
    case Target::Nanos:
      return put_nanos(value, kind);
    case Target::Level:
      return put_level(alias, value, kind);
    case Target::Status:
      return put_status(value);
    case Target::Duration:
      // Caddy's access log writes its "duration" in seconds, as nobody else does.
      if (caddy_ && kind == FieldKind::Number && key.text == "duration")
        return put_duration(Reading::Seconds, value, kind);
      return put_duration(alias.reading, value, kind);
    case Target::Ip:
      caddy_ = caddy_ || alias.key == "request.remote_ip";
      return put_ip(key, value);
    case Target::Request:
      return kind == FieldKind::Text && put_request(value);
    case Target::Method:
      if (kind != FieldKind::Text || !is_method(value)) return false;
      method(value);
      return true;
    case Target::Service:
      service(value);
      return true;
    case Target::Source:
      source(value);
      return true;
    case Target::Endpoint:
      if (kind != FieldKind::Text) return false;
      endpoint(value);
      return true;
    case Target::User:
      user_id(value);
      return true;
    case Target::Trace:
      trace_id(value);
      return true;
    case Target::Span:
      span_id(value);
      return true;
    default:
      return false;
  }
}

// What makes a field given before it whole or better: the time of day behind a date, the name of a
// level behind its number.
bool RowBuilder::put_again(const Alias& alias, FieldKind kind, std::string_view value) {
  if (kind != FieldKind::Text) return false;
  if (alias.target == Target::Level && numeric_level_ && alias.reading == Reading::Plain) {
    const auto named = level_from_name(value);
    if (!named) return false;
    batch_.level.set(batch_.rows, static_cast<std::uint8_t>(*named));
    numeric_level_ = false;
    return true;
  }
  if (alias.target != Target::Timestamp || !date_only_ || value.size() < 5 || value.size() > 32 ||
      value[2] != ':') {
    return false;
  }
  std::array<char, 48> text{};
  constexpr std::string_view kEpoch = "1970-01-01 ";
  std::copy(kEpoch.begin(), kEpoch.end(), text.begin());
  std::copy(value.begin(), value.end(), text.begin() + kEpoch.size());
  const auto clock = parse_time({text.data(), kEpoch.size() + value.size()}, TimeContext{});
  if (!clock || clock->length != kEpoch.size() + value.size()) return false;
  batch_.timestamp.set(batch_.rows, *date_only_ + clock->us);
  date_only_.reset();
  return true;
}

// {"timestamp": {"seconds": 1767225600, "nanos": 500000000}}; protobuf writes them in this order.
bool RowBuilder::put_nanos(std::string_view value, FieldKind kind) {
  constexpr double kSecond = 1e9;
  const auto nanos = to_double(value);
  if (!nanos || *nanos < 0) return false;
  if (*nanos >= kSecond) return !has(Target::Timestamp) && put_time(value, kind);
  const std::int64_t us = has(Target::Timestamp) ? batch_.timestamp[batch_.rows] : 1;
  if (us % 1'000'000 != 0) return false;
  batch_.timestamp.set(batch_.rows, us + static_cast<std::int64_t>(*nanos / 1000));
  return true;
}

// "[Europe/Berlin]" behind an offset, as Java writes it: the offset says it all.
bool names_the_zone(std::string_view stamp, std::size_t end) noexcept {
  if (end < 6 || end >= stamp.size() || stamp[end] != '[' || stamp.back() != ']') return false;
  const std::string_view offset = stamp.substr(end - 6, 6);
  return offset.back() == 'Z' || offset[0] == '+' || offset[0] == '-';
}

bool RowBuilder::put_time(std::string_view value, FieldKind kind) {
  value = trim(value);
  if (value.size() > 2 && value.front() == '[' && value.back() == ']') {  // Apache's %t
    value = trim(value.substr(1, value.size() - 2));
  }
  auto parsed = stamps_.read(value, time_context_);
  if (parsed && names_the_zone(value, parsed->length)) value = value.substr(0, parsed->length);
  if (parsed && parsed->length != value.size()) parsed.reset();
  if (!parsed && kind == FieldKind::Number) {  // 1.7e9
    if (const auto number = to_double(value)) {
      if (const auto us = epoch_to_us(*number)) parsed = ParsedTime{*us, 0, false};
    }
  }
  if (!parsed || !in_calendar(parsed->us)) return false;
  if (parsed->ambiguous) ++ambiguous_dates_;
  timestamp(parsed->us);
  if (value.size() <= 10 && kind == FieldKind::Text && parsed->length == value.size() &&
      value.find_first_of("-/.") != std::string_view::npos) {
    date_only_ = parsed->us;
  }
  return true;
}

bool RowBuilder::put_level(const Alias& alias, std::string_view value, FieldKind kind) {
  if (kind == FieldKind::Text && alias.reading == Reading::Plain) {
    // Few spellings come over and over.
    const bool fits = value.size() <= ShortText::kLongest;
    const ShortText name(fits ? value : std::string_view{});
    LevelName& known = level_names_[name.hash() % level_names_.size()];
    if (!fits || !(known.name == name)) {
      const auto named = level_from_name(value);
      if (named && fits) known = {name, *named};
      if (named) level(*named);
      if (named) return true;
    } else {
      level(known.level);
      return true;
    }
  }
  const auto number = to_integer(value);
  if (!number) {
    const auto named = kind == FieldKind::Text ? level_from_name(value) : std::nullopt;
    if (named) level(*named);
    return named.has_value();
  }
  const auto found = level_from_number(*number, alias.reading);
  if (found) level(*found);
  numeric_level_ = found.has_value() && alias.reading == Reading::Plain;
  return found.has_value();
}

bool RowBuilder::put_status(std::string_view value) {
  const auto number = to_integer(value);
  if (!number || *number < 100 || *number > 999) return false;
  status_code(static_cast<int>(*number));
  return true;
}

bool RowBuilder::put_duration(Reading reading, std::string_view value, FieldKind kind) {
  const auto ms = duration_ms(value, reading, kind == FieldKind::Text);
  if (!ms) return false;
  response_time(*ms);
  return true;
}

bool RowBuilder::put_ip(FieldKey key, std::string_view value) {
  const std::string_view address = ip_part(value);
  if (address.empty()) return false;
  ip_address(address);
  if (address.size() != value.size()) {  // the port is kept where it came from
    meta_key(key);
    append_json_string(meta_, value);
    meta_push(',');
  }
  return true;
}

bool RowBuilder::put_request(std::string_view value) {
  const RequestLine line = request_line(value);
  if (line.path.empty() || has(Target::Endpoint)) return false;
  if (!line.method.empty()) {
    if (has(Target::Method)) return false;
    method(line.method);
  }
  endpoint(line.path);
  return true;
}

}  // namespace logforest::parse
