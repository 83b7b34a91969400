#include "logforest/templates/scanner.hpp"

#include <algorithm>
#include <cstring>

#include "logforest/base/hash.hpp"

namespace logforest::templates {

namespace {

enum Class : std::uint32_t {
  kWord = 1U << 0,
  kDigit = 1U << 1,
  kUpper = 1U << 2,
  kNotHex = 1U << 3,
  kDot = 1U << 4,
  kSlash = 1U << 5,
  kBackslash = 1U << 6,
  kNotHost = 1U << 7,
  kDelimiter = 1U << 8,
  kEnd = 1U << 9,  // . ! ? at the end of a word belong to the sentence
};

constexpr std::array<std::uint16_t, 256> make_classes() {
  std::array<std::uint16_t, 256> table{};
  for (unsigned c = 0x21; c < 256; ++c) {
    if (c == 0x7f) continue;
    std::uint32_t f = kWord;
    const bool digit = c >= '0' && c <= '9';
    const bool upper = c >= 'A' && c <= 'Z';
    const bool lower = c >= 'a' && c <= 'z';
    if (digit) f |= kDigit;
    if (upper) f |= kUpper;
    if (!(digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))) f |= kNotHex;
    if (!(digit || upper || lower || c == '.' || c == '-' || c == '_')) f |= kNotHost;
    if (c == '.') f |= kDot | kEnd;
    if (c == '!' || c == '?') f |= kEnd;
    if (c == '/') f |= kSlash;
    if (c == '\\') f |= kBackslash;
    table[c] = static_cast<std::uint16_t>(f);
  }
  for (const char c : std::string_view("=()[]{},;:\"'<>|")) {
    table[static_cast<unsigned char>(c)] = kDelimiter;
  }
  table[static_cast<unsigned char>(kUserMask)] = kWord | kDigit | kNotHex;
  return table;
}
constexpr auto kClasses = make_classes();

std::uint32_t class_of(char c) noexcept { return kClasses[static_cast<unsigned char>(c)]; }
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_upper(char c) noexcept { return c >= 'A' && c <= 'Z'; }
std::string_view text(const char* p, const char* q) noexcept {
  return {p, static_cast<std::size_t>(q - p)};
}

bool one_of(std::string_view s, std::initializer_list<std::string_view> set) noexcept {
  return std::find(set.begin(), set.end(), s) != set.end();
}

bool unit(std::string_view s) noexcept {
  if (s.size() > 7) return false;
  switch (s[0]) {
    case 'B':
      return s.size() == 1;
    case 'K':
    case 'M':
    case 'G':
    case 'T':
    case 'P':
    case 'k':
      return one_of(s,
                    {"KB", "MB", "GB", "TB", "PB", "kB",  "KiB", "MiB", "GiB", "TiB", "PiB", "kb",
                     "K",  "M",  "G",  "T",  "k",  "kHz", "MHz", "GHz", "Kb",  "Mb",  "Gb"});
    case 'H':
      return s == "Hz";
    case 'b':
      return one_of(s, {"b", "byte", "bytes", "bit", "bits"});
    case 's':
      return one_of(s, {"s", "sec", "secs", "second", "seconds"});
    case 'm':
      return one_of(s, {"ms", "msec", "msecs", "min", "mins", "minute", "minutes"});
    case 'u':
      return one_of(s, {"us", "usec", "usecs"});
    case 'n':
      return one_of(s, {"ns", "nsec", "nsecs"});
    case 'h':
      return one_of(s, {"h", "hour", "hours"});
    case 'd':
      return one_of(s, {"day", "days"});
    default:
      return false;
  }
}

bool truth_word(std::string_view s) noexcept {
  return one_of(s, {"true", "false", "null", "none", "nil", "True", "False", "None", "NULL", "TRUE",
                    "FALSE"});
}

bool boolean(std::string_view s) noexcept {
  return one_of(s, {"true", "false", "True", "False", "TRUE", "FALSE"});
}

enum class Calendar : std::uint8_t { None, Weekday, Month };

Calendar calendar(std::string_view s) noexcept {
  if (s.size() < 3 || s.size() > 9 || !is_upper(s[0])) return Calendar::None;
  constexpr std::string_view months[] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
  constexpr std::string_view days[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                       "Friday", "Saturday", "Sunday"};
  const auto matches = [s](std::string_view full) {
    return s == full || (s.size() == 3 && full.starts_with(s));
  };
  for (const auto m : months) {
    if (matches(m)) return Calendar::Month;
  }
  for (const auto d : days) {
    if (matches(d)) return Calendar::Weekday;
  }
  return Calendar::None;
}

// A host name by its last label: a general top-level domain, or two letters below two more labels.
bool domain(std::string_view s) noexcept {
  const std::size_t dot = s.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return false;
  const std::string_view last = s.substr(dot + 1);
  if (one_of(last, {"com", "net", "org", "edu", "gov", "mil", "info", "local", "lan", "internal",
                    "arpa", "localdomain"})) {
    return s.find("..") == std::string_view::npos;
  }
  const bool letters =
      last.size() == 2 && last[0] >= 'a' && last[0] <= 'z' && last[1] >= 'a' && last[1] <= 'z';
  return letters && s.rfind('.', dot - 1) != std::string_view::npos;
}

bool path(std::string_view s) noexcept {
  if (s.size() < 2) return false;
  const auto slashes = std::count(s.begin(), s.end(), '/');
  return s[0] == '/' || s[0] == '.' || s[0] == '~' || slashes >= 2 ||
         (slashes == 1 && s.find('.') != std::string_view::npos);
}

// What masking left: <EMAIL>, <CARD:3f9a>, and <*> of a template. Returns its end or nullptr.
const char* placeholder(const char* p, const char* end) noexcept {
  const char* q = p + 1;
  if (q == end || !(is_upper(*q) || *q == '*')) return nullptr;
  while (q < end && q - p < 32 && (is_upper(*q) || *q == '_' || *q == '*')) ++q;
  if (q < end && *q == ':') {
    ++q;
    while (q < end && q - p < 32 && (class_of(*q) & (kNotHex | kDelimiter)) == 0) ++q;
  }
  return q < end && *q == '>' ? q + 1 : nullptr;
}

// "/cart?id=3&to=b", also behind a port: the end of the query, if the word [p, q) in front of its
// first '=' is a path with a '?', else q.
const char* query_end(const char* p, const char* q, const char* end) noexcept {
  const std::string_view head = text(p, q);
  if (head.find('?', head.find('/')) == std::string_view::npos) return q;
  const char* r = q;
  while (r < end &&
         (*r == '=' || *r == ':' || *r == ';' || *r == ',' || (class_of(*r) & kWord) != 0)) {
    ++r;
  }
  while (r[-1] == ',' || r[-1] == ';' || r[-1] == ':') --r;
  return r;
}

bool windows_path(std::string_view s) noexcept {
  return s.size() > 1 && (s[0] == '\\' || std::count(s.begin(), s.end(), '\\') >= 2);
}

}  // namespace

void Scanner::push(std::uint64_t hash, const char* p, const char* q, Kind kind) noexcept {
  if (size_ > kMaxTokens) return;
  tokens_[size_++] = {hash, static_cast<std::uint32_t>(p - base_),
                      static_cast<std::uint32_t>(q - base_), kind};
}

void Scanner::emit_wildcard(const char* p, const char* q) noexcept {
  if (spans_ != nullptr) {
    spans_->push_back(
        {static_cast<std::uint32_t>(p - base_), static_cast<std::uint32_t>(q - base_)});
  }
  if (is_digit(*p) || is_digit(q[-1])) number_end_ = q;
  if (size_ > 0 && tokens_[size_ - 1].kind == Kind::Wildcard) {
    tokens_[size_ - 1].end = static_cast<std::uint32_t>(q - base_);
    return;
  }
  // "a, b" and "a:b" and "a - b" of two wildcards are one.
  if (size_ > 1 && tokens_[size_ - 2].kind == Kind::Wildcard) {
    const Token& t = tokens_[size_ - 1];
    const char c = base_[t.begin];
    if (t.end - t.begin == 1 && (c == ',' || c == ':' || c == '-' || c == '.' || c == '/')) {
      if (spans_ != nullptr) spans_->push_back({t.begin, t.end});
      --size_;
      tokens_[size_ - 1].end = static_cast<std::uint32_t>(q - base_);
      return;
    }
  }
  push(kWildcardHash, p, q, Kind::Wildcard);
}

void Scanner::emit_word(const char* p, const char* q) noexcept {
  in_date_ = false;
  push(hash_bytes(text(p, q)), p, q, Kind::Word);
}

void Scanner::emit_delimiter(const char* p) noexcept {
  const char c = *p;
  if ((c == ')' || c == ']') && size_ > 0) {
    const char open = c == ')' ? '(' : '[';
    if (delimiter_at(size_ - 1, open)) {
      --size_;
      return;
    }
    if (size_ > 2 && tokens_[size_ - 1].kind == Kind::Wildcard && delimiter_at(size_ - 2, open)) {
      size_ -= 2;
      return;
    }
  }
  push(mix64(0x9d39247e33776d41ULL ^ static_cast<unsigned char>(c)), p, p + 1, Kind::Delimiter);
}

const char* Scanner::delimiter(const char* p) noexcept {
  if (*p == '<') {
    if (const char* q = placeholder(p, end_); q != nullptr) {
      emit_wildcard(p, q);
      return q;
    }
  }
  // "<1 sec": a comparison is part of its number, "<12>" is not one.
  if ((*p == '<' || *p == '>') && (masks_ & kMaskQuantity) != 0 && p + 1 < end_ && is_digit(p[1])) {
    const char* q = p + 1;
    while (q < end_ && (is_digit(*q) || *q == '.')) ++q;
    if (q == end_ || *q != '>') return p + 1;
  }
  emit_delimiter(p);
  return p + 1;
}

// host:port, MAC and IPv6 addresses, drive letters: shapes that reach across a colon.
// Returns the end of what was emitted, or nullptr.
const char* Scanner::address(const char* p, const char* q, std::uint32_t seen) noexcept {
  const auto is_word = [this](const char* s) { return s < end_ && (class_of(*s) & kWord) != 0; };
  if ((masks_ & kMaskPath) != 0 && q - p == 1 && q + 1 < end_ && q[1] == '\\') {
    const char* r = q + 1;
    while (is_word(r)) ++r;
    emit_wildcard(p, r);
    return r;
  }
  if ((masks_ & kMaskHost) == 0) return nullptr;
  if (q - p <= 4 && (seen & kNotHex) == 0) {
    int colons = 0;
    const char* r = q;
    while (r < end_ && *r == ':') {
      const char* s = r + 1;
      while (s < end_ && s - r <= 4 && class_of(*s) != 0 &&
             (class_of(*s) & (kNotHex | kDelimiter)) == 0)
        ++s;
      if (s == r + 1 && !(s < end_ && *s == ':')) break;
      ++colons;
      r = s;
    }
    if (colons >= 3 && !is_word(r)) {
      emit_wildcard(p, r);
      return r;
    }
  }
  if ((seen & (kDot | kNotHost)) == kDot && q + 1 < end_ && is_digit(q[1])) {
    const char* r = q + 1;
    while (r < end_ && is_digit(*r)) ++r;
    if (!is_word(r)) {
      emit_wildcard(p, r);
      number_end_ = r;
      return r;
    }
  }
  return nullptr;
}

bool Scanner::date_word(const char* p, const char* q) noexcept {
  const char* next = q;
  while (next < end_ && (*next == ' ' || *next == ',')) ++next;
  const bool number_next = next < end_ && next != q && is_digit(*next);
  const bool wildcard_before = size_ > 0 && tokens_[size_ - 1].kind == Kind::Wildcard;
  switch (calendar(text(p, q))) {
    case Calendar::Weekday: {
      const char* r = next;
      while (r < end_ && (class_of(*r) & kWord) != 0) ++r;
      if (!number_next && (next == q || calendar(text(next, r)) != Calendar::Month)) return false;
      break;
    }
    case Calendar::Month:
      if (!number_next && !(wildcard_before && p - base_ > 0 &&
                            tokens_[size_ - 1].end + 2 >= static_cast<std::uint32_t>(p - base_))) {
        return false;
      }
      break;
    case Calendar::None:  // a time zone between time and year
      if (!in_date_ || !wildcard_before || !number_next || q - p < 3 || q - p > 4 ||
          !std::all_of(p, q, is_upper)) {
        return false;
      }
      break;
  }
  emit_wildcard(p, q);
  in_date_ = true;
  return true;
}

// "key.........value": a leader of dots separates two words.
void Scanner::split_leader(const char* p, const char* q) noexcept {
  const std::string_view s = text(p, q);
  const std::size_t at = s.find("...");
  const char* left = p + at;
  const char* right = left;
  while (right < q && *right == '.') ++right;
  const auto part = [this](const char* b, const char* e) {
    if (b == e) return;
    std::uint32_t seen = 0;
    for (const char* c = b; c < e; ++c) seen |= class_of(*c);
    word(b, e, seen);
  };
  part(p, left);
  if (right < q && left > p) emit_word(left, left + 1);
  part(right, q);
}

void Scanner::plain_word(const char* p, const char* q, std::uint32_t seen) noexcept {
  if ((seen & kEnd) != 0) {
    while (q > p && (class_of(q[-1]) & kEnd) != 0) --q;
    if (q == p) return;
    if ((masks_ & kMaskHost) != 0 && (seen & (kDot | kNotHost)) == kDot && domain(text(p, q))) {
      emit_wildcard(p, q);
      return;
    }
  }
  if (size_ > 0) {
    const Token& last = tokens_[size_ - 1];
    const std::size_t length = static_cast<std::size_t>(q - p);
    if (last.kind == Kind::Wildcard && (masks_ & kMaskQuantity) != 0 && number_end_ != nullptr &&
        p == number_end_ + 1 && unit(text(p, q))) {
      tokens_[size_ - 1].end = static_cast<std::uint32_t>(q - base_);
      return;
    }
    const bool assigned = last.kind == Kind::Delimiter &&
                          (delimiter_at(size_ - 1, '=') || delimiter_at(size_ - 1, ':'));
    if ((masks_ & kMaskBoolean) != 0 && length >= 3 && length <= 5 &&
        (assigned ? truth_word(text(p, q)) : boolean(text(p, q)))) {
      emit_wildcard(p, q);
      return;
    }
  }
  if ((masks_ & kMaskHost) != 0 && text(p, q) == "localhost") {
    emit_wildcard(p, q);
    return;
  }
  if ((seen & kUpper) != 0 && (masks_ & kMaskDate) != 0 && is_upper(*p) && q - p >= 3 &&
      q - p <= 9 && date_word(p, q)) {
    return;
  }
  if ((seen & kNotHex) == 0 && (masks_ & kMaskHex) != 0 && q - p >= 8) {
    emit_wildcard(p, q);
    return;
  }
  emit_word(p, q);
}

void Scanner::word(const char* p, const char* q, std::uint32_t seen) noexcept {
  if ((seen & kDot) != 0 && q - p > 3 && text(p, q).find("...") != std::string_view::npos) {
    split_leader(p, q);
    return;
  }
  if ((seen & kDigit) != 0) {
    const char* end = q;
    while (end > p + 1 && (class_of(end[-1]) & kEnd) != 0) --end;
    emit_wildcard(p, end);
    return;
  }
  if ((masks_ & kMaskPath) != 0 && (seen & (kSlash | kBackslash)) != 0 &&
      (((seen & kSlash) != 0 && path(text(p, q))) ||
       ((seen & kBackslash) != 0 && windows_path(text(p, q))))) {
    emit_wildcard(p, q);
    return;
  }
  plain_word(p, q, seen);
}

std::int64_t Scanner::scan(std::string_view message) noexcept {
  base_ = message.data();
  end_ = base_ + std::min(message.size(), kMaxScanBytes);
  size_ = 0;
  in_date_ = false;
  number_end_ = nullptr;
  const char* p = base_;
  while (p < end_ && size_ < kMaxTokens) {
    const std::uint32_t first = class_of(*p);
    if (first == 0) {
      ++p;
    } else if (first == kDelimiter) {
      p = delimiter(p);
    } else {
      const char* q = p;
      std::uint32_t seen = 0;
      do {
        seen |= class_of(*q);
        ++q;
      } while (q < end_ && (class_of(*q) & kWord) != 0);
      if (q < end_ && *q == '=' && (seen & kSlash) != 0 && (masks_ & kMaskPath) != 0) {
        q = query_end(p, q, end_);
      }
      const char* across = nullptr;
      if (q < end_ && *q == ':') across = address(p, q, seen);
      if (across == nullptr) {
        word(p, q, seen);
        across = q;
      }
      p = across;
    }
  }
  if (p < end_ || message.size() > kMaxScanBytes) {
    emit_wildcard(p < end_ ? p : end_ - 1, end_);
  }
  std::uint64_t h = size_;
  for (std::size_t i = 0; i < size_; ++i) {
    const auto m = static_cast<unsigned __int128>(h ^ tokens_[i].hash) * 0x9e3779b97f4a7c15ULL;
    h = static_cast<std::uint64_t>(m) ^ static_cast<std::uint64_t>(m >> 64) ^ (h << 7);
  }
  return static_cast<std::int64_t>(mix64(h) >> 11);
}

std::int64_t Scanner::scan_with_spans(std::string_view message, std::vector<Span>& masked) {
  masked.clear();
  masked.reserve(kMaxTokens);
  spans_ = &masked;
  const std::int64_t fingerprint = scan(message);
  spans_ = nullptr;
  return fingerprint;
}

}  // namespace logforest::templates
