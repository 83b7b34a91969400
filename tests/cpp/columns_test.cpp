#include "logforest/record/columns.hpp"

#include <gtest/gtest.h>

#include <string>

namespace logforest {
namespace {

TEST(FixedColumn, AbsentRowsAreNull) {
  FixedColumn<int> c;
  c.set(2, 7);
  c.set(3, 8);
  c.finish(10);
  EXPECT_EQ(c.validity().null_count(), 8);
  EXPECT_FALSE(c.is_valid(0));
  EXPECT_TRUE(c.is_valid(2));
  EXPECT_EQ(c[3], 8);
  EXPECT_FALSE(c.is_valid(9));
}

TEST(FixedColumn, TruncateForgetsARow) {
  FixedColumn<int> c;
  c.set(0, 1);
  c.set(2, 3);
  c.truncate(2);
  EXPECT_EQ(c.validity().null_count(), 1);
  c.truncate(1);
  EXPECT_EQ(c.validity().data(), nullptr);
  c.set(1, 5);
  EXPECT_EQ(c.validity().null_count(), 0);
}

TEST(Utf8Column, ValuesAndNulls) {
  Utf8Column c;
  c.set(0, "a");
  c.set(9, "bc");
  c.finish(17);
  EXPECT_EQ(c[0], "a");
  EXPECT_EQ(c[9], "bc");
  EXPECT_EQ(c.validity().null_count(), 15);
  EXPECT_FALSE(c.is_valid(16));
}

TEST(Dictionary, KeepsCodesWhileGrowing) {
  Dictionary d;
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(d.intern(std::to_string(i)), i);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(d.find(std::to_string(i)), i);
  EXPECT_EQ(d.find("x"), -1);
}

}  // namespace
}  // namespace logforest
