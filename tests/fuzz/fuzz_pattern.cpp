// Own patterns: what PatternShape rules out RE2 does not match either; any pattern makes a format
// or throws ConfigError, and a format of it reads any text.
//
// Before the first NUL stands the pattern, behind it the text. With an odd first byte the pattern
// is made of parts, so that most are well-formed; with 2 set it is one of the built-in files'.
#include <re2/re2.h>

#include "fuzz.hpp"
#include "logforest/base/error.hpp"
#include "logforest/parse/pattern_shape.hpp"
#include "logforest/parse/reader.hpp"
#include "yaml_formats.hpp"

using namespace logforest;

namespace {

std::string composed(std::string_view choices) {
  static constexpr std::string_view parts[] = {
      "a",           "b",       "1",       " ",      "-",           ".",     "\\d",     "\\w",
      "\\s",         "\\S",     "\\D",     "\\W",    "\\.",         "\\[",   "[a-c]",   "[^a]",
      "[^ ]",        "[ab1-3]", "[\\d.]",  "[^\\]]", "[]a]",        "[^]]",  "*",       "+",
      "?",           "{2}",     "{1,3}",   "{0,2}",  "{2,}",        "{0}",   "*?",      "+?",
      "??",          "(",       "(?:",     "(?P<m>", ")",           ")",     ")?",      ")*",
      "){2}",        "|",       "^",       "$",      "\\b",         "\\x41", "\\t",     "\xc3\xa9",
      "[\xc3\xa9]",  "(?i)",    "\\Q.\\E", "\\pL",   "[[:digit:]]", "\\n",   "(?:a|b)", "(?:a|)",
      "(?:\\d\\d)?", "\\d+",    "\\S+",    ".*",     "[^:]*:",      "\\\\",  "\\A"};
  std::string out;
  for (const char c : choices.substr(0, 24)) {
    out += parts[static_cast<unsigned char>(c) % std::size(parts)];
  }
  return out;
}

const std::vector<std::string>& built_in() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> out;
    for (const auto& [spec, samples] : fuzz::yaml_formats()) {
      out.insert(out.end(), spec.patterns.begin(), spec.patterns.end());
    }
    return out;
  }();
  return all;
}

// Texts of the bytes that patterns of parts are about.
std::string few_bytes(std::string_view text) {
  static constexpr std::string_view bytes = "ab1 -.[]:A\n\t\xc3\xa9z";
  std::string out;
  for (const char c : text.substr(0, 64)) {
    out += bytes[static_cast<unsigned char>(c) % bytes.size()];
  }
  return out;
}

void check_shape(const re2::RE2& re, const parse::PatternShape& shape, std::string_view text) {
  if (!re.Match(re2::StringPiece(text.data(), text.size()), 0, text.size(), re2::RE2::ANCHOR_START,
                nullptr, 0)) {
    return;
  }
  fuzz::require(shape.possible(text), "ruled out, but it matches", re.pattern(), text);
  if (text.empty()) return;
  const auto first = static_cast<unsigned char>(text.front());
  fuzz::require(shape.first_bytes()[first], "no such first byte, but it matches", re.pattern(),
                text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view all = fuzz::view(data + 1, size - 1);
  const std::size_t end = std::min(all.find('\0'), all.size());
  const std::string_view text = all.substr(std::min(end + 1, all.size()));
  std::string pattern(all.substr(0, std::min<std::size_t>(end, 500)));
  const bool parts = (data[0] & 1U) != 0;
  if (parts) {
    pattern = composed(pattern);
  } else if ((data[0] & 2U) != 0) {
    pattern = built_in()[data[1] % built_in().size()];
  }

  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(1 << 20);
  const re2::RE2 re(pattern, options);
  if (re.ok()) {
    const parse::PatternShape shape(pattern);
    const std::string few = few_bytes(text);
    for (std::size_t from = 0; from <= std::min<std::size_t>(few.size(), 16); ++from) {
      check_shape(re, shape, std::string_view(few).substr(from));
    }
    check_shape(re, shape, text);
    check_shape(re, shape, {});
  }

  parse::ParseOptions how;
  how.format = "regex";
  how.pattern = pattern;
  how.received_us = 1'762'000'000'000'000;
  how.threads = 1;
  try {
    const std::string fast = fuzz::describe(parse::parse_buffer(text, how));
    how.ask_all = true;
    const std::string all_asked = fuzz::describe(parse::parse_buffer(text, how));
    fuzz::require(fast == all_asked, "shortcuts change the result", fast, all_asked);
  } catch (const ConfigError&) {
    fuzz::require(!re.ok() || parts || (data[0] & 2U) == 0, "a built-in pattern is refused");
  }
  return 0;
}
