// Harmonises the fields of one record into the columns of a batch.
//
// A parser calls begin(), any setters, then the reader calls commit() or the row is abandoned.
// Typed setters are for parsers that know what they have. field_* is for key/value formats: the key
// is looked up in the alias table (@timestamp, ts, time, severity, log.level, msg, service.name,
// ...); unknown keys and values that do not fit their column go to `metadata`, so no type conflict
// ever rejects a record. The first value wins where two aliases name one column, later ones go to
// metadata under their own key.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "logforest/base/buffer.hpp"
#include "logforest/base/copy_text.hpp"
#include "logforest/base/time.hpp"
#include "logforest/base/utf8.hpp"
#include "logforest/parse/aliases.hpp"
#include "logforest/parse/parser.hpp"
#include "logforest/record/record_batch.hpp"

namespace logforest::parse {

// A field's name: as text, and as JSON string with quotes when the input was JSON (else empty).
struct FieldKey {
  std::string_view text;
  std::string_view json;
};

// What a field holds: decoded text, the literal of a number, or any other JSON (true, [..], {..}).
enum class FieldKind : std::uint8_t { Text, Number, Json };

class RowBuilder {
 public:
  RowBuilder(const ParseOptions& options, RecordBatch& batch);

  void begin();
  // Fills what is missing (time of receipt, level from HTTP status or Info, service <-> source),
  // closes metadata and counts the row.
  void commit();
  void abandon();
  // Once, after the last row: tenant and created_at of all rows, padding of every column.
  void finish();
  // Whether begin() was called without commit() or abandon().
  [[nodiscard]] bool open() const noexcept { return open_; }

  // --- typed setters; views need only live for the call; parts of a line are Padded ---------
  // A time that no calendar has is none: the record gets the time of receipt.
  void timestamp(std::int64_t us) {
    if (in_calendar(us) && claim(Target::Timestamp)) batch_.timestamp.set(batch_.rows, us);
  }
  void level(Level value) {
    if (claim(Target::Level)) batch_.level.set(batch_.rows, static_cast<std::uint8_t>(value));
  }
  void service(std::string_view value) {
    if (claim(Target::Service)) batch_.service.set(batch_.rows, value);
  }
  void source(std::string_view value) {
    if (claim(Target::Source)) batch_.source.set(batch_.rows, value);
  }
  void message(std::string_view value) {
    if (claim(Target::Message)) batch_.message.set(batch_.rows, value);
  }
  void message(std::string_view value, Padded padded) {
    if (claim(Target::Message)) batch_.message.set(batch_.rows, value, padded);
  }
  // Appends "\n" + line to the message of the last committed row (multi-line records).
  // False when there is none, or it would grow over max_line_bytes.
  bool continue_message(std::string_view line);
  void endpoint(std::string_view value) {
    if (claim(Target::Endpoint)) batch_.endpoint.set(batch_.rows, value);
  }
  void endpoint(std::string_view value, Padded padded) {
    if (claim(Target::Endpoint)) batch_.endpoint.set(batch_.rows, value, padded);
  }
  void method(std::string_view value) {
    if (claim(Target::Method)) batch_.method.set(batch_.rows, value);
  }
  void status_code(int value) {
    if (value < INT16_MIN || value > INT16_MAX || !claim(Target::Status)) return;
    status_ = value;
    batch_.status_code.set(batch_.rows, static_cast<std::int16_t>(value));
  }
  void response_time(double milliseconds) {
    if (claim(Target::Duration)) batch_.response_time.set(batch_.rows, milliseconds);
  }
  void ip_address(std::string_view value) {
    if (claim(Target::Ip)) batch_.ip_address.set(batch_.rows, value);
  }
  void ip_address(std::string_view value, Padded padded) {
    if (claim(Target::Ip)) batch_.ip_address.set(batch_.rows, value, padded);
  }
  void user_id(std::string_view value) {
    if (claim(Target::User)) batch_.user_id.set(batch_.rows, value);
  }
  void user_id(std::string_view value, Padded padded) {
    if (claim(Target::User)) batch_.user_id.set(batch_.rows, value, padded);
  }
  void trace_id(std::string_view value) {
    if (claim(Target::Trace)) batch_.trace_id.set(batch_.rows, value);
  }
  void span_id(std::string_view value) {
    if (claim(Target::Span)) batch_.span_id.set(batch_.rows, value);
  }

  // --- metadata: a JSON object built in place ----------------------------------------------
  void meta_text(std::string_view key, std::string_view value);  // value is plain text
  void meta_int(std::string_view key, std::int64_t value);
  void meta_double(std::string_view key, double value);
  void meta_json(std::string_view key, std::string_view json);  // value is valid JSON already
  // For keys the parser knows: given as they are written in JSON, quotes included.
  void meta_named(std::string_view key_json, std::string_view value) {
    if (value.size() > 4096) return meta_named_long(key_json, value);
    char* const begin = meta_.room(key_json.size() + 6 * value.size() + 4 + kJsonTextSlack);
    copy_text(begin, key_json);
    char* p = begin + key_json.size();
    *p++ = ':';
    *p++ = '"';
    p = write_json_text(p, value);
    *p++ = '"';
    *p++ = ',';
    meta_.advance(static_cast<std::size_t>(p - begin));
  }
  void meta_named(std::string_view key_json, std::int64_t value);

  // --- by key, through the alias table ------------------------------------------------------
  void field_text(std::string_view key, std::string_view value);
  void field_int(std::string_view key, std::int64_t value);
  void field_double(std::string_view key, double value);
  void field_json(std::string_view key, std::string_view json);  // object, array, true, null

  // For parsers that looked the key up themselves: stores the value in the alias's column and
  // returns true, or returns false (taken, or it does not fit) and the caller writes metadata.
  bool put(const Alias& alias, FieldKey key, FieldKind kind, std::string_view value);
  // What put() does for these, when the record has none yet and the value is not empty.
  bool put_nanos(std::string_view value, FieldKind kind);
  bool put_time(std::string_view value, FieldKind kind);
  bool put_level(const Alias& alias, std::string_view value, FieldKind kind);
  // Whether the record is of Caddy's access log, whose "duration" is in seconds.
  [[nodiscard]] bool caddy() const noexcept { return caddy_; }
  // Metadata from JSON input, both parts copied as they are; and objects inside it. An object
  // that stays empty leaves no trace.
  void meta_raw(std::string_view key_json, std::string_view value_json) {
    const std::size_t n = key_json.size() + value_json.size() + 2;
    char* p = meta_.room(n);
    copy_text(p, key_json);
    p += key_json.size();
    *p++ = ':';
    copy_text(p, value_json);
    p[value_json.size()] = ',';
    meta_.advance(n);
  }
  void meta_members(std::string_view members_json);  // the inside of an object: "a":1,"b":2
  [[nodiscard]] std::size_t meta_open(std::string_view key_json);   // a mark for meta_close
  [[nodiscard]] std::size_t meta_open_named(std::string_view key);  // the key as plain text
  void meta_close(std::size_t mark);
  // For whole members written in place, each with a comma behind it: room for `n` bytes, and where
  // what was written there ends.
  [[nodiscard]] char* meta_room(std::size_t n) { return meta_.room(n); }
  void meta_wrote(const char* end) noexcept {
    meta_.advance(static_cast<std::size_t>(end - meta_.end()));
  }

  [[nodiscard]] bool has(Target target) const noexcept { return (present_ & bit(target)) != 0; }
  // Between the two, fields say where the record comes from (service, source, user, trace); all
  // others are metadata: what surrounds records is not what happened in them.
  void begin_context() noexcept {
    before_context_ = present_;
    present_ |= ~identity();
  }
  void end_context() noexcept { present_ = before_context_ | (present_ & identity()); }
  // Dates whose day/month order was decided by ParseOptions::day_first, so far.
  [[nodiscard]] std::int64_t ambiguous_dates() const noexcept { return ambiguous_dates_; }
  void count_ambiguous() noexcept { ++ambiguous_dates_; }
  [[nodiscard]] const TimeContext& time_context() const noexcept { return time_context_; }

  [[nodiscard]] const ParseOptions& options() const noexcept { return options_; }
  [[nodiscard]] RecordBatch& batch() noexcept { return batch_; }

 private:
  [[nodiscard]] static constexpr std::uint32_t bit(Target t) noexcept {
    return 1U << static_cast<unsigned>(t);
  }
  [[nodiscard]] static constexpr std::uint32_t identity() noexcept {
    return bit(Target::Service) | bit(Target::Source) | bit(Target::User) | bit(Target::Trace) |
           bit(Target::Span) | bit(Target::Metadata) | bit(Target::None);
  }
  bool claim(Target t) noexcept {
    const bool free = (present_ & bit(t)) == 0;
    present_ |= bit(t);
    return free;
  }
  [[gnu::noinline]] void field(std::string_view key, FieldKind kind, std::string_view value);
  bool put_again(const Alias& alias, FieldKind kind, std::string_view value);
  bool put_status(std::string_view value);
  bool put_duration(Reading reading, std::string_view value, FieldKind kind);
  bool put_ip(FieldKey key, std::string_view value);
  bool put_request(std::string_view value);
  void meta_key(FieldKey key);
  void meta_named_long(std::string_view key_json, std::string_view value);
  void defaults(std::size_t row);
  void note_event(Reading part, std::string_view value);
  [[nodiscard]] std::string_view event_message();
  void meta_push(char c) { meta_.push_back(c); }

  // The level that a spelling seen before has.
  struct LevelName {
    ShortText name;
    Level level = Level::Info;
  };

  const ParseOptions& options_;
  RecordBatch& batch_;
  TimeContext time_context_;
  StampReader stamps_;
  std::array<LevelName, 16> level_names_{};
  // Metadata grows at the end of its column; an object begins with its brace, and a comma follows
  // each member until the row is committed.
  Buffer<char>& meta_;
  std::size_t meta_begin_ = 0;
  std::int32_t default_source_ = -1;  // codes in the columns' dictionaries
  std::int32_t default_service_ = -1;
  std::int32_t copied_source_ = -1;  // the source that was taken as service last, and its code
  std::int32_t copied_service_ = -1;
  std::uint32_t present_ = 0;  // by Target
  bool open_ = false;
  // What was seen of an event, by part: where it is in event_.
  struct Part {
    std::uint32_t begin = 0;
    std::uint32_t size = 0;
  };
  std::array<Part, 4> event_parts_{};
  bool eventful_ = false;
  ByteBuffer event_;
  std::uint32_t before_context_ = 0;
  int status_ = 0;
  bool caddy_ = false;
  std::optional<std::int64_t> date_only_;  // the timestamp, while it has no time of day
  bool numeric_level_ = false;             // the level came as a number
  std::int64_t ambiguous_dates_ = 0;
};

}  // namespace logforest::parse
