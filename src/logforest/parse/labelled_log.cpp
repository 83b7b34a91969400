#include "logforest/parse/labelled_log.hpp"

#include "logforest/base/time_pattern.hpp"
#include "logforest/parse/row_builder.hpp"
#include "logforest/parse/scan.hpp"
#include "logforest/parse/syslog.hpp"

namespace logforest::parse {

using namespace scan;

namespace {

// The next word; `at` moves behind the one blank that ends it. Empty at the end of the line.
std::string_view word(std::string_view s, std::size_t& at) noexcept {
  const std::size_t begin = at;
  std::size_t end = find(s, ' ', at);
  if (end == npos) end = s.size();
  at = end < s.size() ? end + 1 : end;
  return s.substr(begin, end - begin);
}

bool dotted_date(std::string_view s) noexcept {
  return s.size() == 10 && s[4] == '.' && s[7] == '.' && all_digits(s.substr(0, 4)) &&
         all_digits(s.substr(5, 2)) && all_digits(s.substr(8, 2));
}

class LabelledParser final : public LineParser {
 public:
  LineResult parse_line(std::string_view line, RowBuilder& row) override {
    std::size_t at = 0;
    const std::string_view label = word(line, at);
    const std::string_view epoch = word(line, at);
    const auto seconds = to_int(epoch);
    if (label.empty() || label.size() > 32 || epoch.size() < 9 || epoch.size() > 10 || !seconds) {
      return {Reject::NoMatch};
    }
    if (!dotted_date(word(line, at))) return {Reject::NoMatch};
    const std::string_view node = word(line, at);
    if (node.empty() || at >= line.size()) return {Reject::NoMatch};
    row.begin();
    const bool read = is_digit(line[at]) ? bluegene(line, at, *seconds, row)
                                         : syslog(line.substr(at), *seconds, row);
    if (!read) {
      row.abandon();
      return {Reject::NoMatch};
    }
    row.source(node);
    row.meta_text("label", label);
    return {};
  }

 private:
  // The stamp is local time of a zone that is not told; the epoch in front of it is exact, the
  // stamp adds the microseconds.
  static bool bluegene(std::string_view line, std::size_t at, std::int64_t seconds,
                       RowBuilder& row) {
    const std::string_view stamp = word(line, at);
    if (stamp.size() != 26 || stamp[10] != '-' || stamp[13] != '.' || stamp[19] != '.')
      return false;
    const auto micro = to_int(stamp.substr(20));
    if (!micro) return false;
    const std::string_view repeat = word(line, at);
    const std::string_view type = word(line, at);
    const std::string_view component = word(line, at);
    const std::string_view severity = word(line, at);
    if (severity.empty()) return false;
    row.timestamp(seconds * 1'000'000 + *micro);
    if (const auto level = level_from_name(severity)) {
      row.level(*level);
    } else {
      row.meta_text("severity", severity);
    }
    row.service(component);
    row.message(trim(line.substr(at)));
    row.meta_text("type", type);
    row.meta_text("local_time", stamp);
    if (!repeat.empty()) row.meta_text("location", repeat);
    return true;
  }

  bool syslog(std::string_view rest, std::int64_t seconds, RowBuilder& row) {
    // The year comes from the epoch, so the inner stamp is only checked.
    if (rest.empty() || !scan_syslog3164(rest, row.time_context(), clock_, f_) ||
        f_.priority >= 0) {
      return false;
    }
    row.timestamp(seconds * 1'000'000);
    if (!f_.tag.empty()) row.service(f_.tag);
    row.message(trim(f_.message));
    if (!f_.host.empty()) row.meta_text("location", f_.host);
    if (const auto pid = to_int(f_.pid)) row.meta_int("pid", *pid);
    return true;
  }

  Bsd3164Clock clock_;
  Syslog3164Fields f_;
};

}  // namespace

std::unique_ptr<LineParser> make_labelled_parser() { return std::make_unique<LabelledParser>(); }

}  // namespace logforest::parse
