#include "logforest/base/page_pool.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "logforest/base/buffer.hpp"
#include "logforest/base/copy_text.hpp"

namespace logforest {
namespace {

struct Held {
  page_pool::Block block;
  unsigned char mark;
};

void fill(const Held& h) { std::memset(h.block.data, h.mark, h.block.size); }
bool intact(const Held& h) {
  const auto* p = static_cast<const unsigned char*>(h.block.data);
  return std::all_of(p, p + h.block.size, [&](unsigned char c) { return c == h.mark; });
}

// Blocks of every size, taken and given in random order by several threads, never overlap.
TEST(PagePool, BlocksAreOnesOwn) {
  const auto work = [](unsigned seed) {
    std::mt19937 rng(seed);
    std::vector<Held> held;
    for (int step = 0; step < 400; ++step) {
      if (held.size() > 24 || (!held.empty() && rng() % 3 == 0)) {
        const std::size_t i = rng() % held.size();
        ASSERT_TRUE(intact(held[i]));
        page_pool::give(held[i].block.data, held[i].block.size);
        held.erase(held.begin() + static_cast<std::ptrdiff_t>(i));
      } else {
        const std::size_t wanted =
            page_pool::kSmallest + rng() % (std::size_t{1} << (15 + rng() % 8));
        const Held h{page_pool::take(wanted), static_cast<unsigned char>(rng())};
        ASSERT_GE(h.block.size, wanted);
        ASSERT_EQ(reinterpret_cast<std::uintptr_t>(h.block.data) % 16, 0U);
        fill(h);
        held.push_back(h);
      }
    }
    for (const Held& h : held) {
      ASSERT_TRUE(intact(h));
      page_pool::give(h.block.data, h.block.size);
    }
  };
  std::vector<std::thread> threads;
  for (unsigned seed = 1; seed <= 4; ++seed) threads.emplace_back(work, seed);
  for (std::thread& t : threads) t.join();
}

TEST(PagePool, LargerThanARegion) {
  const Held h{page_pool::take(std::size_t{40} << 20), 7};
  fill(h);
  EXPECT_TRUE(intact(h));
  page_pool::give(h.block.data, h.block.size);
}

TEST(Buffer, KeepsItsValuesWhileItGrows) {
  Buffer<int> b;
  for (int i = 0; i < 300'000; ++i) b.push_back(i);
  Buffer<int> copy = b;
  Buffer<int> moved = std::move(b);
  copy.resize(300'002, -1);
  for (int i = 0; i < 300'000; ++i) {
    ASSERT_EQ(moved[static_cast<std::size_t>(i)], i);
    ASSERT_EQ(copy[static_cast<std::size_t>(i)], i);
  }
  EXPECT_EQ(copy.back(), -1);
}

TEST(CopyText, EveryLength) {
  std::string from;
  for (int i = 0; i < 300; ++i) from.push_back(static_cast<char>('a' + i % 23));
  for (std::size_t n = 0; n <= from.size(); ++n) {
    std::string to(n + 2, '#');
    copy_text(to.data() + 1, std::string_view(from).substr(0, n));
    ASSERT_EQ(std::string_view(to).substr(1, n), std::string_view(from).substr(0, n));
    ASSERT_TRUE(to.front() == '#' && to.back() == '#');
  }
}

TEST(CopyText, PaddedIsTheSameText) {
  std::string from;
  for (int i = 0; i < 300; ++i) from += static_cast<char>('a' + i % 26);
  for (std::size_t size = 0; size + kCopyPadding <= from.size(); ++size) {
    std::string to(size + kCopyPadding + 8, '#');
    copy_padded_text(to.data(), {from.data(), size});
    ASSERT_EQ(to.substr(0, size), from.substr(0, size));
    ASSERT_EQ(to.substr(size + kCopyPadding), "########");
  }
}

TEST(ShortText, EqualWhenTheTextsAre) {
  std::vector<std::string> texts;
  for (std::size_t n = 0; n <= ShortText::kLongest; ++n) {
    for (std::size_t at = 0; at <= n; ++at) {
      std::string text(n, 'x');
      if (at < n) text[at] = 'y';
      texts.push_back(text);
      if (at < n) text[at] = '\0';
      texts.push_back(text);
    }
  }
  for (const std::string& a : texts) {
    for (const std::string& b : texts) {
      ASSERT_EQ(ShortText(a) == ShortText(b), a == b) << a << " " << b;
    }
  }
}

}  // namespace
}  // namespace logforest
