// Frames of syslog over a stream (RFC 6587): octet-counted "LEN <PRI>..." or ended by LF, told
// apart frame by frame, so that mixed streams work. A count that is no count (zero, too large,
// not followed by " <digit") makes the frame an ordinary line.
#pragma once

#include <memory>
#include <string_view>

#include "logforest/parse/parser.hpp"

namespace logforest::parse {

// Whether an octet-counted frame seems to begin at `text`.
[[nodiscard]] bool octet_counted(std::string_view text) noexcept;

[[nodiscard]] std::unique_ptr<Framer> make_syslog_framer(std::size_t max_frame_bytes);
// As Format::make_framer: a framer where the head shows octet counts, nothing where lines are
// lines.
[[nodiscard]] std::unique_ptr<Framer> syslog_framer_for(const ParseOptions& options,
                                                        std::string_view head);

}  // namespace logforest::parse
