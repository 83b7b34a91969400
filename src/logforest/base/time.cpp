// The hot forms: ISO 8601, the Common Log Format, RFC 3164, epochs. The rest is time_forms.cpp.
#include "logforest/base/time.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "logforest/base/hash.hpp"
#include "logforest/base/time_scan.hpp"

namespace logforest {

namespace time_scan {

int month_of(const char* p) noexcept {
  const auto key = (static_cast<unsigned>(static_cast<unsigned char>(p[0]) | 0x20U) << 16) |
                   (static_cast<unsigned>(static_cast<unsigned char>(p[1]) | 0x20U) << 8) |
                   (static_cast<unsigned char>(p[2]) | 0x20U);
  switch (key) {
    case 0x6a616e:
      return 1;  // jan
    case 0x666562:
      return 2;  // feb
    case 0x6d6172:
      return 3;  // mar
    case 0x617072:
      return 4;  // apr
    case 0x6d6179:
      return 5;  // may
    case 0x6a756e:
      return 6;  // jun
    case 0x6a756c:
      return 7;  // jul
    case 0x617567:
      return 8;  // aug
    case 0x736570:
      return 9;  // sep
    case 0x6f6374:
      return 10;  // oct
    case 0x6e6f76:
      return 11;  // nov
    case 0x646563:
      return 12;  // dec
    default:
      return 0;
  }
}

bool Cursor::clock(Clock& out) noexcept {
  const int h = two();
  if (h < 0 || h > 23 || !skip(':')) return false;
  const int m = two();
  if (m < 0 || m > 59) return false;
  out = {h, m, 0, 0};
  if (left() >= 3 && p[0] == ':' && is_digit(p[1]) && is_digit(p[2])) {
    ++p;
    out.second = two();
    if (out.second > 60) return false;
    out.micro = fraction();
    // hh:mm:ss:mmm
    if (left() >= 4 && p[0] == ':' && is_digit(p[1]) && is_digit(p[2]) && is_digit(p[3]) &&
        (left() == 4 || (!is_alpha(p[4]) && !is_digit(p[4]) && p[4] != ':' && p[4] != '.'))) {
      out.micro = (two_value(p + 1) * 10 + (p[3] - '0')) * 1000;
      p += 4;
    }
  }
  return true;
}

std::int32_t Cursor::fraction() noexcept {
  if (left() < 2 || (*p != '.' && *p != ',') || !is_digit(p[1])) return 0;
  ++p;
  std::int32_t value = 0;
  int digits = 0;
  for (; left() > 0 && is_digit(*p); ++p) {
    if (digits < 6) {
      value = value * 10 + (*p - '0');
      ++digits;
    }
  }
  for (; digits < 6; ++digits) value *= 10;
  return value;
}

std::optional<std::int32_t> Cursor::offset() noexcept {
  if (left() == 0) return std::nullopt;
  if (*p == 'Z' || *p == 'z') {
    // "Zebra" is a word, not a zone.
    if (left() > 1 && is_alpha(p[1])) return std::nullopt;
    ++p;
    return 0;
  }
  if (*p != '+' && *p != '-') return std::nullopt;
  if (left() < 3 || !is_digit(p[1]) || !is_digit(p[2])) return std::nullopt;
  const int sign = *p == '-' ? -1 : 1;
  const int hours = (p[1] - '0') * 10 + (p[2] - '0');
  int minutes = 0;
  const char* q = p + 3;
  if (q < end && *q == ':') ++q;
  if (end - q >= 2 && is_digit(q[0]) && is_digit(q[1])) {
    minutes = (q[0] - '0') * 10 + (q[1] - '0');
    q += 2;
  } else {
    q = p + 3;
  }
  if (hours > 23 || minutes > 59) return std::nullopt;
  p = q;
  return sign * (hours * 60 + minutes);
}

std::optional<std::int32_t> Cursor::named_zone() noexcept {
  struct Zone {
    std::string_view name;
    std::int32_t minutes;
  };
  // RFC 2822 section 4.3, and what only one zone is called; BST, IST and others are ambiguous and
  // not read.
  static constexpr Zone kZones[] = {
      {"UTC", 0},     {"GMT", 0},    {"UT", 0},     {"EST", -300}, {"EDT", -240}, {"CST", -360},
      {"CDT", -300},  {"MST", -420}, {"MDT", -360}, {"PST", -480}, {"PDT", -420}, {"CET", 60},
      {"CEST", 120},  {"EET", 120},  {"EEST", 180}, {"WET", 0},    {"WEST", 60},  {"MSK", 180},
      {"JST", 540},   {"KST", 540},  {"AEST", 600}, {"AEDT", 660}, {"NZST", 720}, {"NZDT", 780},
      {"AKST", -540}, {"AKDT", -480}};
  for (const Zone& zone : kZones) {
    const std::size_t n = zone.name.size();
    if (left() >= n && std::memcmp(p, zone.name.data(), n) == 0 &&
        (left() == n || !is_alpha(p[n]))) {
      p += n;
      if (auto more = offset()) return more;  // "GMT+0200"
      if (zone.minutes == 0 && left() >= 2 && (*p == '+' || *p == '-') && is_digit(p[1])) {
        const std::int32_t hours = (*p == '-' ? -60 : 60) * (p[1] - '0');  // "UTC+1"
        p += 2;
        return hours;
      }
      return zone.minutes;
    }
  }
  return std::nullopt;
}

std::optional<std::int32_t> Cursor::zone() noexcept {
  if (auto direct = offset()) return direct;
  const char* before = p;
  if (left() > 1 && *p == ' ') {
    ++p;
    if (auto spaced = offset()) return spaced;
    if (auto named = named_zone()) return named;
    p = before;
  } else if (auto named = named_zone()) {
    return named;
  }
  return std::nullopt;
}

std::optional<std::int64_t> recent_year(int month, int day, const Clock& clock,
                                        const TimeContext& context, std::int32_t zone) noexcept {
  const std::int64_t now_days = context.now_us / kDayUs - (context.now_us % kDayUs < 0 ? 1 : 0);
  const int now_year = year_of_days(now_days);
  std::optional<std::int64_t> best;
  // 29 February exists at least every eighth year (1896-1904, 2096-2104).
  const int reach = month == 2 && day == 29 ? 8 : 1;
  for (int year = now_year - reach; year <= now_year + 1; ++year) {
    if (!valid_date(year, month, day)) continue;
    const std::int64_t us = to_us(year, month, day, clock, zone);
    if (!best || us <= context.now_us + kAheadOfYearUs) best = us;
  }
  return best;
}

}  // namespace time_scan

using namespace time_scan;

namespace time_scan {

bool other_clock(Cursor& c, Clock& out) noexcept {
  Cursor at = c;
  const bool comma = at.skip(',');
  const char lead = at.left() > 0 ? *at.p : 0;
  // "2025-11-22,10:00:01": a comma alone only before a whole clock.
  const bool clock = comma && at.left() >= 8 && two_digits(at.p) && at.p[2] == ':' &&
                     two_digits(at.p + 3) && at.p[5] == ':' && two_digits(at.p + 6);
  if (!at.skip(' ') && !clock && (comma || (!at.skip('-') && !at.skip('_')))) return false;
  const char* hour_at = at.p;
  const int hour = at.number(2);
  if (hour < 0 || hour > 23 || at.left() < 6) return false;
  const char mark = *at.p;
  if (mark != ':' && (mark != '.' || at.p - hour_at != 2)) return false;
  ++at.p;
  const int minute = at.two();
  if (minute < 0 || minute > 59 || !at.skip(mark)) return false;
  const int second = at.two();
  if (second < 0 || second > 60) return false;
  // Four numbers behind a blank are an address.
  if (at.left() > 0 && mark == '.' && lead == ' ' && *at.p == '.') return false;
  std::int32_t micro = at.fraction();
  if (at.left() > 3 && *at.p == ':' && two_digits(at.p + 1) && is_digit(at.p[3])) {
    micro = (two_value(at.p + 1) * 10 + (at.p[3] - '0')) * 1000;
    at.p += 4;
  }
  if (at.left() > 0 && is_digit(*at.p)) return false;
  out = {hour, minute, second, micro};
  c = at;
  return true;
}

}  // namespace time_scan

std::optional<ParsedTime> parse_iso8601(std::string_view text,
                                        const TimeContext& context) noexcept {
  Cursor c(text);
  if (c.left() < 10) return std::nullopt;
  const char* p = c.p;
  if (!four_digits(p) || p[4] != '-' || !two_digits(p + 5) || p[7] != '-' || !two_digits(p + 8)) {
    return std::nullopt;
  }
  const int year = two_value(p) * 100 + two_value(p + 2);
  const int month = two_value(p + 5);
  const int day = two_value(p + 8);
  if (!valid_date(year, month, day)) return std::nullopt;
  c.p += 10;
  Clock clock{};
  std::int32_t zone = context.zone_minutes;
  if (c.left() >= 6 && (*c.p == 'T' || *c.p == ' ' || *c.p == 't' || *c.p == '_') &&
      two_digits(c.p + 1) && c.p[3] == ':') {
    ++c.p;
    if (!c.clock(clock)) return std::nullopt;
    if (c.left() > 0 && *c.p == 'Z' && (c.left() == 1 || !is_alpha(c.p[1]))) {
      ++c.p;
      zone = 0;
    } else if (c.left() > 0) {
      if (auto given = c.zone()) zone = *given;
    }
  } else if (c.left() > 0 && (*c.p == 'T' || is_digit(*c.p))) {
    return std::nullopt;
  } else if (c.left() > 7 && other_clock(c, clock)) {
    const bool minutes = c.left() > 3 && (*c.p == '+' || *c.p == '-') && two_digits(c.p + 1) &&
                         is_digit(c.p[3]) && (c.left() == 4 || !is_digit(c.p[4]));
    if (minutes) {  // DB2: "+060"
      const int value = two_value(c.p + 1) * 10 + (c.p[3] - '0');
      zone = *c.p == '-' ? -value : value;
      c.p += 4;
    } else {
      zone = c.zone().value_or(zone);
    }
  }
  return ParsedTime{to_us(year, month, day, clock, zone), c.consumed(text), false};
}

bool StampReader::load(const char* p) noexcept {
  if (!four_digits(p) || p[4] != '-' || !two_digits(p + 5) || p[7] != '-' || !two_digits(p + 8)) {
    return false;
  }
  const int year = two_value(p) * 100 + two_value(p + 2);
  const int month = two_value(p + 5);
  const int day = two_value(p + 8);
  if (!valid_date(year, month, day)) return false;
  head_ = load_le64(p);
  tail_ = load_le64(p + 2);
  midnight_us_ = to_us(year, month, day, {}, 0);
  return true;
}

bool StampReader::fast(std::string_view text, ParsedTime& out) noexcept {
  if (text.size() < 20 || text.size() > 35) return false;
  const char* p = text.data();
  const char* const end = p + text.size();
  if ((load_le64(p) != head_ || load_le64(p + 2) != tail_) && !load(p)) return false;
  if (p[10] != 'T' && p[10] != ' ') return false;
  // "hh:mm:ss" in one word: bytes 2 and 5 are colons, the others digits.
  constexpr std::uint64_t kLetters = 0x0000ff0000ff0000;
  const std::uint64_t word = load_le64(p + 11) ^ 0x30303a30303a3030;
  if ((word & (0xf0f0f0f0f0f0f0f0 | kLetters)) != 0) return false;
  if (((word + 0x0606060606060606) & 0xf0f0f0f0f0f0f0f0) != 0) return false;
  const std::uint64_t pairs = word * 10 + (word >> 8);
  const auto hour = static_cast<unsigned>(pairs & 0xff);
  const auto minute = static_cast<unsigned>((pairs >> 24) & 0xff);
  const auto second = static_cast<unsigned>((pairs >> 48) & 0xff);
  if (hour > 23 || minute > 59 || second > 60) return false;
  p += 19;
  std::int64_t micro = 0;
  if (*p == '.') {
    const char* const digits = ++p;
    for (; p < end && is_digit(*p); ++p) {
      if (p - digits < 6) micro = micro * 10 + (*p - '0');
    }
    if (p == digits || p == end) return false;
    static constexpr std::int64_t kScale[] = {1, 100'000, 10'000, 1'000, 100, 10, 1};
    micro *= kScale[std::min<std::ptrdiff_t>(p - digits, 6)];
  }
  std::int64_t zone = 0;
  if (*p == 'Z') {
    if (end - p != 1) return false;
  } else {
    if (end - p != 6 || (*p != '+' && *p != '-') || !two_digits(p + 1) || p[3] != ':' ||
        !two_digits(p + 4)) {
      return false;
    }
    const int hours = two_value(p + 1);
    const int minutes = two_value(p + 4);
    if (hours > 23 || minutes > 59) return false;
    zone = *p == '-' ? -(hours * 60 + minutes) : hours * 60 + minutes;
  }
  const std::int64_t seconds = static_cast<std::int64_t>(hour) * 3600 +
                               (static_cast<std::int64_t>(minute) - zone) * 60 + second;
  out = {midnight_us_ + seconds * kSecondUs + micro, static_cast<std::uint32_t>(text.size()),
         false};
  return true;
}

std::optional<ParsedTime> parse_clf_time(std::string_view text) noexcept {
  Cursor c(text);
  if (c.left() < 20) return std::nullopt;
  const char* p = c.p;
  const int day = p[0] == ' ' && is_digit(p[1]) ? p[1] - '0' : two_digits(p) ? two_value(p) : -1;
  if (p[2] != '/' || p[6] != '/' || p[11] != ':' || !four_digits(p + 7)) return std::nullopt;
  const int month = month_of(p + 3);
  const int year = two_value(p + 7) * 100 + two_value(p + 9);
  if (!valid_date(year, month, day)) return std::nullopt;
  c.p += 12;
  Clock clock{};
  if (!c.clock(clock) || c.consumed(text) < 20) return std::nullopt;  // hh:mm: no seconds
  const std::int32_t zone = c.zone().value_or(0);
  return ParsedTime{to_us(year, month, day, clock, zone), c.consumed(text), false};
}

std::optional<ParsedTime> parse_rfc3164_time(std::string_view text,
                                             const TimeContext& context) noexcept {
  Cursor c(text);
  if (c.left() < 8) return std::nullopt;
  const int month = month_of(c.p);
  if (month == 0 || c.p[3] != ' ') return std::nullopt;
  c.p += 4;
  c.skip(' ');
  const int day = c.number(2);
  if (day < 1 || day > 31 || !c.skip(' ')) return std::nullopt;
  int year = -1;
  if (c.left() >= 5 && four_digits(c.p) && c.p[4] == ' ') {  // Cisco: "Mon dd yyyy hh:mm:ss"
    year = c.number(4);
    c.skip(' ');
  }
  Clock clock{};
  if (!c.clock(clock)) return std::nullopt;
  if (year < 0 && c.left() >= 5 && *c.p == ' ' && four_digits(c.p + 1) &&
      (c.left() == 5 || c.p[5] == ' ')) {  // ctime: "Mon dd hh:mm:ss yyyy"
    const int behind = two_value(c.p + 1) * 100 + two_value(c.p + 3);
    if (behind >= 1970 && behind < 2100) {
      year = behind;
      c.p += 5;
    }
  }
  auto told = c.offset();
  // Cisco's "hh:mm:ss EST: ", RFC 3164's "hh:mm:ss CST 1987 host": any other capitals are a host.
  if (!told && c.left() > 4 && *c.p == ' ' && is_alpha(c.p[1]) && !(c.p[1] & 0x20)) {
    Cursor at = c;
    at.skip(' ');
    told = at.named_zone();
    const bool dated = told && year < 0 && at.left() > 5 && *at.p == ' ' && four_digits(at.p + 1) &&
                       at.p[5] == ' ';
    if (dated) {
      at.skip(' ');
      year = at.number(4);
    }
    if (dated || (told && at.left() > 1 && *at.p == ':' && at.p[1] == ' ')) {
      c.p = at.p;
    } else {
      told = std::nullopt;
    }
  }
  const std::int32_t zone = told.value_or(context.zone_minutes);
  if (year >= 0) {
    if (!valid_date(year, month, day)) return std::nullopt;
    return ParsedTime{to_us(year, month, day, clock, zone), c.consumed(text), false};
  }
  const auto us = recent_year(month, day, clock, context, zone);
  if (!us) return std::nullopt;
  return ParsedTime{*us, c.consumed(text), false};
}

std::optional<std::int64_t> epoch_to_us(std::int64_t value) noexcept {
  if (value < 100'000'000) return std::nullopt;  // before March 1973: an uptime, not a date
  if (value < 100'000'000'000) return value * 1'000'000;
  if (value < 100'000'000'000'000) return value * 1'000;
  if (value < 100'000'000'000'000'000) return value;
  return value / 1'000;
}

std::optional<std::int64_t> epoch_to_us(double value) noexcept {
  if (!(value >= 1e8) || !(value < 9e18)) return std::nullopt;
  double scale = 1e6;
  if (value >= 1e17) {
    scale = 1e-3;
  } else if (value >= 1e14) {
    scale = 1;
  } else if (value >= 1e11) {
    scale = 1e3;
  }
  return static_cast<std::int64_t>(std::llround(value * scale));
}

}  // namespace logforest
