// The keys under which logs carry the columns of a record: ECS, OpenTelemetry, journald, GCP,
// Docker, GELF, Serilog, logrus, zap, pino, structlog, nginx and plain habit.
//
// Keys are dotted paths in lower case: "http.response.status_code" stands for that key and for
// {"http": {"response": {"status_code": ...}}}.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace logforest::parse {

enum class Target : std::uint8_t {
  None,  // not a column: metadata
  Timestamp,
  Nanos,  // of the second that the timestamp says, or since 1970
  Level,
  Service,
  Source,
  Message,
  Endpoint,
  Method,
  Status,
  Duration,
  Ip,
  User,
  Trace,
  Span,
  Request,   // "GET /path HTTP/1.1", or a path
  Metadata,  // an object whose members are metadata themselves
  Event,     // says what happened, where no message does; stays in metadata
};

// How to read the value, by target.
enum class Reading : std::uint8_t {
  Plain,
  LevelOtel,    // 1..24
  LevelSyslog,  // 0..7
  LevelPython,  // 10..50
  InnerLine,    // Docker's "log": a whole line of the program, perhaps JSON itself
  Nanoseconds,
  Microseconds,
  Milliseconds,
  Seconds,
  // Of events, in the order in which they make a message.
  EventWhere,
  EventWhat,
  EventWhy,
  EventCode,  // why, where nothing else says it
};

struct Alias {
  Target target = Target::None;
  Reading reading = Reading::Plain;
  bool prefix = false;       // an object under this key is searched for columns
  bool transparent = false;  // ... and its members count as members of the record
  std::string_view key;      // the path in lower case
};

// Any case; nullptr when the key is nobody's alias.
[[nodiscard]] const Alias* find_alias(std::string_view key) noexcept;

}  // namespace logforest::parse
