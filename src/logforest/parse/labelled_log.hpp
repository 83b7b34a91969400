// Supercomputer logs with an alert label in front, as the BGL, Thunderbird, Spirit and Liberty
// collections have them. Source: Oliner, Stearley: What Supercomputers Say, DSN 2007.
#pragma once

#include <memory>

#include "logforest/parse/parser.hpp"

namespace logforest::parse {

// "label epoch yyyy.mm.dd node " + "yyyy-mm-dd-hh.mm.ss.uuuuuu node type component level message"
// or + "Mon dd hh:mm:ss host tag[pid]: message". The label "-" means: no alert.
[[nodiscard]] std::unique_ptr<LineParser> make_labelled_parser();

}  // namespace logforest::parse
