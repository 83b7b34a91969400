#include "logforest/parse/pattern_shape.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "logforest/parse/scan.hpp"

namespace logforest::parse {

using namespace scan;

namespace {

using Bytes = std::bitset<256>;

constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();
constexpr std::size_t kMaxCodePoint = 4;  // bytes of UTF-8
constexpr std::size_t kMaxRuns = 64;
constexpr int kMaxDepth = 8;
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

bool beyond_ascii(char c) noexcept { return static_cast<unsigned char>(c) >= 0x80; }

// Whether the set has bytes of longer code points; then one of its members may be several bytes.
bool has_long(const Bytes& bytes) noexcept { return (bytes >> 128).any(); }

}  // namespace

// Reads the syntax from the left; every method gives nothing (or false) where it is not understood.
class PatternShape::Reader {
 public:
  Reader(std::string_view pattern, int depth, std::vector<Run>& runs)
      : p_(pattern), depth_(depth), runs_(runs) {}

  void read() {
    if (depth_ > kMaxDepth || next_bar(0) != npos || (depth_ == 0 && unusual())) return;
    if (at_ < p_.size() && p_[at_] == '^') ++at_;
    while (at_ < p_.size() && runs_.size() < kMaxRuns) {
      if (p_[at_] == '(') {
        if (!open()) return;
      } else if (p_[at_] == ')') {
        ++at_;  // no quantifier follows: open() saw to that
      } else {
        const std::optional<Bytes> bytes = member();
        if (!bytes) return;
        Run run{*bytes, 1, 1};
        if (!quantifier(run)) return;
        runs_.push_back(run);
      }
    }
  }

 private:
  // Quotes and flags: a quantifier behind them belongs to what stands before them.
  [[nodiscard]] bool unusual() const {
    if (p_.find("\\Q") != npos || p_.find("\\E") != npos) return true;
    const auto flags = [this](std::size_t at, int /*depth*/) {
      return p_.substr(at, 2) == "(?" && p_.substr(at, 3) != "(?:" && p_.substr(at, 4) != "(?P<";
    };
    return walk(0, flags) != npos;
  }

  // The inside of a group that is there exactly once and has no alternatives is read as it stands.
  bool open() {
    std::size_t inside = at_ + 1;
    if (p_.substr(inside, 2) == "?:") {
      inside += 2;
    } else if (p_.substr(inside, 3) == "?P<") {
      inside = p_.find('>', inside);
      if (inside == npos) return false;
      ++inside;
    } else if (p_.substr(inside, 1) == "?") {
      return false;  // flags
    }
    const std::size_t close = group_end(inside);
    if (close == npos) return false;
    if (next_bar(inside) != npos || (close + 1 < p_.size() && is_quantifier(p_[close + 1]))) {
      choice(inside, close);
      return false;
    }
    at_ = inside;
    return true;
  }

  // Of any other group only the first byte is known: its own or, if it may be empty, that of what
  // follows.
  void choice(std::size_t inside, std::size_t close) {
    Run run{{}, 1, kNoLimit};
    for (std::size_t from = inside; from <= close;) {
      const std::size_t end = std::min(next_bar(from), close);
      run.bytes |= PatternShape(p_.substr(from, end - from), depth_ + 1).first_bytes();
      from = end + 1;
    }
    at_ = close + 1;
    Run times;
    if (!quantifier(times)) return;
    if (times.least == 0) run.bytes |= PatternShape(p_.substr(at_), depth_ + 1).first_bytes();
    if (!run.bytes.all()) runs_.push_back(run);  // all: perhaps there is nothing
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
  int depth_;
  std::vector<Run>& runs_;
  std::size_t at_ = 0;
};

PatternShape::PatternShape(std::string_view pattern) : PatternShape(pattern, 0) {}

PatternShape::PatternShape(std::string_view pattern, int depth) {
  Reader(pattern, depth, runs_).read();
  settle();
}

// Where a run of variable length may go on into what follows it, only its beginning is known.
void PatternShape::settle() {
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    if (runs_[i].least == runs_[i].most) continue;
    bool ends = false;
    for (std::size_t j = i + 1; j < runs_.size() && !ends; ++j) {
      if ((runs_[i].bytes & runs_[j].bytes).any()) break;
      ends = runs_[j].least > 0;
    }
    if (ends) continue;
    runs_.resize(i + 1);
    runs_[i].most = kNoLimit;
    return;
  }
}

bool PatternShape::possible(std::string_view text) const noexcept {
  const char* p = text.data();
  const char* const end = p + text.size();
  for (const Run& run : runs_) {
    const std::size_t limit = std::min<std::size_t>(static_cast<std::size_t>(end - p),
                                                    run.most == kNoLimit ? kNoLimit : run.most + 1);
    const bool fixed = run.least == run.most;
    const char* const stop = p + (fixed ? std::min(limit, run.least) : limit);
    const char* const begin = p;
    while (p < stop && run.bytes[static_cast<unsigned char>(*p)]) ++p;
    const auto length = static_cast<std::size_t>(p - begin);
    if (length < run.least || length > run.most) return false;
  }
  return true;
}

std::bitset<256> PatternShape::first_bytes() const noexcept {
  std::bitset<256> out;
  for (const Run& run : runs_) {
    out |= run.bytes;
    if (run.least > 0) return out;
  }
  return out.set();
}

}  // namespace logforest::parse
