#include "logforest/parse/pattern_shape.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "logforest/parse/scan.hpp"

namespace logforest::parse {

using namespace scan;

namespace {

using Bytes = std::bitset<256>;

constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();
constexpr std::size_t kMaxCodePoint = 4;  // bytes of UTF-8
constexpr std::size_t kMaxRuns = 64;
constexpr std::size_t kMaxWays = 16;
constexpr std::size_t kMaxCount = 1000;  // RE2's own limit of {n}

Bytes single(char c) {
  Bytes out;
  return out.set(static_cast<unsigned char>(c));
}

Bytes range(char low, char high) {
  Bytes out;
  for (int c = static_cast<unsigned char>(low); c <= static_cast<unsigned char>(high); ++c)
    out.set(static_cast<std::size_t>(c));
  return out;
}

int hex_value(char c) noexcept { return is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10; }

bool beyond_ascii(char c) noexcept { return static_cast<unsigned char>(c) >= 0x80; }

// Whether the set has bytes of longer code points; then one of its members may be several bytes.
bool has_long(const Bytes& bytes) noexcept { return (bytes >> 128).any(); }

}  // namespace

// Reads one way from the left; every method gives nothing (or false) where it is not understood.
class PatternShape::Reader {
 public:
  // `room`: how many ways there may be instead of this one.
  Reader(std::string_view pattern, std::size_t room) : p_(pattern), room_(room) {}

  void read() {
    if (next_bar(0) != npos) {
      at_ = p_.size();
      return split(0, 0, p_.size(), Run{});
    }
    while (at_ < p_.size() && way.size() < kMaxRuns) {
      const char c = p_[at_];
      if (c == '(') {
        if (!open()) return;
      } else if (c == ')' || (c == '^' && way.empty())) {
        ++at_;  // no quantifier follows a bracket: open() saw to that
      } else {
        const std::optional<Bytes> bytes = member();
        if (!bytes) return;
        Run run{*bytes, 1, 1};
        if (!quantifier(run)) return;
        way.push_back(run);
      }
    }
  }

  // Quotes and flags: a quantifier behind them belongs to what stands before them.
  [[nodiscard]] bool unusual() const {
    if (p_.find("\\Q") != npos || p_.find("\\E") != npos) return true;
    const auto flags = [this](std::size_t at, int /*depth*/) {
      return p_.substr(at, 2) == "(?" && p_.substr(at, 3) != "(?:" && p_.substr(at, 4) != "(?P<";
    };
    return walk(0, flags) != npos;
  }

  Way way;
  std::vector<std::string> instead;  // patterns without the choice that was met, if there is room

 private:
  // The inside of a group that is there exactly once and has no alternatives is read as it stands.
  bool open() {
    const std::size_t begin = at_;
    std::size_t inside = at_ + 1;
    if (p_.substr(inside, 2) == "?:") {
      inside += 2;
    } else if (p_.substr(inside, 3) == "?P<") {
      inside = p_.find('>', inside);
      if (inside == npos) return false;
      ++inside;
    }
    const std::size_t close = group_end(inside);
    if (close == npos) return false;
    at_ = close + 1;
    Run times;
    if (!quantifier(times)) return false;
    const bool once = times.least == 1 && times.most == 1;
    if (once && next_bar(inside) == npos) {
      at_ = inside;
      return true;
    }
    // Only at the start: ways that begin alike would be looked at one after the other.
    if (way.empty()) split(begin, inside, close, times);
    return false;
  }

  // A pattern for each alternative of inside..close, and one for none of them where it is optional;
  // `at_` is behind the group that starts at `begin`.
  void split(std::size_t begin, std::size_t inside, std::size_t close, const Run& times) {
    constexpr std::string_view unknown = "\\b";  // what follows a repetition: maybe another
    const auto add = [&](std::string_view part, bool repeated) {
      std::string text(p_.substr(0, begin));
      text.append("(?:").append(part).append(")");
      if (repeated) text.append(unknown);
      instead.push_back(text.append(p_.substr(at_)));
    };
    for (std::size_t from = inside; from <= close && instead.size() <= room_;) {
      const std::size_t stop = std::min(next_bar(from), close);
      add(p_.substr(from, stop - from), times.most != 1);
      from = stop + 1;
    }
    if (times.least == 0) add({}, false);
    if (instead.size() > room_) instead.clear();
  }

  // Calls f(place) for each character outside of classes and escapes until it says true or the
  // group that `at` is in ends.
  template <class F>
  std::size_t walk(std::size_t at, F f) const {
    int depth = 0;
    for (; at < p_.size(); ++at) {
      const char c = p_[at];
      if (c == '\\') {
        ++at;
        continue;
      }
      if (c == '[') {
        at = class_end(at);
        if (at == npos) return npos;
        continue;
      }
      if (f(at, depth)) return at;
      if (c == '(') ++depth;
      if (c == ')' && --depth < 0) return npos;
    }
    return npos;
  }

  // The next '|' of the group that `from` is in.
  [[nodiscard]] std::size_t next_bar(std::size_t from) const {
    return walk(from, [this](std::size_t at, int depth) { return depth == 0 && p_[at] == '|'; });
  }

  [[nodiscard]] std::size_t group_end(std::size_t from) const {
    return walk(from, [this](std::size_t at, int depth) { return depth == 0 && p_[at] == ')'; });
  }

  // The ']' of the class that begins at `at`.
  [[nodiscard]] std::size_t class_end(std::size_t at) const {
    ++at;
    if (at < p_.size() && p_[at] == '^') ++at;
    if (at < p_.size() && p_[at] == ']') ++at;
    for (; at < p_.size() && p_[at] != ']'; ++at) {
      if (p_[at] == '\\') ++at;
      if (p_.substr(at, 2) == "[:") {
        at = p_.find(":]", at + 2);
        if (at == npos) return npos;
        ++at;
      }
    }
    return at < p_.size() ? at : npos;
  }

  static bool is_quantifier(char c) noexcept {
    return c == '*' || c == '+' || c == '?' || c == '{';
  }

  // One character or class; `at_` moves behind it.
  std::optional<Bytes> member() {
    const char c = p_[at_];
    if (c == '[') return char_class();
    if (c == '\\') return escape();
    if (c == '$' || c == '^' || c == '|' || is_quantifier(c) || beyond_ascii(c))
      return std::nullopt;
    ++at_;
    if (c == '.') return ~single('\n');
    return single(c);
  }

  std::optional<Bytes> escape() {
    if (at_ + 1 >= p_.size()) return std::nullopt;
    const char c = p_[at_ + 1];
    at_ += 2;
    const Bytes digits = range('0', '9');
    const Bytes words = digits | range('a', 'z') | range('A', 'Z') | single('_');
    const Bytes blanks = single('\t') | single('\n') | single('\f') | single('\r') | single(' ');
    switch (c) {
      case 'd':
        return digits;
      case 'D':
        return ~digits;
      case 'w':
        return words;
      case 'W':
        return ~words;
      case 's':
        return blanks;
      case 'S':
        return ~blanks;
      case 't':
        return single('\t');
      case 'n':
        return single('\n');
      case 'r':
        return single('\r');
      case 'x':  // two digits, of ASCII
        if (at_ + 1 >= p_.size() || p_[at_] > '7' || !is_hex(p_[at_]) || !is_hex(p_[at_ + 1]))
          return std::nullopt;
        at_ += 2;
        return single(static_cast<char>(hex_value(p_[at_ - 2]) * 16 + hex_value(p_[at_ - 1])));
      default:
        break;
    }
    if (is_alnum(c) || beyond_ascii(c)) return std::nullopt;  // \b, \pL, \x1b, ...
    return single(c);
  }

  std::optional<Bytes> char_class() {
    const std::size_t end = class_end(at_);
    if (end == npos) return std::nullopt;
    ++at_;
    const bool negated = p_[at_] == '^';
    if (negated) ++at_;
    Bytes out;
    for (bool first = true; first || at_ < end; first = false) {
      if (p_[at_] == '[' && p_.substr(at_, 2) == "[:") return std::nullopt;
      if (beyond_ascii(p_[at_])) return std::nullopt;
      if (p_[at_] == '\\') {
        const std::optional<Bytes> some = escape();
        if (!some) return std::nullopt;
        // "\.-z": rare enough not to be understood.
        if (at_ + 1 < end && p_[at_] == '-') return std::nullopt;
        out |= *some;
        continue;
      }
      const char low = p_[at_++];
      if (at_ + 1 < end && p_[at_] == '-') {
        const char high = p_[at_ + 1];
        if (high == '\\' || high == '[' || beyond_ascii(high)) return std::nullopt;
        at_ += 2;
        out |= range(low, high);
      } else {
        out |= single(low);
      }
    }
    at_ = end + 1;
    return negated ? ~out : out;
  }

  // How often what was read is there.
  bool quantifier(Run& run) {
    if (at_ < p_.size() && is_quantifier(p_[at_])) {
      const char c = p_[at_];
      if (c == '{') {
        if (!count(run)) return false;
      } else {
        ++at_;
        run.least = c == '+' ? 1 : 0;
        run.most = c == '?' ? 1 : kNoLimit;
      }
      if (at_ < p_.size() && p_[at_] == '?') ++at_;  // lazy
      if (at_ < p_.size() && is_quantifier(p_[at_])) return false;
    }
    if (has_long(run.bytes) && run.most != kNoLimit) run.most *= kMaxCodePoint;
    return true;
  }

  // "{2}", "{2,}", "{2,5}"
  bool count(Run& run) {
    const std::size_t close = p_.find('}', at_);
    if (close == npos) return false;
    const std::string_view inner = p_.substr(at_ + 1, close - at_ - 1);
    const std::size_t comma = inner.find(',');
    const auto least = to_int(inner.substr(0, comma));
    if (!least || *least < 0 || *least > static_cast<std::int64_t>(kMaxCount)) return false;
    run.least = run.most = static_cast<std::size_t>(*least);
    if (comma != npos) {
      const std::string_view upper = inner.substr(comma + 1);
      const auto most = to_int(upper);
      if (!upper.empty() && (!most || *most < *least || *most > std::int64_t{kMaxCount}))
        return false;
      run.most = upper.empty() ? kNoLimit : static_cast<std::size_t>(*most);
    }
    at_ = close + 1;
    return true;
  }

  std::string_view p_;
  std::size_t room_;
  std::size_t at_ = 0;
};

namespace {

// Where a run of variable length may go on into what follows it, only its beginning is known.
template <class Way>
void settle(Way& way) {
  for (std::size_t i = 0; i < way.size(); ++i) {
    if (way[i].least == way[i].most) continue;
    // What a run without limit may hold belongs to it: \S+\.log is at least five of \S.
    while (way[i].most == kNoLimit && i + 1 < way.size() &&
           (way[i + 1].bytes & ~way[i].bytes).none()) {
      way[i].least += way[i + 1].least;
      way.erase(way.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    }
    bool ends = false;
    for (std::size_t j = i + 1; j < way.size() && !ends; ++j) {
      if ((way[i].bytes & way[j].bytes).any()) break;
      ends = way[j].least > 0;
    }
    if (ends) continue;
    way.resize(i + 1);
    way[i].most = kNoLimit;
    return;
  }
}

}  // namespace

PatternShape::PatternShape(std::string_view pattern) {
  if (Reader(pattern, 0).unusual()) return;
  std::vector<std::string> left{std::string(pattern)};
  while (!left.empty()) {
    const std::string text = std::move(left.back());
    left.pop_back();
    Reader reader(text, kMaxWays - ways_.size() - left.size());
    reader.read();
    for (std::string& simpler : reader.instead) left.push_back(std::move(simpler));
    if (!reader.instead.empty()) continue;
    settle(reader.way);
    ways_.push_back(std::move(reader.way));
  }
}

bool PatternShape::possible(std::string_view text) const noexcept {
  const auto begins = [text](const Way& way) {
    const char* p = text.data();
    const char* const end = p + text.size();
    for (const Run& run : way) {
      const auto left = static_cast<std::size_t>(end - p);
      // A run of variable length is looked at as a whole, and one byte more shows that it ends.
      const std::size_t most =
          run.least == run.most || run.most == kNoLimit ? run.most : run.most + 1;
      const char* const begin = p;
      const char* const stop = p + std::min(left, most);
      while (p < stop && run.bytes[static_cast<unsigned char>(*p)]) ++p;
      const auto length = static_cast<std::size_t>(p - begin);
      if (length < run.least || length > run.most) return false;
    }
    return true;
  };
  return ways_.empty() || std::any_of(ways_.begin(), ways_.end(), begins);
}

std::bitset<256> PatternShape::first_bytes() const noexcept {
  std::bitset<256> out;
  for (const Way& way : ways_) {
    bool there = false;
    for (std::size_t i = 0; i < way.size() && !there; ++i) {
      out |= way[i].bytes;
      there = way[i].least > 0;
    }
    if (!there) return out.set();
  }
  return ways_.empty() ? out.set() : out;
}

}  // namespace logforest::parse
