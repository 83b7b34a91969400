// Apache and nginx access logs: common, combined, with virtual host in front and with what
// servers append (response time, forwarded-for, key=value pairs).
// Source: httpd mod_log_config, nginx ngx_http_log_module; layouts seen in the wild.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "logforest/parse/parser.hpp"

namespace logforest::parse {

// Views into the line; empty where the log has "-" or nothing.
struct AccessFields {
  std::string_view vhost;
  std::string_view client;
  bool client_is_ip = false;  // surely; otherwise it was not looked at
  std::string_view ident;
  std::string_view user;
  std::int64_t timestamp_us = 0;
  std::string_view request;  // as logged, escapes kept
  std::string_view method;   // empty when the request line is malformed
  std::string_view target;
  std::string_view protocol;
  int status = 0;  // 0: "-" or 000
  std::int64_t bytes = -1;
  bool combined = false;  // referrer and user agent are there
  std::string_view referrer;
  std::string_view user_agent;
  std::string_view rest;  // what follows, trimmed
};

// Time stamps of neighbouring lines share their date: the last one is remembered.
class ClfClock {
 public:
  // "17/May/2015:10:05:03 +0000" at the start of `text`; length read goes to `length`.
  [[nodiscard]] bool read(std::string_view text, std::int64_t& us, std::size_t& length) noexcept;

 private:
  bool load(const char* p) noexcept;
  char date_[12] = {};  // with the ':' behind it
  std::int64_t midnight_us_ = 0;
};

// `line` has padding behind it (LineParser).
[[nodiscard]] bool scan_access_log(std::string_view line, ClfClock& clock,
                                   AccessFields& out) noexcept;

// Common and Combined refuse the other layout.
enum class AccessLayout : std::uint8_t { Any, Common, Combined };
[[nodiscard]] std::unique_ptr<LineParser> make_access_log_parser(AccessLayout layout);

}  // namespace logforest::parse
