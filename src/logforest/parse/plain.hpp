// Plain text: every line is a message. A time stamp or a level at its start is read too.
#pragma once

#include "logforest/parse/parser.hpp"

namespace logforest::parse {

[[nodiscard]] Format plain_format();

}  // namespace logforest::parse
