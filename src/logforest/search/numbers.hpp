// Texts without their numbers, and the numbers apart.
//
// Numbers make messages differ. A run of [0-9a-f] with a digit is a number; in the text of a
// message one byte stands for it. Those of up to five characters ("short": counts, ports, exit
// codes, pieces of addresses, milliseconds) have a code each, kept beside the text: that of up to
// three digits tells exactly which it is, others share 64 codes. Longer ones are what filters are
// good at (segment.hpp).
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace logforest::search {

inline constexpr char kLongNumber = '\x01';
inline constexpr char kShortNumber = '\x02';
inline constexpr std::size_t kExactCodes = 10 + 100 + 1000;  // by length, then by value
inline constexpr std::size_t kSharedCodes = 64;
inline constexpr std::size_t kNumberCodes = kExactCodes + kSharedCodes;

using NumberCode = std::uint16_t;

// Folded text (fold.hpp) with one byte for each number; the codes of its short ones, in order, are
// appended to `codes`.
void without_numbers(std::string_view folded, std::string& out, std::vector<NumberCode>& codes);

// What a text that holds a term can hold without its numbers: this text, and for each short number
// in it one of these codes.
struct Spelling {
  std::string text;
  std::vector<std::bitset<kNumberCodes>> codes;
};

// A text that holds `term` has one of these. There are several because the ends of a term may have
// been cut out of longer numbers. None: cannot tell (the term is empty, or all of it could be part
// of a number).
[[nodiscard]] std::vector<Spelling> spellings(std::string_view term);

}  // namespace logforest::search
