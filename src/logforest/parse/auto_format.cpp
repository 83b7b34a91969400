#include "logforest/parse/auto_format.hpp"

#include <algorithm>
#include <bitset>
#include <cstring>
#include <utility>

#include "logforest/parse/continuation.hpp"
#include "logforest/parse/framing.hpp"
#include "logforest/parse/row_builder.hpp"
#include "logforest/parse/scan.hpp"
#include "logforest/parse/syslog.hpp"

namespace logforest::parse {

namespace {

constexpr std::size_t kSampleLines = 200;

using Formats = std::vector<std::shared_ptr<const Format>>;

// Parsers are made when first needed: most sources need one.
struct Candidate {
  explicit Candidate(std::shared_ptr<const Format> its_format)
      : format(std::move(its_format)),
        logfmt(format && format->name == "logfmt"),
        compose(format && format->name == "compose") {}

  std::shared_ptr<const Format> format;
  std::unique_ptr<LineParser> parser;
  bool logfmt;
  bool compose;
};

class AutoParser final : public LineParser {
 public:
  AutoParser(const ParseOptions& options, const Formats& formats,
             std::shared_ptr<const Format> plain, bool first_is_known, bool pure, std::size_t finer)
      : options_(options),
        plain_(std::move(plain)),
        first_is_known_(first_is_known),
        pure_(pure),
        finer_(finer) {
    for (const auto& format : formats) {
      candidates_.emplace_back(format);
      first_bytes_.push_back(options.ask_all ? std::bitset<256>().set() : format->first_bytes);
    }
  }

  LineResult parse_line(std::string_view line, RowBuilder& row) override {
    const std::size_t rows = row.batch().rows;
    if (rows == 0) {  // a new batch
      previous_ = nullptr;
      trace_ = false;
    }
    refusing_ = nullptr;
    const Shape shape = shape_of(line);
    if (shape == Shape::Record || first_takes(line)) {
      LineResult first{Reject::NoMatch};
      const auto first_byte = static_cast<unsigned char>(line.empty() ? '\0' : line[0]);
      for (std::size_t n = 0; n < candidates_.size(); ++n) {
        const std::size_t i = n < finer_ ? n + 1 : n == finer_ ? 0 : n;
        if (!first_bytes_[i][first_byte]) continue;
        // A table's rows look like stamps with text.
        if (pure_ && candidates_[0].format->directives && !candidates_[i].format->directives)
          continue;
        if (candidates_[i].compose) {
          if (const LineResult inner = composed(line, row); inner.reject == Reject::None)
            return inner;
        }
        const LineResult result = attempt(candidates_[i], line, row);
        if (result.reject == Reject::None) return accepted(candidates_[i], i, result);
        if (row.batch().rows != rows) return refused(result.reject, &candidates_[i]);  // in part
        if (i == 0 && first_is_known_) first = result;
      }
      // A damaged record of the source's own format is a reject; other text is text.
      if (first_is_known_ && damaged(line, first.reject))
        return refused(first.reject, candidates_.data());
      if (!plain_.format) return refused(first.reject);
      if (looks_binary(line)) return refused(Reject::Binary);
      trace_ = opens_trace(line);
      return accepted(plain_, npos, attempt(plain_, line, row));
    }
    return continued(line, shape, row);
  }

  [[nodiscard]] bool starts_record(std::string_view line) const override {
    if (line.size() > options_.max_line_bytes ||
        std::memchr(line.data(), 0, line.size()) != nullptr) {
      return false;
    }
    return shape_of(line) == Shape::Record &&
           line.find_first_not_of(" \t") != std::string_view::npos;
  }

  bool take_directive(std::string_view line) override {
    bool taken = false;
    for (Candidate& c : candidates_) {
      if (!c.format->directives) continue;
      if (!c.parser) c.parser = c.format->make(options_);
      taken = c.parser->take_directive(line) || taken;
    }
    if (taken) {  // no record goes on behind it, as a chunk may begin with it
      previous_ = nullptr;
      trace_ = false;
    }
    return taken;
  }

  void forget_directives() override {
    for (Candidate& c : candidates_) {
      if (c.parser) c.parser->forget_directives();
    }
  }

  [[nodiscard]] std::int64_t take_other_records() noexcept override {
    return std::exchange(others_, 0);
  }

  [[nodiscard]] std::span<const RejectedPart> rejected_parts() const noexcept override {
    if (refusing_ == nullptr || !refusing_->parser) return {};
    return refusing_->parser->rejected_parts();
  }

  [[nodiscard]] bool demands_utf8(std::string_view line) const noexcept override {
    return marked_utf8(line);
  }

 private:
  static constexpr std::size_t npos = static_cast<std::size_t>(-1);

  LineResult attempt(Candidate& c, std::string_view line, RowBuilder& row) {
    // The logfmt parser takes any words; here they must be pairs.
    if (c.logfmt) {
      const bool pairs = &c == candidates_.data() && first_is_known_
                             ? scan::find(line, '=') != scan::npos
                             : c.format->detect({line}) > 0;
      if (!pairs) return {Reject::NoMatch};
    }
    if (!c.parser) c.parser = c.format->make(options_);
    const LineResult result = c.parser->parse_line(line, row);
    if (result.reject != Reject::None && row.open()) row.abandon();
    return result;
  }

  LineResult accepted(Candidate& c, std::size_t index, LineResult result) {
    if (index != npos) {
      trace_ = false;
      const bool own =
          first_is_known_ && (index == 0 || (!c.format->family.empty() &&
                                             c.format->family == candidates_[0].format->family));
      others_ += own ? 0 : 1;
    }
    previous_ = c.format.get();
    return result;
  }

  // "service  | line", as docker compose prints: the line is read by its own format, if any.
  LineResult composed(std::string_view line, RowBuilder& row) {
    std::string_view text = line;
    if (text.starts_with("\x1b[") && text.size() > 3) {  // erase line
      const std::size_t k = text.substr(0, 6).find('K');
      if (k != npos) text.remove_prefix(k + 1);
    }
    std::size_t end = 0;
    while (end < text.size() &&
           (scan::is_alnum(text[end]) || text[end] == '-' || text[end] == '_' || text[end] == '.'))
      ++end;
    const std::size_t bar = scan::skip_blanks(text, end);
    if (end == 0 || bar == end || text.substr(bar, 2) != "| " || !plain_.format)
      return {Reject::NoMatch};
    const std::string_view service = text.substr(0, end);
    const std::string_view inner = text.substr(bar + 2);
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      if (candidates_[i].compose) continue;
      const std::size_t rows = row.batch().rows;
      const LineResult result = attempt(candidates_[i], inner, row);
      if (result.reject != Reject::None) continue;
      if (row.open() && row.batch().rows == rows) row.service(service);
      return accepted(candidates_[i], i, result);
    }
    return {Reject::NoMatch};
  }

  LineResult refused(Reject why, const Candidate* by = nullptr) {
    refusing_ = by;
    previous_ = nullptr;
    trace_ = false;
    return {why};
  }

  // JSON may be indented; of such lines only the source's own format is asked.
  [[nodiscard]] bool first_takes(std::string_view line) const noexcept {
    const std::size_t at = line.find_first_not_of(" \t");
    return at != std::string_view::npos && line[at] == '{' && first_is_known_ &&
           candidates_[0].format->name == "json";
  }

  // Whether a line that no format took is a damaged one of the source's own format. Access logs
  // and RFC 5424 hold nothing else, unless the first lines said that this source mixes.
  [[nodiscard]] bool damaged(std::string_view line, Reject why) const noexcept {
    const Format& own = *candidates_[0].format;
    if (own.name == "json") return true;
    if (pure_ && (own.family == "access" || own.directives || own.name == "rfc5424")) return true;
    if (why == Reject::NoMatch) return false;
    if (own.name == "logfmt") return true;
    const std::size_t at = line.find_first_not_of(" \t");
    return own.family == "syslog" && at != std::string_view::npos && line[at] == '<' &&
           at + 1 < line.size() && scan::is_digit(line[at + 1]);
  }

  LineResult continued(std::string_view line, Shape shape, RowBuilder& row) {
    const bool text = previous_ != nullptr && previous_->multiline;
    const bool plain = previous_ != nullptr && previous_ == plain_.format.get();
    const bool join =
        (text || plain) && (shape == Shape::Trace || trace_ || (shape == Shape::Indented && text));
    if (join) {
      if (shape == Shape::Trace) trace_ = true;
      if (row.continue_message(line)) return {Reject::None, true};
      return {Reject::LineTooLong};
    }
    if (!plain_.format) return refused(Reject::NoMatch);
    if (looks_binary(line)) return refused(Reject::Binary);
    trace_ = opens_trace(line);
    return accepted(plain_, npos, attempt(plain_, line, row));
  }

  const ParseOptions& options_;
  std::vector<Candidate> candidates_;
  std::vector<std::bitset<256>> first_bytes_;  // of the candidates, side by side
  Candidate plain_;
  bool first_is_known_;
  bool pure_;
  std::size_t finer_;                    // so many behind the first are asked before it
  const Candidate* refusing_ = nullptr;  // whose word the last line's rejection is
  const Format* previous_ = nullptr;     // of the record that a continuation would go on
  bool trace_ = false;                   // inside a stack trace
  std::int64_t others_ = 0;
};

}  // namespace

std::vector<std::string_view> sample_records(std::string_view head) {
  std::vector<std::string_view> lines;
  const std::unique_ptr<Framer> framer = make_syslog_framer(head.size());
  for (std::size_t at = 0; at < head.size() && lines.size() < kSampleLines;) {
    const auto frame = framer->next(head, at, false);
    if (!frame) {
      if (!lines.empty()) break;  // perhaps cut
      const std::size_t stop = head.find('\n', at);
      lines.push_back(head.substr(at, stop == std::string_view::npos ? stop : stop - at));
      break;
    }
    at += frame->consumed;
    if (scan::trim(frame->text).empty()) continue;
    const bool indented_json = scan::trim(frame->text)[0] == '{';
    if (shape_of(frame->text) == Shape::Record || indented_json) lines.push_back(frame->text);
  }
  return lines;
}

Format auto_format(const Detected& found, Formats others) {
  const std::shared_ptr<const Format>& first = found.format;
  const bool pure = found.pure;
  std::shared_ptr<const Format> plain;
  Formats formats;
  const bool known = first != nullptr && first->name != "plain";
  if (known) formats.push_back(first);
  std::stable_sort(others.begin(), others.end(),
                   [](const auto& a, const auto& b) { return a->rank > b->rank; });
  for (const auto& format : others) {
    if (format->name == "plain") {
      plain = format;
    } else if (format->detect && (!known || format->name != first->name)) {
      formats.push_back(format);
    }
  }
  // They stand behind the first, where the parser looks for them.
  std::size_t finer = 0;
  for (const auto& format : known ? found.finer : Formats{}) {
    const auto at = std::find(formats.begin(), formats.end(), format);
    if (at == formats.end()) continue;
    ++finer;
    std::rotate(formats.begin() + static_cast<std::ptrdiff_t>(finer), at, at + 1);
  }
  Format out;
  out.name = known ? first->name : "plain";
  out.description = "by detection";
  out.directives = std::any_of(formats.begin(), formats.end(),
                               [](const auto& format) { return format->directives; });
  out.make = [formats, plain, known, pure, finer](const ParseOptions& options) {
    return std::make_unique<AutoParser>(options, formats, plain, known, pure, finer);
  };
  out.make_framer = [first, known](const ParseOptions& options, std::string_view head) {
    if (known && first->make_framer) return first->make_framer(options, head);
    return syslog_framer_for(options, head);
  };
  return out;
}

Format joined_format(const std::shared_ptr<const Format>& format) {
  Format out = *format;
  out.make = [format](const ParseOptions& options) {
    return std::make_unique<AutoParser>(options, Formats{format}, nullptr, true, true, 0);
  };
  return out;
}

}  // namespace logforest::parse
