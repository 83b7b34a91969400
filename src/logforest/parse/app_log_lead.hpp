// What may stand before the stamp of an application log's record.
#pragma once

#include <cstddef>
#include <string_view>

#include "logforest/parse/app_log.hpp"

namespace logforest::parse::app_words {

// A level before the stamp: "[notice] ", "WARN: ", "<W>", "(N) ", "W, ", "INFO ".
[[nodiscard]] bool leading_level(std::string_view s, std::size_t& at, AppFields& out) noexcept;

// "[main] stamp", "[0x0f0082] stamp": the word; `at` is put behind it.
[[nodiscard]] std::string_view leading_name(std::string_view s, std::size_t& at) noexcept;

// "app.log:stamp", "web-1 shop stamp": what grep, stern and others put before a line. At most two
// words; `at` is put at the stamp, which begins with the year.
[[nodiscard]] std::string_view leading_words(std::string_view s, std::size_t& at) noexcept;

}  // namespace logforest::parse::app_words
