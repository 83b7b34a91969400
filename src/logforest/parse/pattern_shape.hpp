// How the texts that a regular expression matches must begin, as far as its syntax tells it
// plainly: a necessary condition that costs a few bytes, asked before the expression itself.
#pragma once

#include <bitset>
#include <cstddef>
#include <string_view>
#include <vector>

namespace logforest::parse {

class PatternShape {
 public:
  PatternShape() = default;
  // `pattern` is one that RE2 takes (default options), matched from the start of the text. What is
  // not understood ends the shape: then less is known, never something wrong.
  explicit PatternShape(std::string_view pattern);

  // False: no match of the pattern begins at the start of `text`.
  [[nodiscard]] bool possible(std::string_view text) const noexcept;
  // The bytes that a match may begin with (any, where it may be empty).
  [[nodiscard]] std::bitset<256> first_bytes() const noexcept;

 private:
  // So many bytes out of a set. A run of variable length ends where what follows it must begin, as
  // the two share no byte; one where that is not so is the last and has no limit.
  struct Run {
    std::bitset<256> bytes;
    std::size_t least = 1;
    std::size_t most = 1;
  };
  using Way = std::vector<Run>;  // a match begins with these, one after the other
  class Reader;

  std::vector<Way> ways_;  // one for each alternative; none: nothing is known
};

}  // namespace logforest::parse
