#include "logforest/templates/rounds.hpp"

#include <algorithm>
#include <numeric>

#include "logforest/base/hash.hpp"
#include "logforest/templates/word_traits.hpp"

namespace logforest::templates {

namespace {

constexpr int kMaxRounds = 24;
constexpr std::size_t kMaxHoleSets = 256;  // a length of message
constexpr std::uint32_t kProven = 3;       // words of a column that vary elsewhere

std::uint64_t place(Code code, std::size_t at) noexcept {
  return mix64((static_cast<std::uint64_t>(static_cast<std::uint32_t>(code)) << 20) ^
               (at + 1) * 0x9e3779b97f4a7c15ULL);
}

std::uint64_t pair_of(Code previous, Code word) noexcept {
  return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(previous)) << 32) |
         static_cast<std::uint32_t>(word);
}

std::uint64_t pattern_key(std::span<const Code> codes) noexcept {
  std::uint64_t h = mix64(codes.size() + 7);
  for (std::size_t i = 0; i < codes.size(); ++i) h += place(codes[i], i);
  return h;
}

// The key with wildcards at `holes`.
std::uint64_t with_holes(std::uint64_t key, std::span<const Code> codes,
                         const Holes& holes) noexcept {
  for (const std::uint32_t i : holes) key += place(kWildcard, i) - place(codes[i], i);
  return key;
}

}  // namespace

Thresholds Thresholds::from_plain(int plain) noexcept {
  Thresholds t;
  const int d = plain - t.plain;
  t.first += d;
  t.upper += d;
  // Where the context says that a value follows, the number matters half as much.
  t.assigned = std::max(2, t.assigned + d / 2);
  t.quoted = std::max(2, t.quoted + d / 2);
  t.named = std::max(2, t.named + d / 2);
  t.identifier = std::max(2, t.identifier + d / 2);
  t.plain = plain;
  return t;
}

void Patterns::add(std::span<const Code> codes, const Holes& holes, std::uint32_t value) {
  const std::uint64_t key = with_holes(pattern_key(codes), codes, holes);
  const auto [at, added] = values_.try_emplace(key, value);
  if (added) {
    sets_[codes.size()].push_back(holes);
  } else {
    at->second = std::min(at->second, value);
  }
}

void Patterns::finish() {
  for (auto& [length, sets] : sets_) {
    std::sort(sets.begin(), sets.end(), [](const Holes& a, const Holes& b) {
      return a.size() != b.size() ? a.size() < b.size() : a < b;
    });
    sets.erase(std::unique(sets.begin(), sets.end()), sets.end());
    if (sets.size() > kMaxHoleSets) sets.resize(kMaxHoleSets);
  }
}

Patterns::Match Patterns::find(std::span<const Code> codes) const {
  const auto sets = sets_.find(codes.size());
  if (sets == sets_.end()) return {nullptr, 0};
  const std::uint64_t key = pattern_key(codes);
  for (const Holes& holes : sets->second) {
    const auto found = values_.find(with_holes(key, codes, holes));
    if (found != values_.end()) return {&holes, found->second};
  }
  return {nullptr, 0};
}

Rounds::Rounds(const Shapes& shapes, const Thresholds& thresholds)
    : shapes_(shapes), limits_(thresholds) {
  traits_.reserve(shapes.words().size());
  for (std::size_t i = 0; i < shapes.words().size(); ++i) {
    traits_.push_back(traits_of(shapes.words()[static_cast<std::int32_t>(i)]));
  }
  values_.resize(traits_.size());
  holes_.resize(shapes.size());
  work_.resize(shapes.size());
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const auto codes = shapes.codes(i);
    work_[i].codes.assign(codes.begin(), codes.end());
    work_[i].origin.resize(codes.size());
    std::iota(work_[i].origin.begin(), work_[i].origin.end(), std::uint16_t{0});
  }
}

void Rounds::run() {
  for (int round = 0; round < kMaxRounds && (step() || absorb()); ++round) {
  }
  rekey();
}

void Rounds::punch(std::size_t shape, std::uint16_t token) {
  Work& w = work_[shape];
  Holes& holes = holes_[shape];
  const std::uint32_t at = w.origin[token];
  holes.insert(std::lower_bound(holes.begin(), holes.end(), at), at);
  w.codes[token] = kWildcard;
}

// Shapes too rare to prove anything join a pattern that others proved, if they fit it: with
// several variables in one message, their combinations are often unique.
bool Rounds::absorb() {
  Patterns patterns;
  for (std::size_t i = 0; i < work_.size(); ++i) {
    if (!holes_[i].empty()) patterns.add(shapes_.codes(i), holes_[i], 0);
  }
  patterns.finish();
  bool changed = false;
  for (std::size_t i = 0; i < work_.size(); ++i) {
    Work& w = work_[i];
    if (!holes_[i].empty()) continue;
    const Holes* fits = patterns.find(shapes_.codes(i)).holes;
    if (fits == nullptr) continue;
    for (std::size_t k = 0; k < w.codes.size(); ++k) {
      if (is_word(w.codes[k]) && std::binary_search(fits->begin(), fits->end(), w.origin[k])) {
        punch(i, static_cast<std::uint16_t>(k));
        changed = true;
      }
    }
    fold(w);
  }
  return changed;
}

// The scanner's folding rules once more, after words have become wildcards.
void Rounds::fold(Work& w) {
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
      const auto open = static_cast<Code>(static_cast<unsigned char>(x == ')' ? '(' : '['));
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

Rounds::Context Rounds::context_of(const std::vector<Code>& codes, std::size_t i) const noexcept {
  Context context;
  const bool quoted = i > 1 && codes[i - 1] == '"';
  context.assigned =
      (i > 0 && codes[i - 1] == '=') || (quoted && (codes[i - 2] == '=' || codes[i - 2] == ':'));
  context.quoted = i > 0 && i + 1 < codes.size() && codes[i - 1] == codes[i + 1] &&
                   (codes[i - 1] == '"' || codes[i - 1] == '\'');
  const auto preposition = [&](std::size_t k) {
    return is_word(codes[k]) && (trait(codes[k]) & kPreposition) != 0;
  };
  context.between = i > 0 && i + 1 < codes.size() && preposition(i - 1) && preposition(i + 1);
  std::size_t j = i;
  while (j > 0 && codes[j - 1] != kWildcard && !is_word(codes[j - 1])) --j;
  if (j > 0) context.previous = codes[j - 1];
  return context;
}

std::uint64_t Rounds::column_key(const Work& w, std::size_t i) noexcept {
  return mix64(w.key - place(w.codes[i], i) + mix64(i + 0x51ed270b1ULL));
}

void Rounds::rekey() {
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

bool Rounds::enough(const Column& column, const Context& context, bool first) const {
  if (column.words == 0) return false;
  const bool states = column.upper * 2 > column.words;
  // Nothing but words that vary elsewhere: names, though too few to show it here.
  if (!first && !states && column.words >= 2 && column.values == column.words) return true;
  const bool announced =
      context.between || (is_word(context.previous) && (trait(context.previous) & kAnnounces) != 0);
  // One name where all others had digits.
  if (!first && column.wildcard && column.words == 1 && column.identifiers == 1) return true;
  int need = limits_.plain;
  if (first) {
    need = limits_.first;
  } else if (states) {
    need = limits_.upper;
  } else if (context.quoted) {
    need = limits_.quoted;
  } else if (context.assigned) {
    need = limits_.assigned;
  } else if (announced) {
    need = limits_.named;
  } else if (column.identifiers * 2 > column.words) {
    need = limits_.identifier;
  }
  if (column.wildcard) need = context.assigned ? 1 : std::max(2, need - limits_.wildcard_credit);
  // Words that proved variable elsewhere count twice here, if they are more than chance.
  std::uint32_t evidence = column.words;
  if (!first && !states && column.values >= kProven) evidence += column.values;
  return evidence >= static_cast<std::uint32_t>(need);
}

void Rounds::fill_columns() {
  columns_.clear();
  for (const std::size_t i : live_) {
    const Work& w = work_[i];
    for (std::size_t k = 0; k < w.codes.size(); ++k) {
      if (w.codes[k] != kWildcard && !is_word(w.codes[k])) continue;
      Column& column = columns_[column_key(w, k)];
      if (w.codes[k] == kWildcard) {
        column.wildcard = true;
      } else {
        const std::uint8_t t = trait(w.codes[k]);
        ++column.words;
        column.values += values_[word_index(w.codes[k])];
        column.identifiers += (t & kIdentifier) != 0 ? 1 : 0;
        column.upper += (t & kUpper) != 0 ? 1 : 0;
      }
    }
  }
}

bool Rounds::step() {
  rekey();
  fill_columns();
  Decided decided;
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
      values_[word_index(w.codes[k])] = 1;
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
      punch(i, k);
    }
    fold(w);
  }
  return true;
}

// Words known to be variable behind the same word: a column of two of them is one too.
void Rounds::spread_known(Decided& decided) {
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

}  // namespace logforest::templates
