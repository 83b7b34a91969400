#include "logforest/parse/framing.hpp"

#include <algorithm>

#include "logforest/parse/scan.hpp"

namespace logforest::parse {

using namespace scan;

namespace {

struct Count {
  std::size_t value = 0;
  std::size_t length = 0;  // digits and the blank; 0: no count here
  bool undecided = false;  // the text ends before it can be told
};

// "LEN <digit": at most nine digits, no leading zero.
Count read_count(std::string_view text) noexcept {
  Count count;
  std::size_t at = 0;
  std::size_t value = 0;
  while (at < text.size() && at < 10 && is_digit(text[at])) {
    value = value * 10 + static_cast<std::size_t>(text[at++] - '0');
  }
  if (at == 0) {
    count.undecided = text.empty();
    return count;
  }
  if (at > 9 || text[0] == '0') return count;
  constexpr std::string_view mark = " <";
  for (std::size_t i = 0; i < 3; ++i) {
    if (at + i >= text.size()) {
      count.undecided = true;
      return count;
    }
    if (i < 2 ? text[at + i] != mark[i] : !is_digit(text[at + i])) return count;
  }
  count.value = value;
  count.length = at + 1;
  return count;
}

class SyslogFramer final : public Framer {
 public:
  explicit SyslogFramer(std::size_t max_frame_bytes) : max_(max_frame_bytes) {}

  std::optional<Frame> next(std::string_view data, std::size_t position, bool complete) override {
    const std::string_view rest = data.substr(position);
    const Count count = read_count(rest);
    if (count.undecided && !complete) return std::nullopt;
    if (count.length != 0 && count.value > 3 && count.value <= max_) {
      const std::size_t end = count.length + count.value;
      // The line end that some senders add belongs to the frame: one more byte must be seen.
      if (end < rest.size() || (complete && end == rest.size())) return counted(rest, count);
      if (!complete) return std::nullopt;
      if (find(rest, '\n') == npos) return Frame{rest, rest.size(), 1, Reject::Truncated, true};
    }
    const std::size_t stop = find(rest, '\n');
    if (stop == npos && !complete) return std::nullopt;
    std::string_view text = rest.substr(0, stop);
    const std::size_t consumed = stop == npos ? rest.size() : stop + 1;
    if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
    return Frame{text, consumed, 1, Reject::None, true};
  }

 private:
  static Frame counted(std::string_view rest, const Count& count) noexcept {
    std::string_view text = rest.substr(count.length, count.value);
    std::size_t end = count.length + count.value;
    if (end < rest.size() && rest[end] == '\n' && text.back() != '\n') ++end;
    if (text.back() == '\n') text.remove_suffix(1);
    if (text.back() == '\r') text.remove_suffix(1);
    return {text, end, 1 + std::count(text.begin(), text.end(), '\n'), Reject::None, true};
  }

  std::size_t max_;
};

}  // namespace

bool octet_counted(std::string_view text) noexcept { return read_count(text).length != 0; }

std::unique_ptr<Framer> make_syslog_framer(std::size_t max_frame_bytes) {
  return std::make_unique<SyslogFramer>(max_frame_bytes);
}

std::unique_ptr<Framer> syslog_framer_for(const ParseOptions& options, std::string_view head) {
  for (std::size_t at = 0; at < head.size();) {
    if (octet_counted(head.substr(at, 16))) return make_syslog_framer(options.max_line_bytes);
    const std::size_t stop = find(head, '\n', at);
    if (stop == npos) break;
    at = stop + 1;
  }
  return nullptr;
}

}  // namespace logforest::parse
