// Syslog: RFC 5424 to the letter, RFC 3164 as it is met in the wild.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "logforest/base/time.hpp"
#include "logforest/parse/parser.hpp"

namespace logforest::parse {

// "<0>".."<191>" without leading zeros; npos in `length` means: no priority here.
struct Priority {
  int value = -1;
  std::size_t length = 0;  // of "<...>"
};
[[nodiscard]] Priority read_priority(std::string_view line) noexcept;

// Writes "facility":F,"severity":S, of a valid priority; needs room for 31 bytes.
char* write_priority(char* to, int priority) noexcept;

// RFC 3339 as RFC 5424 section 6.2.3 narrows it: capital T and Z, at most six digits, no leap
// second, the day exists. The date of the last stamp is remembered.
class Rfc3339Clock {
 public:
  // Reads the whole of `text`.
  [[nodiscard]] bool read(std::string_view text, std::int64_t& us) noexcept;

 private:
  bool load(const char* p) noexcept;
  char date_[10] = {};
  std::int64_t midnight_us_ = 0;
};

// Whether MSG begins with a byte order mark, so that it must be UTF-8 (section 6.4).
[[nodiscard]] bool marked_utf8(std::string_view line) noexcept;

struct Syslog3164Fields {
  int priority = -1;  // -1: none
  bool has_time = false;
  std::int64_t timestamp_us = 0;
  std::string_view host, tag, pid, address, message;
  std::string_view sequence;      // Cisco's message number
  std::optional<Level> severity;  // in words: "daemon.err"
};

// "Mon dd hh:mm:ss" (the latest year), remembered by day.
class Bsd3164Clock {
 public:
  [[nodiscard]] bool read(std::string_view text, const TimeContext& context, std::int64_t& us,
                          std::size_t& length) noexcept;

 private:
  char date_[7] = {};
  std::int64_t midnight_us_ = 0;
};

[[nodiscard]] bool scan_syslog3164(std::string_view line, const TimeContext& context,
                                   Bsd3164Clock& clock, Syslog3164Fields& out) noexcept;

[[nodiscard]] std::unique_ptr<LineParser> make_syslog5424_parser();
[[nodiscard]] std::unique_ptr<LineParser> make_syslog3164_parser();

}  // namespace logforest::parse
