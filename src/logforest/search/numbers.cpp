#include "logforest/search/numbers.hpp"

#include <algorithm>
#include <array>

#include "logforest/base/hash.hpp"
#include "logforest/search/fold.hpp"

namespace logforest::search {

namespace {
constexpr std::size_t kMostExact = 3;  // digits
constexpr std::size_t kMostShort = 5;  // characters

// Bytes that stand for numbers or words, or end a text, are long numbers when a message has them:
// the same in what is looked for.
enum Kind : std::uint8_t { kOther, kHex, kDigit, kReserved };
constexpr auto kKinds = [] {
  std::array<Kind, 256> kinds{};
  for (std::size_t c = 'a'; c <= 'f'; ++c) kinds[c] = kHex;
  for (std::size_t c = '0'; c <= '9'; ++c) kinds[c] = kDigit;
  for (std::size_t c = 0; c <= 3; ++c) kinds[c] = kReserved;
  return kinds;
}();
Kind kind_of(char c) noexcept { return kKinds[static_cast<unsigned char>(c)]; }
bool in_run(char c) noexcept { return kind_of(c) == kHex || kind_of(c) == kDigit; }
std::size_t digits_of(std::string_view run) noexcept {
  return static_cast<std::size_t>(
      std::ranges::count_if(run, [](char c) { return kind_of(c) == kDigit; }));
}

// Of a short number.
NumberCode code_of(std::string_view run, std::size_t digits) noexcept {
  if (run.size() > kMostExact || digits < run.size())
    return static_cast<NumberCode>(kExactCodes + hash_bytes(run) % kSharedCodes);
  constexpr std::array<unsigned, 4> kFirst{0, 0, 10, 110};
  unsigned value = 0;
  for (const char c : run) value = value * 10 + static_cast<unsigned>(c - '0');
  return static_cast<NumberCode>(kFirst[run.size()] + value);
}

// How the end of a term is spelled in a text: as it is, or as part of a number.
struct End {
  std::string text;
  std::bitset<kNumberCodes> codes;
};

// `grown(piece, digit)`: the piece with a digit more where the term was cut.
template <class Grown>
std::vector<End> ends(std::string_view piece, Grown&& grown) {
  std::vector<End> out;
  const std::size_t digits = digits_of(piece);
  if (digits == 0) out.push_back({std::string(piece), {}});
  if (piece.empty()) return out;
  out.push_back({std::string(1, kLongNumber), {}});
  if (piece.size() > kMostShort || (digits == 0 && piece.size() == kMostShort)) return out;
  End part{std::string(1, kShortNumber), {}};
  if (digits > 0) part.codes.set(code_of(piece, digits));
  if (piece.size() < kMostShort) {
    for (std::size_t i = kExactCodes; i < kNumberCodes; ++i) part.codes.set(i);
  }
  std::vector<std::string> longer{std::string(piece)};
  while (digits == piece.size() && longer.front().size() < kMostExact) {
    std::vector<std::string> next;
    for (const std::string& number : longer) {
      for (char digit = '0'; digit <= '9'; ++digit) {
        next.push_back(grown(number, digit));
        part.codes.set(code_of(next.back(), next.back().size()));
      }
    }
    longer = std::move(next);
  }
  out.push_back(std::move(part));
  return out;
}
}  // namespace

void without_numbers(std::string_view folded, std::string& out, std::vector<NumberCode>& codes) {
  out.resize(folded.size());
  std::size_t size = 0;
  std::size_t run = 0;     // where the current run begins in `out`
  std::size_t digits = 0;  // of it
  const auto end_run = [&] {
    if (digits > 0) {
      const std::string_view number(out.data() + run, size - run);
      const bool is_short = number.size() <= kMostShort;
      if (is_short) codes.push_back(code_of(number, digits));
      size = run;
      out[size++] = is_short ? kShortNumber : kLongNumber;
    }
    digits = 0;
  };
  for (const char c : folded) {
    const Kind kind = kind_of(c);
    if (kind == kHex || kind == kDigit) {
      digits += kind == kDigit ? 1 : 0;
      out[size++] = c;
    } else {
      end_run();
      out[size++] = kind == kReserved ? kLongNumber : c;
      run = size;
    }
  }
  end_run();
  out.resize(size);
}

std::vector<Spelling> spellings(std::string_view term) {
  std::string text;
  fold(term, text);
  const auto first = std::ranges::find_if_not(text, in_run);
  if (first == text.end()) return {};
  const auto last = std::find_if_not(text.rbegin(), text.rend(), in_run).base();
  std::string middle;
  std::vector<NumberCode> exact;
  without_numbers(std::string_view(first, last), middle, exact);

  const auto before = ends(std::string_view(text.begin(), first),
                           [](const std::string& number, char digit) { return digit + number; });
  const auto after = ends(std::string_view(last, text.end()),
                          [](const std::string& number, char digit) { return number + digit; });
  std::vector<Spelling> out;
  for (const End& a : before) {
    for (const End& b : after) {
      Spelling spelling{a.text + middle + b.text, {}};
      if (a.codes.any()) spelling.codes.push_back(a.codes);
      for (const NumberCode code : exact) spelling.codes.emplace_back().set(code);
      if (b.codes.any()) spelling.codes.push_back(b.codes);
      out.push_back(std::move(spelling));
    }
  }
  return out;
}

}  // namespace logforest::search
