#include <memory>

#include "logforest/parse/app_log.hpp"
#include "logforest/parse/row_builder.hpp"
#include "logforest/parse/scan.hpp"
#include "logforest/parse/scan_padded.hpp"
#include "logforest/parse/syslog.hpp"
#include "logforest/parse/syslog3164_header.hpp"

namespace logforest::parse {

using namespace scan;
using namespace syslog_header;

namespace {

class Syslog3164Parser final : public LineParser {
 public:
  LineResult parse_line(std::string_view line, RowBuilder& row) override {
    if (!scan_syslog3164(line, row.time_context(), clock_, f_)) {
      return {!line.empty() && line[0] == '<' ? Reject::InvalidHeader : Reject::NoMatch};
    }
    row.begin();
    if (f_.has_time) row.timestamp(f_.timestamp_us);
    if (!f_.host.empty()) row.source(f_.host);
    row.message(trim(f_.message), Padded{});
    if (f_.priority >= 0) {
      row.level(level_from_syslog(static_cast<unsigned>(f_.priority & 7)));
      row.meta_wrote(write_priority(row.meta_room(31), f_.priority));
    } else if (const auto level = guess_level()) {
      row.level(*level);
    }
    if (!f_.tag.empty()) service(row);
    if (!f_.pid.empty()) write_pid(row);
    if (!f_.address.empty()) row.meta_named(R"("address")", f_.address);
    if (!f_.sequence.empty()) row.meta_named(R"("sequence")", f_.sequence);
    return {};
  }

 private:
  void write_pid(RowBuilder& row) const {
    if (f_.pid.size() <= 16 && f_.pid[0] != '0' && all_digits(f_.pid)) {
      char* p = literal(row.meta_room(48), R"("pid":)");
      row.meta_wrote(literal(copy_padded(p, f_.pid), ","));
    } else if (const auto pid = to_int(f_.pid)) {
      row.meta_named(R"("pid")", *pid);
    } else {
      row.meta_named(R"("pid")", f_.pid);
    }
  }
  void service(RowBuilder& row) const {
    if (f_.tag[0] != '%') return row.service(f_.tag);
    const std::string_view mnemonic = f_.tag.substr(1);
    row.meta_text("mnemonic", mnemonic);
    row.service(mnemonic.substr(0, mnemonic.find('-')));
  }

  // "%ASA-6-302013" says it, or "auth.err" in the header; otherwise what the message begins with:
  // "error:", "ERROR ", "[error]", "level=error", JSON's "level", "[ID 702911 user.error]".
  [[nodiscard]] std::optional<Level> guess_level() const noexcept {
    if (f_.severity) return f_.severity;
    if (!f_.tag.empty() && f_.tag[0] == '%') {
      if (const auto level = cisco_severity(f_.tag)) return level;
    }
    const std::string_view text = f_.message.substr(0, 160);
    const char open = text.empty() ? ' ' : text[0];
    if (open == '[' || open == '<') {
      const std::size_t close = find(text, open == '[' ? ']' : '>');
      if (close == npos) return std::nullopt;
      const std::string_view inner = text.substr(1, close - 1);
      if (!inner.starts_with("ID ")) return header_level(inner, true);
      const std::size_t space = inner.rfind(' ');
      return facility_severity(inner.substr(space + 1));
    }
    if (open == '{') {
      for (const std::string_view key : {R"("level":)", R"("severity":)"}) {
        std::size_t at = text.find(key);
        if (at == npos) continue;
        at = skip_blanks(text, at + key.size());
        if (at >= text.size() || text[at] != '"') return std::nullopt;
        return level_from_name(text.substr(at + 1, find(text, '"', at + 1) - at - 1));
      }
      return std::nullopt;
    }
    std::size_t end = 0;
    while (end < text.size() && is_alpha(text[end])) ++end;
    if (end >= text.size() || end > 13) return behind_label(text, end);
    if (text[end] == '=') return named_level(text);
    if (end < 4 ||
        (text[end] != ':' && !(is_blank(text[end]) && is_upper(open) && is_upper(text[end - 1])))) {
      return behind_label(text, end);
    }
    const auto level = level_from_name(text.substr(0, end));
    return level ? level : behind_label(text, end);
  }

  // "imap(bob)<12>: Error: ...", "4F2D3A: warning: ...": a level between colons behind one word;
  // `at` is inside that word. "(?@192.0.2.9) [WARNING] ..." likewise.
  [[nodiscard]] static std::optional<Level> behind_label(std::string_view text,
                                                         std::size_t at) noexcept {
    while (at < text.size() && at < 80 && !is_blank(text[at])) ++at;
    if (at < 2 || at + 5 > text.size()) return std::nullopt;
    const bool bracketed = text[at - 1] == ')' && text[0] == '(' && text[at + 1] == '[';
    if (text[at - 1] != ':' && !bracketed) return std::nullopt;
    const std::size_t begin = at + (bracketed ? 2 : 1);
    std::size_t end = begin;
    while (end < text.size() && is_alpha(text[end])) ++end;
    if (end >= text.size() || end - begin < 4 || text[end] != (bracketed ? ']' : ':')) {
      return std::nullopt;
    }
    return header_level(text.substr(begin, end - begin), true);
  }

  // "... level=error ..." among pairs.
  [[nodiscard]] static std::optional<Level> named_level(std::string_view text) noexcept {
    for (const std::string_view key : {"level=", "lvl=", "severity="}) {
      const std::size_t at = text.find(key);
      if (at == npos || (at > 0 && !is_blank(text[at - 1]))) continue;
      std::string_view value = text.substr(at + key.size());
      if (value.starts_with('"')) value.remove_prefix(1);
      std::size_t end = 0;
      while (end < value.size() && is_alpha(value[end])) ++end;
      return level_from_name(value.substr(0, end));
    }
    return std::nullopt;
  }

  Bsd3164Clock clock_;
  Syslog3164Fields f_;
};

}  // namespace

std::unique_ptr<LineParser> make_syslog3164_parser() {
  return std::make_unique<Syslog3164Parser>();
}

}  // namespace logforest::parse
