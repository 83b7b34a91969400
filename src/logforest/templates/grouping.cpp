#include "logforest/templates/grouping.hpp"

#include <algorithm>
#include <numeric>
#include <string>
#include <unordered_set>

#include "logforest/base/hash.hpp"

namespace logforest::templates {

namespace {

constexpr int kMaxRounds = 16;
constexpr std::size_t kMaxHoleSets = 256;  // a length of message

enum WordTrait : std::uint8_t { kIdentifier = 1, kUpper = 2, kAnnounces = 4 };

bool letter_case(char c, char from, char to) { return c >= from && c <= to; }

// Nouns that stand before a name in English log messages.
bool announces_name(std::string_view word) {
  static const std::unordered_set<std::string> nouns = {
      "user",      "username",  "login",  "account", "host",      "hostname",
      "node",      "server",    "client", "device",  "interface", "file",
      "folder",    "directory", "path",   "domain",  "queue",     "topic",
      "table",     "database",  "schema", "volume",  "container", "pod",
      "namespace", "group",     "role",   "key",     "name"};
  std::string lower(word);
  for (char& c : lower) {
    if (letter_case(c, 'A', 'Z')) c = static_cast<char>(c - 'A' + 'a');
  }
  return nouns.contains(lower);
}

std::uint8_t traits_of(std::string_view w) {
  std::uint8_t traits = 0;
  bool upper = false;
  bool lower = false;
  bool inner_upper = false;
  bool inner_mark = false;
  for (std::size_t i = 0; i < w.size(); ++i) {
    const bool up = letter_case(w[i], 'A', 'Z');
    upper |= up;
    lower |= letter_case(w[i], 'a', 'z');
    if (i > 0) inner_upper |= up;
    if (i > 0 && i + 1 < w.size()) {
      inner_mark |= std::string_view("._-/@\\$#&~+").find(w[i]) != std::string_view::npos;
    }
  }
  if (inner_mark || (inner_upper && lower)) traits |= kIdentifier;
  if (upper && !lower && w.size() > 1) traits |= kUpper;
  if (announces_name(w)) traits |= kAnnounces;
  return traits;
}

std::uint64_t place(Code code, std::size_t at) noexcept {
  return mix64((static_cast<std::uint64_t>(static_cast<std::uint32_t>(code)) << 20) ^
               (at + 1) * 0x9e3779b97f4a7c15ULL);
}

// What stands at one place of otherwise equal shapes.
struct Column {
  std::uint32_t words = 0, identifiers = 0, upper = 0, known = 0;
  bool wildcard = false;
};

// The shapes while they lose words: codes with the place each had at the start.
struct Work {
  std::vector<Code> codes;
  std::vector<std::uint16_t> origin;
  std::uint64_t key = 0;
};

// The scanner's folding rules once more, after words have become wildcards.
void fold(Work& w) {
  std::size_t n = 0;
  auto& c = w.codes;
  for (std::size_t i = 0; i < c.size(); ++i) {
    const Code x = c[i];
    if (x == kWildcard && n > 0) {
      if (c[n - 1] == kWildcard) continue;
      if (n > 1 && (c[n - 1] == ',' || c[n - 1] == ':') && c[n - 2] == kWildcard) {
        --n;
        continue;
      }
    }
    if (x == ')' || x == ']') {
      const Code open = x == ')' ? '(' : '[';
      if (n > 0 && c[n - 1] == open) {
        --n;
        continue;
      }
      if (n > 2 && c[n - 1] == kWildcard && c[n - 2] == open) {
        n -= 2;
        continue;
      }
    }
    c[n] = x;
    w.origin[n] = w.origin[i];
    ++n;
  }
  c.resize(n);
  w.origin.resize(n);
}

struct Context {
  Code previous = kWildcard;  // the word before, delimiters skipped; kWildcard if none
  bool assigned = false;
};

Context context_of(const std::vector<Code>& codes, std::size_t i) noexcept {
  Context context;
  context.assigned = i > 0 && codes[i - 1] == '=';
  std::size_t j = i;
  while (j > 0 && codes[j - 1] != kWildcard && !is_word(codes[j - 1])) --j;
  if (j > 0) context.previous = codes[j - 1];
  return context;
}

class Rounds {
 public:
  Rounds(const Shapes& shapes, const Thresholds& thresholds)
      : limits_(thresholds) {
    traits_.reserve(shapes.words().size());
    for (std::size_t i = 0; i < shapes.words().size(); ++i) {
      traits_.push_back(traits_of(shapes.words()[static_cast<std::int32_t>(i)]));
    }
    work_.resize(shapes.size());
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      const auto codes = shapes.codes(i);
      work_[i].codes.assign(codes.begin(), codes.end());
      work_[i].origin.resize(codes.size());
      std::iota(work_[i].origin.begin(), work_[i].origin.end(), std::uint16_t{0});
    }
  }

  // Calls hole(shape, token) for every word that becomes a wildcard.
  template <class F>
  void run(F&& hole) {
    for (int round = 0; round < kMaxRounds && step(hole); ++round) {
    }
    rekey();
  }
  [[nodiscard]] std::uint64_t key(std::size_t shape) const noexcept { return work_[shape].key; }

 private:
  void rekey() {
    live_.clear();
    std::unordered_set<std::uint64_t> seen;
    seen.reserve(work_.size() * 2);
    for (std::size_t i = 0; i < work_.size(); ++i) {
      std::uint64_t h = mix64(work_[i].codes.size() + 1);
      for (std::size_t k = 0; k < work_[i].codes.size(); ++k) h += place(work_[i].codes[k], k);
      work_[i].key = h;
      if (seen.insert(h).second) live_.push_back(i);
    }
  }

  static std::uint64_t column_key(const Work& w, std::size_t i) noexcept {
    return mix64(w.key - place(w.codes[i], i) + mix64(i + 0x51ed270b1ULL));
  }

  static bool in_columns(Code c) noexcept { return c == kWildcard || is_word(c); }

  [[nodiscard]] bool enough(const Column& column, const Context& context, bool first) const {
    if (column.words == 0) return false;
    int need = limits_.plain;
    if (first) {
      need = limits_.first;
    } else if (column.upper * 2 > column.words) {
      need = limits_.upper;
    } else if (context.assigned) {
      need = limits_.assigned;
    } else if (is_word(context.previous) && (trait(context.previous) & kAnnounces) != 0) {
      need = limits_.named;
    } else if (column.identifiers * 2 > column.words) {
      need = limits_.identifier;
    }
    if (column.wildcard) need = context.assigned ? 1 : std::max(2, need - limits_.wildcard_credit);
    return column.words >= static_cast<std::uint32_t>(need);
  }
  [[nodiscard]] std::uint8_t trait(Code c) const noexcept {
    return traits_[static_cast<std::size_t>(c - kFirstWord)];
  }
  static std::uint64_t pair_of(Code previous, Code word) noexcept {
    return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(previous)) << 32) |
           static_cast<std::uint32_t>(word);
  }

  void fill_columns() {
    columns_.clear();
    for (const std::size_t i : live_) {
      const Work& w = work_[i];
      for (std::size_t k = 0; k < w.codes.size(); ++k) {
        if (!in_columns(w.codes[k])) continue;
        Column& column = columns_[column_key(w, k)];
        if (w.codes[k] == kWildcard) {
          column.wildcard = true;
        } else {
          const std::uint8_t t = trait(w.codes[k]);
          ++column.words;
          column.identifiers += (t & kIdentifier) != 0 ? 1 : 0;
          column.upper += (t & kUpper) != 0 ? 1 : 0;
        }
      }
    }
  }

  template <class F>
  bool step(F& hole) {
    rekey();
    fill_columns();
    std::unordered_map<std::uint64_t, std::vector<std::uint16_t>> decided;  // by shape key
    for (const std::size_t i : live_) {
      const Work& w = work_[i];
      const auto words = std::count_if(w.codes.begin(), w.codes.end(), is_word);
      if (words < 2) continue;
      for (std::size_t k = 0; k < w.codes.size(); ++k) {
        if (!is_word(w.codes[k])) continue;
        const Column& column = columns_[column_key(w, k)];
        const Context context = context_of(w.codes, k);
        if (!enough(column, context, k == 0)) continue;
        decided[w.key].push_back(static_cast<std::uint16_t>(k));
        if (is_word(context.previous)) known_.insert(pair_of(context.previous, w.codes[k]));
      }
    }
    spread_known(decided);
    if (decided.empty()) return false;
    for (std::size_t i = 0; i < work_.size(); ++i) {
      Work& w = work_[i];
      const auto found = decided.find(w.key);
      if (found == decided.end()) continue;
      for (const std::uint16_t k : found->second) {
        hole(i, w.origin[k]);
        w.codes[k] = kWildcard;
      }
      fold(w);
    }
    return true;
  }

  // Words known to be variable behind the same word: a column of two of them is one too.
  template <class Map>
  void spread_known(Map& decided) {
    if (known_.empty()) return;
    const auto each = [this](auto&& f) {
      for (const std::size_t i : live_) {
        const Work& w = work_[i];
        for (std::size_t k = 1; k < w.codes.size(); ++k) {
          if (!is_word(w.codes[k])) continue;
          const Context context = context_of(w.codes, k);
          if (!is_word(context.previous)) continue;
          if (known_.contains(pair_of(context.previous, w.codes[k]))) f(w, k);
        }
      }
    };
    each([this](const Work& w, std::size_t k) { ++columns_[column_key(w, k)].known; });
    each([this, &decided](const Work& w, std::size_t k) {
      const Column& column = columns_[column_key(w, k)];
      if (column.known < column.words || column.words + (column.wildcard ? 1 : 0) < 2) return;
      auto& places = decided[w.key];
      if (std::find(places.begin(), places.end(), k) == places.end()) {
        places.push_back(static_cast<std::uint16_t>(k));
      }
    });
  }

  Thresholds limits_;
  std::vector<std::uint8_t> traits_;
  std::vector<Work> work_;
  std::vector<std::size_t> live_;  // one shape for each key
  std::unordered_map<std::uint64_t, Column> columns_;
  std::unordered_set<std::uint64_t> known_;
};

std::uint64_t pattern_key(std::span<const Code> codes,
                          std::span<const std::uint32_t> holes) noexcept {
  std::uint64_t h = mix64(codes.size() + 7);
  std::size_t next = 0;
  for (std::size_t i = 0; i < codes.size(); ++i) {
    const bool hole = next < holes.size() && holes[next] == i;
    if (hole) ++next;
    h += place(hole ? kWildcard : codes[i], i);
  }
  return h;
}

}  // namespace

Thresholds Thresholds::from_plain(int plain) noexcept {
  Thresholds t;
  const int d = plain - t.plain;
  t.first += d;
  t.upper += d;
  t.assigned = std::max(2, t.assigned + d);
  t.named = std::max(2, t.named + d);
  t.identifier = std::max(2, t.identifier + d);
  t.plain = plain;
  return t;
}

Grouping::Grouping(const Shapes& shapes, const Thresholds& thresholds) {
  std::size_t tokens = 0;
  hole_begin_.reserve(shapes.size() + 1);
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    hole_begin_.push_back(tokens);
    tokens += shapes.codes(i).size();
  }
  hole_begin_.push_back(tokens);
  hole_bits_.assign(tokens, 0);
  Rounds rounds(shapes, thresholds);
  rounds.run(
      [this](std::size_t shape, std::size_t token) { hole_bits_[hole_begin_[shape] + token] = 1; });
  std::vector<std::uint64_t> keys(shapes.size());
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = rounds.key(i);
  collect(shapes, keys);
  index_patterns(shapes);
}

void Grouping::collect(const Shapes& shapes, std::span<const std::uint64_t> keys) {
  std::unordered_map<std::uint64_t, std::int64_t> smallest;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto [at, added] = smallest.try_emplace(keys[i], shapes[i].id);
    if (!added) at->second = std::min(at->second, shapes[i].id);
  }
  ids_.reserve(smallest.size());
  for (const auto& [key, id] : smallest) ids_.push_back(id);
  std::sort(ids_.begin(), ids_.end());
  of_.resize(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto at = std::lower_bound(ids_.begin(), ids_.end(), smallest[keys[i]]);
    of_[i] = static_cast<std::uint32_t>(at - ids_.begin());
  }
}

std::vector<Group> Grouping::summarise(const Shapes& shapes) const {
  std::vector<Group> groups(ids_.size());
  for (std::size_t i = 0; i < of_.size(); ++i) {
    const Shape& s = shapes[i];
    Group& g = groups[of_[i]];
    if (g.shapes == 0) g = {ids_[of_[i]], static_cast<std::uint32_t>(i), 0, 0, kNoTime, kNoTime};
    const Shape& main = shapes[g.main_shape];
    if (s.count > main.count || (s.count == main.count && s.id < main.id)) {
      g.main_shape = static_cast<std::uint32_t>(i);
    }
    ++g.shapes;
    g.count += s.count;
    if (s.first_seen != kNoTime && (g.first_seen == kNoTime || s.first_seen < g.first_seen)) {
      g.first_seen = s.first_seen;
    }
    g.last_seen = std::max(g.last_seen, s.last_seen);
  }
  return groups;
}

std::vector<std::uint32_t> Grouping::holes(std::size_t shape) const {
  std::vector<std::uint32_t> out;
  for (std::size_t k = hole_begin_[shape]; k < hole_begin_[shape + 1]; ++k) {
    if (hole_bits_[k] != 0) out.push_back(static_cast<std::uint32_t>(k - hole_begin_[shape]));
  }
  return out;
}

void Grouping::index_patterns(const Shapes& shapes) {
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    std::vector<std::uint32_t> at = holes(i);
    if (at.empty()) continue;
    const auto codes = shapes.codes(i);
    const auto [found, added] = patterns_.try_emplace(pattern_key(codes, at), of_[i]);
    if (!added) {
      found->second = std::min(found->second, of_[i]);
      continue;
    }
    hole_sets_[static_cast<std::uint32_t>(codes.size())].push_back(std::move(at));
  }
  for (auto& [length, sets] : hole_sets_) {
    std::sort(sets.begin(), sets.end(), [](const auto& a, const auto& b) {
      return a.size() != b.size() ? a.size() < b.size() : a < b;
    });
    sets.erase(std::unique(sets.begin(), sets.end()), sets.end());
    if (sets.size() > kMaxHoleSets) sets.resize(kMaxHoleSets);
  }
}

std::int64_t Grouping::match(std::span<const Code> codes) const {
  const auto sets = hole_sets_.find(static_cast<std::uint32_t>(codes.size()));
  if (sets == hole_sets_.end()) return -1;
  for (const auto& holes : sets->second) {
    const auto found = patterns_.find(pattern_key(codes, holes));
    if (found != patterns_.end()) return found->second;
  }
  return -1;
}

}  // namespace logforest::templates
