#include "logforest/parse/json_envelope.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "logforest/parse/json_walk.hpp"

namespace logforest::parse {

namespace {

constexpr std::size_t kLongestName = 100;

using json::Walker;

// Whether the object that is next has a time of its own.
bool timed_record(Walker& w) {
  if (!w.take('{')) return false;
  bool timed = false;
  do {
    const auto name = w.member();
    if (!name || !w.value()) return false;
    timed = timed || json::target_of(*name) == Target::Timestamp;
  } while (w.take(','));
  return timed && w.take('}');
}

// What stands behind the records, as far as `w` shows it, does not speak for one record.
bool harmless_rest(Walker& w) {
  while (w.take(',')) {
    if (w.at_end()) return true;
    if (w.peek() == '{') {
      if (!w.value()) return true;  // broken or cut off: the framer tells
      continue;
    }
    return false;
  }
  if (!w.take(']')) return true;
  while (w.take(',')) {
    const auto name = w.member();
    if (!name) return true;
    const Target target = json::target_of(*name);
    const char first = w.peek();
    if (first == '{' || first == '[' || target == Target::Timestamp || target == Target::Message ||
        target == Target::Level || target == Target::Service || target == Target::Source) {
      return false;
    }
    if (!w.value()) return true;
  }
  return true;
}

bool is_space(char c) noexcept { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

class EnvelopeFramer final : public Framer {
 public:
  EnvelopeFramer(std::string name, std::unique_ptr<Framer> records)
      : name_(std::move(name)), records_(std::move(records)) {}

  std::optional<Frame> next(std::string_view data, std::size_t position, bool complete) override {
    data_ = data;
    at_ = position;
    opened_at_ = npos;
    bool closed = false;
    for (; at_ < data_.size(); ++at_) {
      const char c = data_[at_];
      closed = closed || c == ']';
      if (!is_space(c) && c != ',' && c != '[' && c != ']') break;
    }
    ends_at_ = at_;
    Found found = Found::Nothing;
    if (at_ < data_.size() && data_[at_] == '{') {
      found = opening(complete);
    } else if (closed) {
      found = closing(complete);
    }
    if (found == Found::Whole) return frame(position, complete);
    if (found == Found::Cut && !complete) return std::nullopt;
    return records_->next(data, position, complete);
  }

 private:
  enum class Found : std::uint8_t { Nothing, Cut, Whole };

  void skip_space() noexcept {
    while (at_ < data_.size() && is_space(data_[at_])) ++at_;
  }
  Found take(char c) noexcept {
    skip_space();
    if (at_ >= data_.size()) return Found::Cut;
    if (data_[at_] != c) return Found::Nothing;
    ++at_;
    return Found::Whole;
  }
  // A string on one line; at_ is behind its opening quote, afterwards behind the closing one.
  Found take_string() noexcept {
    for (; at_ < data_.size(); ++at_) {
      const char c = data_[at_];
      if (c == '\n') return Found::Nothing;
      if (c == '\\') {
        ++at_;
      } else if (c == '"') {
        ++at_;
        return Found::Whole;
      }
    }
    return Found::Cut;
  }

  // { "Records" : [ and the line end if there is one, from the brace on.
  Found opening(bool complete) noexcept {
    ++at_;
    if (const Found quote = take('"'); quote != Found::Whole) return quote;
    const std::string_view rest = data_.substr(at_);
    if (rest.size() <= name_.size())
      return std::string_view(name_).starts_with(rest) ? Found::Cut : Found::Nothing;
    if (!rest.starts_with(name_) || rest[name_.size()] != '"') return Found::Nothing;
    at_ += name_.size() + 1;
    if (const Found colon = take(':'); colon != Found::Whole) return colon;
    if (const Found bracket = take('['); bracket != Found::Whole) return bracket;
    opened_at_ = at_ - 1;
    return line_end(complete);
  }
  Found line_end(bool complete) noexcept {
    std::size_t end = at_;
    while (end < data_.size() && data_[end] != '\n' && is_space(data_[end])) ++end;
    if (end >= data_.size() && !complete) return Found::Cut;
    at_ = end < data_.size() && data_[end] == '\n' ? end + 1 : end;
    return Found::Whole;
  }

  // , "total": 2, "next": null } and the line end, behind the closing bracket.
  Found closing(bool complete) noexcept {
    for (;;) {
      skip_space();
      if (at_ >= data_.size()) return Found::Cut;
      const char c = data_[at_++];
      if (c == ',') continue;
      if (c == '}') break;
      if (c != '"') return Found::Nothing;
      if (const Found name = take_string(); name != Found::Whole) return name;
      if (const Found colon = take(':'); colon != Found::Whole) return colon;
      skip_space();
      if (at_ >= data_.size()) return Found::Cut;
      if (data_[at_] == '"') {
        ++at_;
        if (const Found text = take_string(); text != Found::Whole) return text;
        continue;
      }
      const std::size_t begin = at_;
      at_ = std::min(data_.find_first_of(",}[]{\"\n \t\r", at_), data_.size());
      if (at_ >= data_.size()) return Found::Cut;
      if (at_ == begin) return Found::Nothing;
    }
    return line_end(complete);
  }

  [[nodiscard]] Frame frame(std::size_t start, bool complete) const {
    Frame out;
    out.consumed = at_ - start;
    const std::string_view eaten = data_.substr(start, out.consumed);
    out.lines = std::count(eaten.begin(), eaten.end(), '\n');
    if (complete && at_ == data_.size() && !eaten.ends_with('\n')) ++out.lines;
    const bool own_line = eaten.ends_with('\n');
    std::int64_t line = 1;
    for (std::size_t i = start; i < at_; ++i) {
      const char c = data_[i];
      if (i == opened_at_ || (i < ends_at_ && c == '['))
        out.brackets.open(line, static_cast<std::int64_t>(i - start), own_line);
      if (i < ends_at_ && c == ']') out.brackets.close();
      line += c == '\n' ? 1 : 0;
    }
    return out;
  }

  static constexpr std::size_t npos = std::string_view::npos;

  const std::string name_;
  const std::unique_ptr<Framer> records_;
  std::string_view data_;
  std::size_t at_ = 0;
  std::size_t ends_at_ = 0;       // the separators in front
  std::size_t opened_at_ = npos;  // the envelope's bracket
};

}  // namespace

std::string envelope_of(std::string_view head) {
  const std::size_t begin = head.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos || head[begin] != '{') return {};
  std::string copy(head);
  copy.append(kPadding, '\0');
  Walker w(copy.data(), copy.data() + head.size());
  static_cast<void>(w.take('{'));
  const auto name = w.member();
  if (!name || name->empty() || name->size() > kLongestName ||
      name->find('\\') != std::string_view::npos || !w.take('[')) {
    return {};
  }
  return timed_record(w) && harmless_rest(w) ? std::string(*name) : std::string();
}

std::unique_ptr<Framer> make_envelope_framer(std::string name, std::unique_ptr<Framer> records) {
  return std::make_unique<EnvelopeFramer>(std::move(name), std::move(records));
}

}  // namespace logforest::parse
