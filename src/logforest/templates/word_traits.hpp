// What a word looks like: the evidence that tells names from plain words.
#pragma once

#include <cstdint>
#include <string_view>

namespace logforest::templates {

enum WordTrait : std::uint8_t { kIdentifier = 1, kUpper = 2, kAnnounces = 4, kPreposition = 8 };

[[nodiscard]] std::uint8_t traits_of(std::string_view word);

}  // namespace logforest::templates
