// The parts of an RFC 3164 header behind its stamp: host, tag, process, severity in words, Cisco's
// names.
#pragma once

#include <optional>
#include <string_view>

#include "logforest/parse/syslog.hpp"
#include "logforest/record/level.hpp"

namespace logforest::parse::syslog_header {

// "tag[pid]: text", "tag: text" and what is written like it. False: there is no tag.
bool scan_tag(std::string_view s, Syslog3164Fields& out) noexcept;

// "%FACILITY-SEVERITY-MNEMONIC: text"
bool scan_cisco(std::string_view s, Syslog3164Fields& out) noexcept;
[[nodiscard]] std::optional<Level> cisco_severity(std::string_view tag) noexcept;

// "daemon.err", "<auth.notice>": facility and severity in words, as OpenWrt, FreeBSD and others
// write them.
[[nodiscard]] std::optional<Level> facility_severity(std::string_view token) noexcept;

// All behind the stamp, in all its forms.
void scan_body(std::string_view s, Syslog3164Fields& out) noexcept;

// What scan_body makes of "host tag[pid]: text" and "host tag: text" where the header fits into 64
// bytes and nothing in it could mean more. These are most lines, and here they cost no loops. False
// for other lines. Reads up to 64 bytes behind the end.
bool scan_usual_body(std::string_view s, Syslog3164Fields& out) noexcept;

[[nodiscard]] std::string_view next_token(std::string_view s) noexcept;
// "word:", but no address.
[[nodiscard]] bool is_tag_token(std::string_view token) noexcept;

}  // namespace logforest::parse::syslog_header
