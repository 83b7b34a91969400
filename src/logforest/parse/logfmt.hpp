// logfmt: key=value pairs, values quoted or not, bare keys. Source: github.com/go-logfmt/logfmt
// (Go kit's decoder), whose rules these are.
#pragma once

#include "logforest/parse/parser.hpp"

namespace logforest::parse {

[[nodiscard]] Format logfmt_format();

}  // namespace logforest::parse
