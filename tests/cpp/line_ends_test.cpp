#include "logforest/parse/line_ends.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace logforest::parse {
namespace {

TEST(LineEnds, EqualALoopOverBytes) {
  std::mt19937 rng(7);
  const std::string alphabets[] = {"a\n", "abcdefghijklmnopqrstuvwxyz0123456789 \n", "abcdefgh",
                                   std::string("abcdefghijklmnopqrstuvwxyz\n\x1b\0\xff", 30)};
  for (int round = 0; round < 2000; ++round) {
    const std::string& letters = alphabets[rng() % 4];
    const std::size_t size = 1 + rng() % (round % 2 != 0 ? 200 : LineEnds::kBlock);
    std::string text(size, ' ');
    std::generate(text.begin(), text.end(), [&] { return letters[rng() % letters.size()]; });
    const std::string padded = text + "\n" + std::string(63, '\n');  // not counted
    LineEnds ends;
    const ByteKinds kinds = find_line_ends(std::string_view(padded).substr(0, size), ends);
    std::vector<std::uint16_t> expected;
    for (std::size_t i = 0; i < size; ++i) {
      if (text[i] == '\n') expected.push_back(static_cast<std::uint16_t>(i));
      if (static_cast<unsigned char>(text[i]) > 0x7f) {
        EXPECT_TRUE(kinds.high);
        EXPECT_TRUE(ends.high_near(i, i + 1 < size ? i + 1 : i));
      }
    }
    ASSERT_EQ(expected,
              std::vector<std::uint16_t>(
                  ends.at.begin(), ends.at.begin() + static_cast<std::ptrdiff_t>(ends.count)));
    // More than there is may be reported of the padding, never less.
    EXPECT_TRUE(kinds.nul || text.find('\0') == std::string::npos);
    EXPECT_TRUE(kinds.escape || text.find('\x1b') == std::string::npos);
  }
}

}  // namespace
}  // namespace logforest::parse
