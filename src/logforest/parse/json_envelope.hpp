// An object around an array of records, as cloud services export them: {"Records": [{...}, {...}]}
// (AWS CloudTrail), {"records": [...]} (Azure), {"items": [...], "total": 2}.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "logforest/parse/parser.hpp"

namespace logforest::parse {

// The name of the array when `head` begins with such an object, else "". The records must have a
// time, which tells them from the parts of one record; what else the object has, as far as it can
// be seen, must be of no meaning to a record: numbers of pages and the like, which are left out.
[[nodiscard]] std::string envelope_of(std::string_view head);

// Finds the envelope's ends in a source; `records` cuts what is between them.
[[nodiscard]] std::unique_ptr<Framer> make_envelope_framer(std::string name,
                                                           std::unique_ptr<Framer> records);

}  // namespace logforest::parse
