// Errors are values for data and exceptions for I/O.
//
// A malformed line is data: it becomes a row of the reject table with one of these reasons.
// I/O failures throw IoError. Nothing in the core prints or aborts.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace logforest {

// Why a line was rejected. The names (reject_name) are a public contract: append, never rename.
enum class Reject : std::uint8_t {
  None = 0,
  InvalidJson,    // not JSON (RFC 8259)
  NotAnObject,    // JSON, but neither an object nor an array of objects
  InvalidUtf8,    // bytes that are not UTF-8 where the format demands it
  LineTooLong,    // longer than ParseOptions::max_line_bytes
  TooDeep,        // nesting above ParseOptions::max_depth
  TooManyFields,  // more keys than ParseOptions::max_fields
  NoMatch,        // the format's pattern does not match
  InvalidFrame,   // bad octet count in a syslog stream
  InvalidHeader,  // a header field of the format is malformed
  Truncated,      // the input ends inside a record
  Binary,         // NUL bytes or other binary data
  ParserError,    // a user's parser raised or returned nonsense
};

[[nodiscard]] std::string_view reject_name(Reject reason) noexcept;
// ParserError for a name that is none.
[[nodiscard]] Reject reject_from_name(std::string_view name) noexcept;

// Invalid arguments (a caller's fault): becomes ConfigError in Python.
class ConfigError : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

// A model that cannot be read or used: becomes ModelError in Python.
class ModelError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Network, server or file trouble: becomes QueueError, StoreError or OSError in Python.
class IoError : public std::runtime_error {
 public:
  enum class Source : std::uint8_t { File, Queue, Store };
  IoError(Source source, const std::string& what, bool retryable, std::string code = {})
      : std::runtime_error(what), source_(source), retryable_(retryable), code_(std::move(code)) {}
  [[nodiscard]] Source source() const noexcept { return source_; }
  [[nodiscard]] bool retryable() const noexcept { return retryable_; }
  [[nodiscard]] const std::string& code() const noexcept { return code_; }  // SQLSTATE, Redis word

 private:
  Source source_;
  bool retryable_;
  std::string code_;
};

}  // namespace logforest
