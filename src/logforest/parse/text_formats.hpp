// The built-in formats of text logs that have hand-written scanners.
#pragma once

#include <vector>

#include "logforest/parse/parser.hpp"

namespace logforest::parse {

[[nodiscard]] std::vector<Format> text_formats();

}  // namespace logforest::parse
