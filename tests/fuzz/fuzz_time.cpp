// Time stamps: nothing is read behind the text; what was read alone reads the same again.
#include "fuzz.hpp"
#include "logforest/base/time.hpp"

using namespace logforest;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  TimeContext context;
  context.now_us = 1'762'000'000'000'000;
  context.zone_minutes = static_cast<std::int32_t>(data[0]) * 10 - 720;
  context.day_first = data[1] % 2 != 0;
  const std::string text(fuzz::view(data + 2, size - 2));  // its end is guarded
  const auto bounded = [&](const std::optional<ParsedTime>& t) {
    fuzz::require(!t || (t->length > 0 && t->length <= text.size()), "length out of range", text);
  };
  const auto check = [&](const std::optional<ParsedTime>& t, const auto& read) {
    bounded(t);
    if (!t) return;
    const auto again = read(std::string_view(text).substr(0, t->length));
    fuzz::require(again && again->us == t->us, "the stamp alone reads otherwise", text);
  };
  const auto iso = [&](std::string_view s) { return parse_iso8601(s, context); };
  const auto clf = [&](std::string_view s) { return parse_clf_time(s); };
  // These two look ahead to tell a year or an offset from what follows the stamp.
  bounded(parse_time(text, context));
  bounded(parse_rfc3164_time(text, context));
  check(iso(text), iso);
  check(clf(text), clf);
  return 0;
}
