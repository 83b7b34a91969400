// What is written in place of a find: a plain mask, or one with a tag of the value.
#pragma once

#include <string>
#include <string_view>

#include "logforest/normalize/mask.hpp"

namespace logforest::normalize {

enum class Kind : std::uint8_t { Email, Card, Iban, Token, Password, Phone, Ipv4, Ipv6, User };

// Appends the replacement of `value`. Tags ignore case and the separators of cards, IBANs and
// phones, so that spellings of one value join.
void append_replacement(const MaskRules& rules, Kind kind, std::string_view value,
                        std::string& out);

}  // namespace logforest::normalize
