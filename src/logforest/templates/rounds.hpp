// The rounds in which words of shapes become wildcards (the idea: grouping.hpp).
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "logforest/templates/shapes.hpp"

namespace logforest::templates {

// How many different words make a column variable. The first that applies counts.
struct Thresholds {
  int first = 9;       // the first token of a message
  int upper = 7;       // words in capitals: states, methods, levels
  int assigned = 5;    // after "=", also behind a quote, and after '":"' of JSON
  int quoted = 2;      // alone between quotes
  int named = 3;       // after a noun that announces a name ("user"), or alone between prepositions
  int identifier = 4;  // words with inner punctuation or capitals
  int plain = 5;
  int wildcard_credit = 2;  // less, if the column holds a wildcard too

  // The family of thresholds for a given `plain`; 5 is the default.
  static Thresholds from_plain(int plain) noexcept;
};

// Places of tokens that became wildcards, ascending.
using Holes = std::vector<std::uint32_t>;

class Rounds {
 public:
  Rounds(const Shapes& shapes, const Thresholds& thresholds);
  void run();

  // Equal for shapes of one template.
  [[nodiscard]] std::uint64_t key(std::size_t shape) const noexcept { return work_[shape].key; }
  [[nodiscard]] std::vector<Holes> take_holes() noexcept { return std::move(holes_); }

 private:
  // A shape while it loses words: codes with the place each had at the start.
  struct Work {
    std::vector<Code> codes;
    std::vector<std::uint16_t> origin;
    std::uint64_t key = 0;
  };
  // What stands at one place of otherwise equal shapes.
  struct Column {
    std::uint32_t words = 0, identifiers = 0, upper = 0, known = 0;
    std::uint32_t values = 0;  // words that proved variable anywhere
    bool wildcard = false;
  };
  struct Context {
    Code previous = kWildcard;  // the word before, delimiters skipped; kWildcard if none
    bool assigned = false;
    bool between = false;  // two prepositions
    bool quoted = false;   // alone between two quotes
  };
  using Decided = std::unordered_map<std::uint64_t, std::vector<std::uint16_t>>;  // by shape key

  bool step();
  bool absorb();
  void rekey();
  void fill_columns();
  void spread_known(Decided& decided);
  void punch(std::size_t shape, std::uint16_t token);
  [[nodiscard]] bool enough(const Column& column, const Context& context, bool first) const;
  [[nodiscard]] std::uint8_t trait(Code c) const noexcept { return traits_[word_index(c)]; }
  static std::size_t word_index(Code c) noexcept {
    return static_cast<std::size_t>(c - kFirstWord);
  }
  static std::uint64_t column_key(const Work& w, std::size_t i) noexcept;
  [[nodiscard]] Context context_of(const std::vector<Code>& codes, std::size_t i) const noexcept;
  static void fold(Work& w);

  const Shapes& shapes_;
  Thresholds limits_;
  std::vector<std::uint8_t> traits_;
  std::vector<Work> work_;
  std::vector<Holes> holes_;
  std::vector<std::size_t> live_;  // one shape for each key
  std::unordered_map<std::uint64_t, Column> columns_;
  std::vector<std::uint8_t> values_;         // by word: proved variable somewhere
  std::unordered_set<std::uint64_t> known_;  // (word before, word) that proved variable
};

// Patterns: shapes with holes, found by the places of the holes.
class Patterns {
 public:
  // `value` of equal patterns: the smallest stays.
  void add(std::span<const Code> codes, const Holes& holes, std::uint32_t value);
  void finish();
  struct Match {
    const Holes* holes;
    std::uint32_t value;
  };
  // The pattern with the fewest holes that fits; holes == nullptr if none does.
  [[nodiscard]] Match find(std::span<const Code> codes) const;

 private:
  std::unordered_map<std::uint64_t, std::uint32_t> values_;
  std::unordered_map<std::size_t, std::vector<Holes>> sets_;  // by length
};

}  // namespace logforest::templates
