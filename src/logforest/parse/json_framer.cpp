#include "logforest/parse/json_framer.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "logforest/parse/json_envelope.hpp"
#include "logforest/parse/json_scan.hpp"

namespace logforest::parse {

namespace {

// A first line of this length may have no end at all.
constexpr std::size_t kEndless = std::size_t{1} << 16;

bool is_space(char c) noexcept { return c == ' ' || c == '\t' || c == '\r'; }

// Walks over the structure of one record without validating it: the line parser does that.
//
// A broken record must not swallow its neighbours: a string never spans lines, and a line that
// starts with '{' no deeper than the record did is the next record. What is broken ends there.
class JsonFramer final : public Framer {
 public:
  explicit JsonFramer(std::size_t longest) : longest_(longest) {}

  std::optional<Frame> next(std::string_view data, std::size_t position, bool complete) override {
    data_ = data;
    complete_ = complete;
    start_ = position;
    at_ = position;
    skip_separators();
    if (at_ >= data_.size()) {
      // Only separators: they end with a line, or at the end of the data.
      if (complete_) return frame(0, Reject::None);
      const std::size_t line = data_.rfind('\n');
      if (line == std::string_view::npos || line < start_) return std::nullopt;
      at_ = line + 1;
      return frame(0, Reject::None);
    }
    const std::size_t line = line_start();
    if (line > start_) {  // the record's line begins a frame of its own
      at_ = line;
      return frame(0, Reject::None);
    }
    return data_[at_] == '{' ? object(at_ - line) : other();
  }

 private:
  void skip_separators() {
    while (at_ < data_.size() && (is_space(data_[at_]) || data_[at_] == '\n' || data_[at_] == ',' ||
                                  data_[at_] == '[' || data_[at_] == ']')) {
      ++at_;
    }
  }
  [[nodiscard]] std::size_t line_start() const {
    std::size_t i = at_;
    while (i > start_ && data_[i - 1] != '\n') --i;
    return i;
  }

  std::optional<Frame> object(std::size_t column) {
    const std::size_t begin = at_;
    std::size_t depth = 0;
    for (; at_ < data_.size(); ++at_) {
      switch (data_[at_]) {
        case '{':
        case '[':
          ++depth;
          break;
        case '}':
        case ']':
          if (--depth == 0) {
            ++at_;
            return closed(begin);
          }
          break;
        case '"':
          if (!skip_string()) {
            if (at_ < data_.size()) return broken(begin);
            if (!complete_) return too_long(begin);
            return frame(begin, Reject::Truncated, at_);
          }
          break;
        case '\n':
          if (next_record_at(at_ + 1, column)) {
            const std::size_t end = at_;
            ++at_;
            return frame(begin, Reject::Truncated, end);
          }
          break;
        default:
          break;
      }
      if (at_ - begin > longest_) break;
    }
    if (at_ - begin > longest_) return too_long(begin);
    if (!complete_) return std::nullopt;
    return frame(begin, Reject::Truncated, at_);
  }

  // at_ is at the opening quote; afterwards at the closing one. False at a line end.
  bool skip_string() {
    for (++at_; at_ < data_.size(); ++at_) {
      const char c = data_[at_];
      if (c == '"') return true;
      if (c == '\n') return false;
      if (c == '\\') ++at_;
    }
    at_ = data_.size();  // an escape may have led behind it
    return false;
  }

  [[nodiscard]] bool next_record_at(std::size_t line, std::size_t column) const {
    std::size_t i = line;
    while (i < data_.size() && is_space(data_[i])) ++i;
    return i < data_.size() && data_[i] == '{' && i - line <= column;
  }

  // Behind a whole record: its comma and its line end belong to the frame.
  std::optional<Frame> closed(std::size_t begin) {
    const std::size_t end = at_;
    std::size_t i = at_;
    while (i < data_.size() && is_space(data_[i])) ++i;
    if (i < data_.size() && data_[i] == ',') ++i;
    while (i < data_.size() && is_space(data_[i])) ++i;
    if (i >= data_.size() && !complete_) return std::nullopt;
    at_ = i < data_.size() && data_[i] == '\n' ? i + 1 : i;
    return frame(begin, Reject::None, end);
  }

  // A fault inside a record: everything up to the next line that starts one.
  std::optional<Frame> broken(std::size_t begin) {
    for (;;) {
      const std::size_t end = data_.find('\n', at_);
      if (end == std::string_view::npos) {
        if (!complete_) return too_long(begin);
        at_ = data_.size();
        return frame(begin, Reject::InvalidJson, at_);
      }
      at_ = end + 1;
      if (at_ >= data_.size() && !complete_) return too_long(begin);
      if (next_record_at(at_, longest_) || at_ >= data_.size() || at_ - begin > longest_) {
        return frame(begin, Reject::InvalidJson, end);
      }
    }
  }

  // A scalar or garbage: to the next separator or line end.
  std::optional<Frame> other() {
    const std::size_t begin = at_;
    if (data_[at_] == '}') return broken(begin);
    if (data_[at_] == '"') {
      if (skip_string()) ++at_;
      while (at_ < data_.size() && is_space(data_[at_])) ++at_;
      // The rest of a broken record.
      if (at_ < data_.size() && data_[at_] == ':') return broken(begin);
    }
    while (at_ < data_.size() && data_[at_] != '\n' && data_[at_] != ',' && data_[at_] != ']' &&
           data_[at_] != '{') {
      ++at_;
    }
    if (at_ >= data_.size() && !complete_) return too_long(begin);
    while (at_ > begin + 1 && is_space(data_[at_ - 1])) --at_;
    return closed(begin);
  }

  // The record does not end in sight: wait for more, or give it up at its longest.
  std::optional<Frame> too_long(std::size_t begin) {
    if (data_.size() - begin <= longest_ && !complete_) return std::nullopt;
    std::size_t end = data_.find('\n', std::min(begin + longest_, data_.size()));
    if (end == std::string_view::npos) {
      if (!complete_) return std::nullopt;  // the reader drops it while it comes
      end = data_.size();
    }
    at_ = std::min(end + 1, data_.size());
    return frame(begin, Reject::LineTooLong, end);
  }

  // `begin` is 0 where there are only separators.
  Frame frame(std::size_t begin, Reject why, std::size_t end = 0) const {
    Frame out;
    if (end > begin) out.text = data_.substr(begin, end - begin);
    read_brackets(out, end > begin ? begin : at_);
    out.consumed = at_ - start_;
    out.lines = std::count(data_.begin() + static_cast<std::ptrdiff_t>(start_),
                           data_.begin() + static_cast<std::ptrdiff_t>(at_), '\n');
    if (complete_ && at_ == data_.size() && at_ > start_ && data_[at_ - 1] != '\n') ++out.lines;
    out.reject = why;
    // A chunk may end in the record's line end or behind it.
    while (why != Reject::None && (out.text.ends_with('\n') || out.text.ends_with('\r'))) {
      out.text.remove_suffix(1);
    }
    return out;
  }

  void read_brackets(Frame& out, std::size_t end) const {
    std::int64_t line = 1;
    for (std::size_t i = start_; i < end; ++i) {
      if (data_[i] == ']') out.brackets.close();
      if (data_[i] == '[')
        out.brackets.open(line, static_cast<std::int64_t>(i - start_), out.text.empty());
      line += data_[i] == '\n' ? 1 : 0;
    }
  }

  const std::size_t longest_;
  std::string_view data_;
  bool complete_ = false;
  std::size_t start_ = 0;
  std::size_t at_ = 0;
};

// How many values `line` is, none but blanks between them; 0 where it is no JSON. A value too deep
// to be looked at counts: the parser of lines says so.
std::size_t json_values(std::string_view line, ByteBuffer& scratch) {
  scratch.clear();
  char* const begin = scratch.room(line.size() + kPadding);
  std::memcpy(begin, line.data(), line.size());
  std::memset(begin + line.size(), 0, kPadding);
  const char* const end = begin + line.size();
  json::Limits limits{4096, line.size()};
  json::Fault fault = json::Fault::None;
  std::size_t values = 0;
  const char* p = json::skip_space(begin, end);
  for (; p < end && fault == json::Fault::None; ++values) {
    p = json::skip_space(json::skip_value(p, end, limits, fault), end);
  }
  if (fault == json::Fault::Depth) return values;
  return fault == json::Fault::None && p == end ? values : 0;
}

}  // namespace

bool is_json_object(std::string_view line, ByteBuffer& scratch) {
  return line.starts_with('{') && json_values(line, scratch) == 1;
}

std::unique_ptr<Framer> make_json_framer(const ParseOptions& options, std::string_view head) {
  const std::size_t begin = head.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos || (head[begin] != '{' && head[begin] != '[')) return nullptr;
  if (std::string name = envelope_of(head); !name.empty()) {
    return make_envelope_framer(std::move(name),
                                std::make_unique<JsonFramer>(options.max_line_bytes));
  }
  const std::size_t end = head.find('\n', begin);
  // Objects one behind the other on a line without an end, as Firehose writes them.
  if (end == std::string_view::npos && head[begin] == '{' && head.size() >= kEndless) {
    return std::make_unique<JsonFramer>(options.max_line_bytes);
  }
  const std::string_view first =
      head.substr(begin, end == std::string_view::npos ? end : end - begin);
  ByteBuffer scratch;
  if (json_values(first, scratch) != 0) return nullptr;
  if (head[begin] == '{') {
    // A first line that is only broken, with records below it, does not make a document.
    if (end == std::string_view::npos) return nullptr;
    const std::size_t second = head.find_first_not_of(" \t\r\n", end);
    if (second == std::string_view::npos || head[second] == '{') return nullptr;
  }
  return std::make_unique<JsonFramer>(options.max_line_bytes);
}

}  // namespace logforest::parse
