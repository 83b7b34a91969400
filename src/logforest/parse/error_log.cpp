#include "logforest/parse/error_log.hpp"

#include "logforest/base/time.hpp"
#include "logforest/parse/app_log.hpp"
#include "logforest/parse/row_builder.hpp"
#include "logforest/parse/scan.hpp"

namespace logforest::parse {

using namespace scan;

namespace {

// httpd's own words; "trace1".."trace8" are debug.
std::optional<Level> httpd_level(std::string_view word) noexcept {
  if (word.starts_with("trace") && word.size() == 6 && is_digit(word[5])) return Level::Debug;
  return level_from_name(word);
}

// Inside of the bracket at `at`; `at` moves behind it. npos views are empty.
std::string_view bracket(std::string_view s, std::size_t& at) noexcept {
  if (at >= s.size() || s[at] != '[') return {};
  const std::size_t close = find(s.substr(0, std::min(s.size(), at + 256)), ']', at);
  if (close == npos) return {};
  const std::string_view inner = s.substr(at + 1, close - at - 1);
  at = close + 1;
  return inner;
}

class ApacheErrorParser final : public LineParser {
 public:
  LineResult parse_line(std::string_view line, RowBuilder& row) override {
    std::size_t at = 0;
    const std::string_view stamp = bracket(line, at);
    if (stamp.size() < 20 || !is_alpha(stamp[0])) return {Reject::NoMatch};
    const auto time = parse_time(stamp, row.time_context());
    if (!time || time->length != stamp.size()) return {Reject::NoMatch};
    at = skip_blanks(line, at);
    const std::string_view severity = bracket(line, at);
    const std::size_t colon = severity.find(':');
    const auto level = httpd_level(colon == npos ? severity : severity.substr(colon + 1));
    if (!level) return {Reject::NoMatch};

    row.begin();
    row.timestamp(time->us);
    row.level(*level);
    at = skip_blanks(line, at);
    if (colon != npos) {
      if (colon > 0) row.meta_text("module", severity.substr(0, colon));
      read_process(line, at, row);
    }
    std::string_view message = line.substr(at);
    // "[client 1.2.3.4:5678] " stays in the message: it is part of what httpd says. It may stand
    // behind an operating system's error.
    if (const std::size_t client = message.find("[client "); client != npos && client < 128) {
      const std::size_t close = find(message, ']', client);
      if (close != npos) {
        const std::string_view peer = message.substr(client + 8, close - client - 8);
        std::string_view ip = peer;
        if (const std::size_t last = peer.rfind(':'); !is_ip(peer) && last != npos) {
          ip = peer.substr(0, last);
        }
        if (is_ip(ip)) row.ip_address(ip);
      }
    }
    row.message(message);
    return {};
  }

 private:
  // "[pid 4101:tid 2992634688] "
  static void read_process(std::string_view line, std::size_t& at, RowBuilder& row) {
    std::size_t next = at;
    const std::string_view inner = bracket(line, next);
    if (!inner.starts_with("pid ")) return;
    const std::size_t colon = inner.find(':');
    if (const auto pid = to_int(inner.substr(4, colon == npos ? npos : colon - 4))) {
      row.meta_int("pid", *pid);
    }
    if (colon != npos && inner.substr(colon + 1).starts_with("tid ")) {
      row.meta_text("thread", inner.substr(colon + 5));
    }
    at = skip_blanks(line, next);
  }
};

class NginxErrorParser final : public LineParser {
 public:
  LineResult parse_line(std::string_view line, RowBuilder& row) override {
    if (line.size() < 24 || line[4] != '/' || line[7] != '/' || line[19] != ' ') {
      return {Reject::NoMatch};
    }
    const auto time = parse_time(line.substr(0, 19), row.time_context());
    if (!time || time->length != 19) return {Reject::NoMatch};
    std::size_t at = 20;
    const auto level = level_from_name(bracket(line, at));
    if (!level || at >= line.size() || line[at] != ' ') return {Reject::NoMatch};
    // "pid#tid: *connection "
    const std::size_t colon = find(line.substr(0, std::min(line.size(), at + 48)), ':', at);
    if (colon == npos) return {Reject::NoMatch};
    const std::string_view process = line.substr(at + 1, colon - at - 1);
    const std::size_t hash = process.find('#');
    if (hash == npos) return {Reject::NoMatch};
    const auto pid = to_int(process.substr(0, hash));
    if (!pid || !all_digits(process.substr(hash + 1))) return {Reject::NoMatch};

    row.begin();
    row.timestamp(time->us);
    row.level(*level);
    row.meta_int("pid", *pid);
    row.meta_text("thread", process.substr(hash + 1));
    at = skip_blanks(line, colon + 1);
    if (at + 1 < line.size() && line[at] == '*' && is_digit(line[at + 1])) {
      std::size_t end = at + 1;
      while (end < line.size() && is_digit(line[end])) ++end;
      if (const auto id = to_int(line.substr(at + 1, end - at - 1)))
        row.meta_int("connection", *id);
      at = skip_blanks(line, end);
    }
    const std::string_view message = line.substr(at);
    row.message(message);
    details(message, row);
    return {};
  }

 private:
  // ", client: 1.2.3.4, server: a, request: "GET / HTTP/1.1", host: "b"" at the end.
  static void details(std::string_view message, RowBuilder& row) {
    if (const auto client = detail(message, ", client: "); is_ip(strip_port(client))) {
      row.ip_address(strip_port(client));
    }
    if (const auto server = detail(message, ", server: "); !server.empty()) {
      row.meta_text("server", server);
    }
    std::string_view request = detail(message, ", request: \"");
    if (!request.empty()) {
      if (request.back() == '"') request.remove_suffix(1);
      const std::size_t space = request.find(' ');
      const std::size_t last = request.rfind(' ');
      if (space != npos && space > 0 && last > space && is_upper(request[0])) {
        row.method(request.substr(0, space));
        row.endpoint(request.substr(space + 1, last - space - 1));
      }
    }
  }

  // The value ends at the next ", word: " or at the end.
  static std::string_view detail(std::string_view message, std::string_view key) noexcept {
    const std::size_t at = message.rfind(key);
    if (at == npos) return {};
    const std::size_t begin = at + key.size();
    std::size_t end = message.size();
    if (key.back() == '"') {
      const std::size_t close = closing_quote(message, begin);
      if (close != npos) end = close;
    } else if (const std::size_t comma = message.find(',', begin); comma != npos) {
      end = comma;
    }
    return message.substr(begin, end - begin);
  }
};

}  // namespace

std::unique_ptr<LineParser> make_apache_error_parser() {
  return std::make_unique<ApacheErrorParser>();
}
std::unique_ptr<LineParser> make_nginx_error_parser() {
  return std::make_unique<NginxErrorParser>();
}

}  // namespace logforest::parse
