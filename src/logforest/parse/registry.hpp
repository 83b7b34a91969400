// Formats by name. Built-in formats are listed in builtin_formats.cpp; more may be registered at
// any time from any thread.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "logforest/parse/parser.hpp"

namespace logforest::parse {

// Throws ConfigError when the name is empty, reserved ("auto", "mixed") or a built-in one's.
// A format registered before under the same name is replaced.
void register_format(Format format);
// nullptr when there is none.
[[nodiscard]] std::shared_ptr<const Format> find_format(std::string_view name);
// In order of registration, built-in ones first.
[[nodiscard]] std::vector<std::shared_ptr<const Format>> all_formats();

struct Detected {
  std::shared_ptr<const Format> format;  // nullptr: nothing but plain text
  double confidence = 0;                 // share of the sample lines that are this format's
  // More telling formats (higher rank) that some sample lines are of, when `format` is one that
  // takes anything with a stamp: HAProxy's lines among syslog. The most frequent one comes first.
  std::vector<std::shared_ptr<const Format>> finer;
  bool pure = false;  // at most one sample line, or a tenth, is not
};
// Judges the first lines of `head` (a cut last line is left out unless it is the only one).
[[nodiscard]] Detected detect_format(std::string_view head);

// The format that `options` ask for: by name, or "auto" by detection with plain as the last
// resort. Throws ConfigError for an unknown name.
[[nodiscard]] std::shared_ptr<const Format> resolve_format(const ParseOptions& options,
                                                           std::string_view head);

// builtin_formats.cpp
[[nodiscard]] std::vector<Format> builtin_formats();

}  // namespace logforest::parse
