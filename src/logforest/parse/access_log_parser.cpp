#include <array>
#include <charconv>
#include <string_view>

#include "logforest/parse/access_log.hpp"
#include "logforest/parse/row_builder.hpp"
#include "logforest/parse/scan.hpp"
#include "logforest/parse/scan_padded.hpp"

namespace logforest::parse {

using namespace scan;

namespace {

// A number with its unit as servers write response times: "0.034" is seconds (nginx
// $request_time), "34ms", "120us", "1.2s" say it themselves. A bare integer is no duration here.
std::optional<double> duration_ms(std::string_view s) noexcept {
  std::size_t end = 0;
  while (end < s.size() && (is_digit(s[end]) || s[end] == '.')) ++end;
  const std::optional<double> value = to_decimal(s.substr(0, end));
  if (!value) return std::nullopt;
  const std::string_view unit = s.substr(end);
  if (unit.empty()) {
    if (s.find('.') == npos) return std::nullopt;
    return *value * 1000.0;
  }
  if (unit == "ms") return *value;
  if (unit == "s") return *value * 1000.0;
  if (unit == "us" || unit == "\xc2\xb5s") return *value / 1000.0;
  return std::nullopt;
}

bool is_address_list(std::string_view s) noexcept {
  const std::string_view first = trim(s.substr(0, s.find(',')));
  return is_ip(strip_port(first)) || first == "unknown";
}

// What stands behind the user agent (or the size): times, forwarded-for, key=value pairs.
class Extras {
 public:
  explicit Extras(RowBuilder& row) : row_(row) {}

  void read(std::string_view rest) {
    bool understood = true;
    std::string_view left = rest;
    while (!left.empty()) {
      const std::string_view token = next(left);
      if (token.empty()) continue;
      understood = take(token) && understood;
    }
    if (!timed_ && integers_ == 1 && pairs_ == 0) {
      // Apache's %D, the only number that is commonly appended alone: microseconds.
      row_.response_time(static_cast<double>(integer_) / 1000.0);
      timed_ = true;
    } else if (integers_ > 0) {
      understood = false;
    }
    if (!understood) row_.meta_text("extra", rest);
  }

 private:
  // A quoted text (quotes kept), a bracket or a word.
  static std::string_view next(std::string_view& s) noexcept {
    s.remove_prefix(skip_blanks(s, 0));
    if (s.empty()) return {};
    std::size_t end = npos;
    if (s[0] == '"') {
      end = closing_quote(s, 1);
    } else if (s[0] == '[') {
      end = find(s, ']');
    }
    if (end == npos) {
      end = 0;
      while (end < s.size() && !is_blank(s[end])) {
        if (s[end] == '"' && end > 0 && s[end - 1] == '=') {  // key="a value"
          const std::size_t close = closing_quote(s, end + 1);
          end = close == npos ? s.size() - 1 : close;
        }
        ++end;
      }
    } else {
      ++end;
    }
    const std::string_view token = s.substr(0, end);
    s.remove_prefix(end);
    return token;
  }

  bool take(std::string_view token) {
    if (token == "-" || token == "\"-\"") return true;
    if (token[0] == '"') {
      const std::string_view text = token.substr(1, token.size() - 2);
      if (token.size() < 2) return false;
      if (!timed_ && !text.empty() && is_digit(text[0])) {
        if (const auto ms = duration_ms(text)) return time(*ms);
      }
      if (forwarded_ || !is_address_list(text)) return text.empty();
      row_.meta_text("forwarded_for", text);
      forwarded_ = true;
      return true;
    }
    if (is_digit(token[0])) {
      if (const auto ms = duration_ms(token)) return timed_ ? false : time(*ms);
      if (const auto n = to_int(token)) {
        integer_ = *n;
        ++integers_;
        return true;
      }
      return false;
    }
    const std::size_t equals = find(token, '=');
    return equals != npos && equals > 0 && pair(token.substr(0, equals), token.substr(equals + 1));
  }

  bool pair(std::string_view key, std::string_view value) {
    for (const char c : key) {
      if (!is_alnum(c) && c != '_' && c != '-' && c != '.') return false;
    }
    ++pairs_;
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
      value = value.substr(1, value.size() - 2);
    }
    constexpr std::array<std::string_view, 5> keys{"rt", "request_time", "response_time",
                                                   "duration", "time"};
    for (const std::string_view k : keys) {
      if (timed_ || key != k) continue;
      if (const auto ms = duration_ms(value)) return time(*ms);
    }
    row_.meta_text(key, value);
    return true;
  }

  bool time(double ms) {
    row_.response_time(ms);
    timed_ = true;
    return true;
  }

  RowBuilder& row_;
  bool timed_ = false;
  bool forwarded_ = false;
  int integers_ = 0;
  int pairs_ = 0;
  std::int64_t integer_ = 0;
};

class AccessLogParser final : public LineParser {
 public:
  explicit AccessLogParser(AccessLayout layout) : layout_(layout) {}

  LineResult parse_line(std::string_view line, RowBuilder& row) override {
    AccessFields f;
    if (!scan_access_log(line, clock_, f)) return {Reject::NoMatch};
    if (layout_ != AccessLayout::Any && f.combined != (layout_ == AccessLayout::Combined)) {
      return {Reject::NoMatch};
    }
    row.begin();
    row.timestamp(f.timestamp_us);
    if (f.client_is_ip) {
      row.ip_address(f.client, Padded{});
    } else {
      client(f.client, row);
    }
    if (!f.user.empty()) row.user_id(f.user);
    if (!f.method.empty()) {
      row.method(f.method);
      row.endpoint(f.target, Padded{});
    }
    if (f.status != 0) row.status_code(f.status);
    row.message(f.request, Padded{});
    if (!f.vhost.empty()) {
      row.source(strip_port(f.vhost));
      row.meta_named(R"("vhost")", f.vhost);
    }
    write_metadata(f, row);
    if (!f.rest.empty()) Extras(row).read(f.rest);
    return {};
  }

 private:
  static void client(std::string_view text, RowBuilder& row) {
    const std::string_view address = strip_port(text);
    if (is_ip(address)) {
      row.ip_address(address);
    } else if (address != "-") {
      row.meta_named(R"("client")", address);
    }
  }

  static void write_metadata(const AccessFields& f, RowBuilder& row) {
    const std::size_t texts =
        f.ident.size() + f.protocol.size() + f.referrer.size() + f.user_agent.size();
    char* p = row.meta_room(6 * texts + 192);
    if (!f.ident.empty()) p = write_member(p, R"("ident":")", f.ident);
    if (!f.protocol.empty()) p = write_member(p, R"("protocol":")", f.protocol);
    if (f.bytes >= 0) {
      p = literal(p, R"("bytes":)");
      p = std::to_chars(p, p + 20, f.bytes).ptr;
      *p++ = ',';
    }
    if (!f.referrer.empty()) p = write_member(p, R"("referrer":")", f.referrer);
    if (!f.user_agent.empty()) p = write_member(p, R"("user_agent":")", f.user_agent);
    row.meta_wrote(p);
  }

  AccessLayout layout_;
  ClfClock clock_;
};

}  // namespace

std::unique_ptr<LineParser> make_access_log_parser(AccessLayout layout) {
  return std::make_unique<AccessLogParser>(layout);
}

}  // namespace logforest::parse
