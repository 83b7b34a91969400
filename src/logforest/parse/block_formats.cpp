#include "logforest/parse/block_formats.hpp"

#include <algorithm>
#include <cstring>

#include "logforest/base/time.hpp"
#include "logforest/parse/app_log.hpp"
#include "logforest/parse/block_framer.hpp"
#include "logforest/parse/row_builder.hpp"
#include "logforest/parse/scan.hpp"
#include "logforest/parse/values.hpp"

namespace logforest::parse {

using namespace scan;

namespace {

std::string_view first_line(std::string_view text) noexcept {
  return text.substr(0, find(text, '\n'));
}

// --- java.util.logging ------------------------------------------------------------------------

// Bytes of "May 01, 2024 10:00:00 AM ", or 0.
std::size_t jul_stamp(std::string_view line) noexcept {
  if (line.size() < 24 || month_number(line.data()) == 0 || line[3] != ' ') return 0;
  const std::size_t half = std::min(find(line, 'M', 18), std::size_t{28});
  if (half + 2 > line.size() || line[half + 1] != ' ') return 0;
  return (line[half - 1] == 'A' || line[half - 1] == 'P') && line[half - 2] == ' ' ? half + 2 : 0;
}

bool jul_begins(std::string_view /*before*/, std::string_view line) noexcept {
  return jul_stamp(line) != 0;
}

class JulParser final : public LineParser {
 public:
  LineResult parse_line(std::string_view text, RowBuilder& row) override {
    const std::size_t stamp = jul_stamp(text);
    const std::string_view head = scan::trim(first_line(text));
    const auto time = stamp == 0 ? std::nullopt : parse_time(text, row.time_context());
    if (!time || time->length + 1 != stamp || head.size() + 1 >= text.size()) {
      return {Reject::NoMatch};
    }
    std::string_view body = text.substr(find(text, '\n') + 1);
    const std::size_t colon = find(first_line(body), ':');
    const auto level =
        colon == npos ? std::nullopt : header_level(scan::trim(body.substr(0, colon)), false);
    if (!level) return {Reject::NoMatch};
    row.begin();
    row.timestamp(time->us);
    row.level(*level);
    const std::string_view place = head.substr(std::min(stamp, head.size()));
    const std::size_t blank = find(place, ' ');
    if (!place.empty()) row.service(place.substr(0, blank));
    if (blank != npos) row.meta_text("function", scan::trim(place.substr(blank)));
    row.message(scan::trim(body.substr(colon + 1)));
    return {};
  }
};

// --- MySQL's slow query log -------------------------------------------------------------------

bool slow_time(std::string_view line) noexcept { return line.starts_with("# Time: "); }
bool slow_user(std::string_view line) noexcept { return line.starts_with("# User@Host: "); }

// "# Time:" is left out where it is that of the record before.
bool slow_begins(std::string_view before, std::string_view line) noexcept {
  if (slow_time(line)) return true;
  return slow_user(line) &&
         (slow_user(before) || before.find("\n# User@Host: ") != std::string_view::npos);
}

class SlowLogParser final : public LineParser {
 public:
  LineResult parse_line(std::string_view text, RowBuilder& row) override {
    if (!slow_time(text) && !slow_user(text)) return {Reject::NoMatch};
    row.begin();
    row.service("mysql");
    bool user = false;
    while (text.starts_with("# ")) {
      std::string_view line = scan::trim(first_line(text));
      text.remove_prefix(std::min(text.size(), first_line(text).size() + 1));
      if (slow_time(line)) {
        if (!read_time(scan::trim(line.substr(8)), row)) return {Reject::InvalidHeader};
      } else if (slow_user(line)) {
        user = true;
        read_user(line.substr(13), row);
      } else {
        read_pairs(line.substr(std::min<std::size_t>(2, line.size())), row);  // "# " alone is "#"
      }
    }
    if (!user) return {Reject::NoMatch};
    for (;;) {
      const std::string_view line = scan::trim(first_line(text));
      if (line.starts_with("use ") && line.ends_with(';')) {
        row.meta_text("database", line.substr(4, line.size() - 5));
      } else if (line.starts_with("SET timestamp=") && line.ends_with(';')) {
        const auto seconds = to_double(line.substr(14, line.size() - 15));
        const auto us = seconds ? epoch_to_us(*seconds) : std::nullopt;
        if (us) row.timestamp(*us);
      } else {
        break;
      }
      text.remove_prefix(std::min(text.size(), first_line(text).size() + 1));
      if (text.empty()) break;
    }
    row.message(scan::trim(text));
    return {};
  }

 private:
  static bool read_time(std::string_view value, RowBuilder& row) {
    const auto time = parse_time(value, row.time_context());
    if (!time) return false;
    row.timestamp(time->us);
    return true;
  }

  // "shop[shop] @ app1 [10.0.0.5]  Id:    42"
  static void read_user(std::string_view text, RowBuilder& row) {
    const std::size_t open = find(text, '[');
    const std::size_t sign = text.find(" @ ");
    if (open == npos || sign == npos) return;
    if (open != 0 && open < sign) row.user_id(text.substr(0, open));
    text.remove_prefix(sign + 3);
    const std::size_t from = find(text, '[');
    const std::size_t to = find(text, ']');
    if (from == npos || to == npos || to < from) return;
    const std::string_view host = scan::trim(text.substr(0, from));
    if (!host.empty()) row.meta_text("client_host", host);
    if (to > from + 1) row.field_text("client_ip", text.substr(from + 1, to - from - 1));
    read_pairs(text.substr(to + 1), row);
  }

  // "Query_time: 12.345678  Lock_time: 0.000012 Rows_sent: 1"
  static void read_pairs(std::string_view text, RowBuilder& row) {
    while (!text.empty()) {
      text.remove_prefix(skip_blanks(text, 0));
      const std::size_t colon = text.find(": ");
      if (colon == npos) return;
      const std::string_view key = text.substr(0, colon);
      text.remove_prefix(skip_blanks(text, colon + 2));
      const std::size_t end = text.find_first_of(" \t");
      const std::string_view value = text.substr(0, end);
      text.remove_prefix(end == npos ? text.size() : end);
      if (key == "Query_time") {
        if (const auto ms = duration_ms(value, Reading::Seconds, false)) row.response_time(*ms);
      } else if (const auto number = to_integer(value)) {
        row.meta_int(key, *number);
      } else if (const auto real = to_double(value)) {
        row.meta_double(key, *real);
      } else {
        row.meta_text(key, value);
      }
    }
  }
};

// --- journald's export format -----------------------------------------------------------------

constexpr char kFieldEnd = '\x1e';

constexpr bool is_key(char c) noexcept { return is_upper(c) || is_digit(c) || c == '_'; }

std::size_t key_length(std::string_view text) noexcept {
  std::size_t n = 0;
  while (n < text.size() && n < 64 && is_key(text[n])) ++n;
  return n;
}

// A field behind its name: the place and size of its value, and where the next field begins.
struct Field {
  std::size_t name = 0;  // bytes of the name; 0: this is no field
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t next = 0;
  bool cut = false;  // more bytes must be seen
};

Field read_field(std::string_view text, std::size_t at) noexcept {
  Field field;
  const std::size_t name = key_length(text.substr(at));
  const std::size_t sign = at + name;
  if (sign >= text.size()) {
    field.cut = true;
    return field;
  }
  if (name == 0 || (text[sign] != '=' && text[sign] != '\n')) return field;
  field.name = name;
  if (text[sign] == '=') {
    const std::size_t stop = find(text, '\n', sign);
    field.begin = sign + 1;
    field.end = stop == npos ? text.size() : stop;
    field.next = stop == npos ? text.size() : stop + 1;
    field.cut = stop == npos;
    return field;
  }
  if (text.size() - sign < 9) {
    field.cut = true;
    return field;
  }
  std::uint64_t size = 0;  // little endian
  for (std::size_t i = 8; i-- > 0;) {
    size = size << 8 | static_cast<unsigned char>(text[sign + 1 + i]);
  }
  field.begin = sign + 9;
  if (size > (std::uint64_t{1} << 40)) {  // no size
    field.name = 0;
  } else if (text.size() - field.begin <= size) {
    field.cut = true;
  } else {
    field.end = field.begin + static_cast<std::size_t>(size);
    field.next = field.end + 1;
    if (text[field.end] != '\n') field.name = 0;
  }
  return field;
}

std::size_t entry_end(std::string_view record, bool complete) {
  for (std::size_t at = 0; at < record.size();) {
    if (record[at] == '\n') return at == 0 ? npos : at + 1;
    const Field field = read_field(record, at);
    if (field.cut) return complete ? record.size() : 0;
    if (field.name == 0) return at == 0 ? npos : at;
    at = field.next;
  }
  return complete ? record.size() : 0;
}

// Fields become KEY=value with kFieldEnd between them, so that the parser gets text.
class JournalFramer final : public Framer {
 public:
  explicit JournalFramer(std::size_t longest) : inner_(make_block_framer(entry_end, longest)) {}

  std::optional<Frame> next(std::string_view data, std::size_t position, bool complete) override {
    return inner_->next(data, position, complete);
  }

  bool rewrite(std::string_view text, ByteBuffer& out) override {
    std::size_t at = 0;
    while (at < text.size()) {
      Field field = read_field(text, at);
      // The end of the last line is not part of a frame's text.
      if (field.name == 0 && !field.cut) return false;
      if (field.begin == 0) return at != 0;  // cut inside its name or size
      if (field.cut) field.end = field.next = text.size();
      if (at != 0) out.push(kFieldEnd);
      out.append(text.substr(at, field.name));
      out.push('=');
      for (const char c : text.substr(field.begin, field.end - field.begin)) {
        out.push(c == '\0' || c == kFieldEnd ? ' ' : c);
      }
      at = field.next;
    }
    return at != 0;
  }

 private:
  std::unique_ptr<Framer> inner_;
};

class JournalParser final : public LineParser {
 public:
  LineResult parse_line(std::string_view text, RowBuilder& row) override {
    row.begin();
    std::size_t fields = 0;
    while (!text.empty()) {
      const std::string_view field = text.substr(0, find(text, kFieldEnd));
      text.remove_prefix(std::min(text.size(), field.size() + 1));
      const std::size_t name = key_length(field);
      if (name == 0 || name == field.size() || field[name] != '=') return {Reject::NoMatch};
      row.field_text(field.substr(0, name), field.substr(name + 1));
      ++fields;
    }
    // One pair alone is an assignment in anybody's text.
    return {fields > 1 ? Reject::None : Reject::NoMatch};
  }
};

using Lines = std::vector<std::string_view>;

double share(std::size_t part, std::size_t all) noexcept {
  return all == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(all);
}

}  // namespace

Format jul_format() {
  Format format;
  format.name = "jul";
  format.description = "java.util.logging, two lines a record";
  format.rank = 70;
  format.multiline = true;
  format.make = [](const ParseOptions&) { return std::make_unique<JulParser>(); };
  format.make_framer = [](const ParseOptions& options, std::string_view) {
    return make_block_framer(
        [](std::string_view record, bool complete) {
          return jul_stamp(first_line(record)) == 0 ? npos
                                                    : ends_before(record, complete, jul_begins);
        },
        options.max_line_bytes);
  };
  format.detect = [](const Lines& lines) {
    std::size_t mine = 0;
    std::size_t records = 0;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (jul_stamp(lines[i]) == 0) continue;
      ++records;
      if (i + 1 == lines.size()) continue;
      const std::size_t colon = find(lines[i + 1], ':');
      if (colon != npos && header_level(lines[i + 1].substr(0, colon), false)) mine += 2;
    }
    return records == 0 ? 0.0 : std::min(1.0, share(mine, lines.size()));
  };
  return format;
}

Format mysql_slow_format() {
  Format format;
  format.name = "mysql_slow";
  format.description = "MySQL and MariaDB slow query log";
  format.rank = 84;
  format.make = [](const ParseOptions&) { return std::make_unique<SlowLogParser>(); };
  format.make_framer = [](const ParseOptions& options, std::string_view) {
    return make_block_framer(
        [](std::string_view record, bool complete) {
          const std::string_view line = first_line(record);
          return slow_time(line) || slow_user(line) ? ends_before(record, complete, slow_begins)
                                                    : npos;
        },
        options.max_line_bytes);
  };
  // Statements look like anything; the lines in front of them like nothing else.
  format.detect = [](const Lines& lines) {
    const bool any = std::any_of(lines.begin(), lines.end(), slow_user) &&
                     std::any_of(lines.begin(), lines.end(), [](std::string_view line) {
                       return line.starts_with("# Query_time: ");
                     });
    return any ? 1.0 : 0.0;
  };
  return format;
}

Format journal_export_format() {
  Format format;
  format.name = "journal_export";
  format.description = "journald's export format (journalctl -o export)";
  format.rank = 86;
  format.make = [](const ParseOptions&) { return std::make_unique<JournalParser>(); };
  format.make_framer = [](const ParseOptions& options, std::string_view) {
    return std::make_unique<JournalFramer>(options.max_line_bytes);
  };
  format.detect = [](const Lines& lines) {
    const auto known = [](std::string_view line) {
      return line.starts_with("__REALTIME_TIMESTAMP=") || line.starts_with("__CURSOR=");
    };
    return !lines.empty() && known(lines[0]) ? 1.0 : 0.0;
  };
  return format;
}

}  // namespace logforest::parse
