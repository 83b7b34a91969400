#include <array>
#include <charconv>
#include <cstring>

#include "logforest/base/utf8.hpp"
#include "logforest/parse/row_builder.hpp"
#include "logforest/parse/scan.hpp"
#include "logforest/parse/scan_padded.hpp"
#include "logforest/parse/structured_data.hpp"
#include "logforest/parse/syslog.hpp"

namespace logforest::parse {

using namespace scan;

Priority read_priority(std::string_view line) noexcept {
  if (line.size() < 3 || line[0] != '<' || !is_digit(line[1])) return {};
  int value = line[1] - '0';
  std::size_t at = 2;
  if (value != 0) {
    for (; at < line.size() && at < 4 && is_digit(line[at]); ++at)
      value = value * 10 + line[at] - '0';
  }
  if (at >= line.size() || line[at] != '>' || value > 191) return {};
  return {value, at + 1};
}

bool Rfc3339Clock::load(const char* p) noexcept {
  const int high = two_digits(p);
  const int low = two_digits(p + 2);
  const int month = two_digits(p + 5);
  const int day = two_digits(p + 8);
  const int year = high * 100 + low;
  if (high < 0 || low < 0 || p[4] != '-' || p[7] != '-' || !valid_date(year, month, day)) {
    return false;
  }
  midnight_us_ = days_from_civil(year, static_cast<unsigned>(month), static_cast<unsigned>(day)) *
                 86'400'000'000;
  std::memcpy(date_, p, sizeof date_);
  return true;
}

bool Rfc3339Clock::read(std::string_view text, std::int64_t& us) noexcept {
  if (text.size() < 20 || text[10] != 'T') return false;
  const char* p = text.data();
  if (std::memcmp(p, date_, sizeof date_) != 0 && !load(p)) return false;
  const int seconds = clock_seconds(p + 11);
  if (seconds < 0 || p[17] == '6') return false;
  std::int64_t at = midnight_us_ + seconds * std::int64_t{1'000'000};
  if (text.size() == 27 && p[19] == '.' && p[26] == 'Z') {  // microseconds: the usual form
    const int high = two_digits(p + 20);
    const int middle = two_digits(p + 22);
    const int low = two_digits(p + 24);
    us = at + std::int64_t{high} * 10'000 + std::int64_t{middle} * 100 + low;
    return high >= 0 && middle >= 0 && low >= 0;
  }
  std::size_t i = 19;
  if (text[i] == '.') {
    std::int64_t unit = 100'000;
    const std::size_t first = ++i;
    for (; i < text.size() && is_digit(text[i]); ++i, unit /= 10) at += (text[i] - '0') * unit;
    if (i == first || i - first > 6) return false;
  }
  if (i >= text.size()) return false;
  if (text[i] == 'Z') {
    us = at;
    return i + 1 == text.size();
  }
  if (i + 6 != text.size() || (text[i] != '+' && text[i] != '-') || text[i + 3] != ':')
    return false;
  const int h = two_digits(p + i + 1);
  const int m = two_digits(p + i + 4);
  if (h < 0 || m < 0 || h > 23 || m > 59) return false;
  const std::int64_t offset = (h * 60 + m) * std::int64_t{60'000'000};
  us = text[i] == '+' ? at - offset : at + offset;
  return true;
}

namespace {

struct Header {
  int priority = 0;
  int version = 0;
  bool has_time = false;
  std::int64_t timestamp_us = 0;
  std::string_view host, app, procid, msgid;  // empty: NILVALUE
};

// 1*limit PRINTUSASCII up to the next blank, which is read too. NILVALUE gives an empty view.
bool header_word(const char*& p, const char* end, std::size_t limit,
                 std::string_view& out) noexcept {
  const char* const begin = p;
  p = first_of(p, end, not_graph);
  const auto n = static_cast<std::size_t>(p - begin);
  if (n == 0 || n > limit || p == end || *p != ' ') return false;
  out = {begin, n == 1 && *begin == '-' ? 0 : n};
  ++p;
  return true;
}

// Everything up to STRUCTURED-DATA, where `p` is afterwards.
Reject scan_header(std::string_view line, Rfc3339Clock& clock, Header& out,
                   const char*& p) noexcept {
  const Priority priority = read_priority(line);
  if (priority.value < 0)
    return line.empty() || line[0] != '<' ? Reject::NoMatch : Reject::InvalidHeader;
  out.priority = priority.value;
  const char* const end = line.data() + line.size();
  p = line.data() + priority.length;
  // VERSION = NONZERO-DIGIT 0*2DIGIT
  if (p >= end || !is_digit(*p) || *p == '0') return Reject::InvalidHeader;
  out.version = *p++ - '0';
  for (int more = 0; more < 2 && p < end && is_digit(*p); ++more)
    out.version = out.version * 10 + *p++ - '0';
  if (p >= end || *p != ' ') return Reject::InvalidHeader;
  ++p;
  std::string_view stamp;
  if (!header_word(p, end, 32, stamp)) return Reject::InvalidHeader;
  out.has_time = !stamp.empty();
  if (out.has_time && !clock.read(stamp, out.timestamp_us)) return Reject::InvalidHeader;
  const bool words = header_word(p, end, 255, out.host) && header_word(p, end, 48, out.app) &&
                     header_word(p, end, 128, out.procid) && header_word(p, end, 32, out.msgid);
  return words && p < end ? Reject::None : Reject::InvalidHeader;
}

class Syslog5424Parser final : public LineParser {
 public:
  LineResult parse_line(std::string_view line, RowBuilder& row) override {
    Header f;
    const char* p = nullptr;
    const Reject why = scan_header(line, clock_, f, p);
    if (why != Reject::None) return {why};
    row.begin();
    write_header(f, row);
    const char* const end = line.data() + line.size();
    if (*p == '-') {
      ++p;
    } else if (*p != '[' || !structured_.write(p, end, row)) {
      return {Reject::InvalidHeader};
    }
    std::string_view message;
    if (p < end) {
      if (*p != ' ') return {Reject::InvalidHeader};
      message = {p + 1, static_cast<std::size_t>(end - p) - 1};
      if (message.starts_with("\xef\xbb\xbf")) {
        message.remove_prefix(3);
        if (!valid_utf8(message)) return {Reject::InvalidUtf8};
      }
    }
    if (f.has_time) row.timestamp(f.timestamp_us);
    row.level(level_from_syslog(static_cast<unsigned>(f.priority & 7)));
    if (!f.host.empty()) row.source(f.host);
    if (!f.app.empty()) row.service(f.app);
    row.message(message, Padded{});
    return {};
  }

  [[nodiscard]] bool demands_utf8(std::string_view line) const noexcept override {
    return marked_utf8(line);
  }

 private:
  static void write_header(const Header& f, RowBuilder& row) {
    char* p = row.meta_room(6 * (f.procid.size() + f.msgid.size()) + 128);
    p = write_priority(p, f.priority);
    if (f.version != 1) [[unlikely]] {
      p = literal(p, R"("version":)");
      p = std::to_chars(p, p + 4, f.version).ptr;
      *p++ = ',';
    }
    if (!f.procid.empty()) p = write_member(p, R"("procid":")", f.procid);
    if (!f.msgid.empty()) p = write_member(p, R"("msgid":")", f.msgid);
    row.meta_wrote(p);
  }

  Rfc3339Clock clock_;
  StructuredData structured_;
};

// "facility":F,"severity":S, of every priority.
struct PriorityJson {
  std::array<char, 31> text{};
  std::uint8_t size = 0;
};
constexpr std::array<PriorityJson, 192> priorities() noexcept {
  std::array<PriorityJson, 192> out{};
  for (unsigned priority = 0; priority < 192; ++priority) {
    PriorityJson& json = out[priority];
    const auto put = [&json](std::string_view text) {
      for (const char c : text) json.text[json.size++] = c;
    };
    const unsigned facility = priority >> 3;
    put(R"("facility":)");
    if (facility >= 10) json.text[json.size++] = static_cast<char>('0' + facility / 10);
    json.text[json.size++] = static_cast<char>('0' + facility % 10);
    put(R"(,"severity":)");
    json.text[json.size++] = static_cast<char>('0' + (priority & 7));
    put(",");
  }
  return out;
}
constexpr std::array<PriorityJson, 192> kPriorities = priorities();

}  // namespace

bool marked_utf8(std::string_view line) noexcept {
  return !line.empty() && line[0] == '<' && line.find(" \xef\xbb\xbf") != npos;
}

char* write_priority(char* to, int priority) noexcept {
  const PriorityJson& json = kPriorities[static_cast<std::size_t>(priority)];
  std::memcpy(to, json.text.data(), sizeof json.text);
  return to + json.size;
}

std::unique_ptr<LineParser> make_syslog5424_parser() {
  return std::make_unique<Syslog5424Parser>();
}

}  // namespace logforest::parse
