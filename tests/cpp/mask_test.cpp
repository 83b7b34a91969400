#include "logforest/normalize/mask.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "logforest/base/error.hpp"
#include "logforest/normalize/mask_scan.hpp"
#include "logforest/pipeline/enrich.hpp"

namespace logforest::normalize {
namespace {

MaskRules all_rules() {
  MaskRules rules;
  rules.ip = IpRule::Mask;
  rules.phone = true;
  return rules;
}

std::string masked(const Masker& masker, std::string_view text) {
  std::string out;
  return masker.mask(text, out) ? out : std::string(text);
}

TEST(MaskScan, KernelsAgree) {
  std::string text;
  const std::string_view parts[] = {
      "a@b.io ", "12-34 56 ", "::1:dead:beef:",           "token\" : ",
      "AB12CD ", "+1 (5",     "x/y.z_-abcdefghijklmnopq", "\xc3\xa4=",
      "://u:p@h"};
  for (std::size_t i = 0; text.size() < 1500; ++i) text += parts[i * i % std::size(parts)];
  for (std::size_t size = 0; size <= text.size(); ++size) {
    std::vector<std::uint64_t> a((size + 63) / 64);
    std::vector<std::uint64_t> b(a.size());
    mask_candidates(text.data(), size, ~0U, a.data());
    detail::mask_candidates_portable(text.data(), size, ~0U, b.data());
    ASSERT_EQ(a, b) << size;
  }
}

// A find is found wherever it lies in the blocks of the prefilter.
TEST(Masker, PositionDoesNotMatter) {
  const Masker masker(all_rules());
  const std::pair<std::string_view, std::string_view> finds[] = {
      {"bob@example.com", "<EMAIL>"},
      {"4111 1111 1111 1111", "<CARD>"},
      {"DE89370400440532013000", "<IBAN>"},
      {"AKIAABCDEFGHIJKLMNOP", "<TOKEN>"},
      {"password = x", "password = <PASSWORD>"},
      {"+49 30 1234567", "<PHONE>"},
      {"10.1.2.3", "<IP>"},
      {"2001:db8:1:2:3:4:5:6", "<IP>"},
      {"\"token\" : \"a b\"", "\"token\" : \"<TOKEN>\""}};
  for (std::size_t pad = 0; pad < 200; ++pad) {
    for (const auto& [text, expected] : finds) {
      const std::string front = std::string(pad, '.') + " ";
      EXPECT_EQ(masked(masker, front + std::string(text)), front + std::string(expected)) << pad;
      EXPECT_EQ(masked(masker, front + std::string(text) + " " + front),
                front + std::string(expected) + " " + front);
    }
  }
}

TEST(Masker, NothingFoundLeavesTheOutputAlone) {
  const Masker masker(all_rules());
  std::string out = "before";
  EXPECT_FALSE(masker.mask("nothing here", out));
  EXPECT_EQ(out, "before");
}

TEST(Masker, RefusesBadRules) {
  MaskRules rules;
  rules.replacement = Replacement::Pseudonym;
  EXPECT_THROW(Masker{rules}, ConfigError);
  rules = {};
  rules.custom = {{"lower", "x"}};
  EXPECT_THROW(Masker{rules}, ConfigError);
  rules.custom = {{"X", "x*"}};
  EXPECT_THROW(Masker{rules}, ConfigError);
  rules.custom = {{"X", "("}};
  EXPECT_THROW(Masker{rules}, ConfigError);
}

TEST(Masker, BatchesAreMaskedBeforeTheTemplate) {
  RecordBatch batch;
  batch.message.set(0, "plain");
  batch.message.set(1, "mail to bob@example.com failed");
  batch.metadata.set(1, R"({"password":{"a":[1,"x"]},"note":"a@b.io","n":1})");
  batch.rows = 3;
  batch.finish();
  const auto masker = std::make_shared<const Masker>(MaskRules{});
  enrich(batch, {masker, true, true, {}});
  EXPECT_EQ(batch.message[0], "plain");
  EXPECT_EQ(batch.message[1], "mail to <EMAIL> failed");
  EXPECT_EQ(batch.metadata[1],
            R"({"password":{"a":["<PASSWORD>","<PASSWORD>"]},"note":"<EMAIL>","n":1})");
  EXPECT_FALSE(batch.metadata.is_valid(2));
  EXPECT_EQ(batch.template_id.size(), 3u);
}

}  // namespace
}  // namespace logforest::normalize
