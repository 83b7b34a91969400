#include "logforest/parse/plain.hpp"

#include "logforest/base/time.hpp"
#include "logforest/parse/row_builder.hpp"

namespace logforest::parse {

namespace {

// The level word among the first words behind the stamp: "ERROR", "[warn]", "INFO:".
std::optional<Level> leading_level(std::string_view text) noexcept {
  for (int word = 0; word < 3 && !text.empty(); ++word) {
    const std::size_t begin = text.find_first_not_of(" \t[(<|-");
    if (begin == std::string_view::npos) break;
    text.remove_prefix(begin);
    std::size_t n = 0;
    while (n < text.size() && static_cast<unsigned char>((text[n] | 0x20) - 'a') < 26) ++n;
    const std::string_view name = text.substr(0, n);
    // One letter or a lower-case word may be prose; "log", "default", ... are.
    const bool shouted = n >= 3 && name[0] < 'a' && name[n - 1] < 'a';
    const bool marked = n >= 3 && n < text.size() && (text[n] == ']' || text[n] == ':');
    if (shouted || marked) {
      if (const auto level = level_from_name(name)) return level;
    }
    const std::size_t space = text.find_first_of(" \t");
    if (space == std::string_view::npos) break;
    text.remove_prefix(space);
  }
  return std::nullopt;
}

class PlainParser final : public LineParser {
 public:
  LineResult parse_line(std::string_view line, RowBuilder& row) override {
    row.begin();
    std::string_view rest = line;
    if (!rest.empty() && rest[0] == '[') rest.remove_prefix(1);
    const auto time = parse_time(rest, row.time_context());
    if (time &&
        (time->length == rest.size() || rest[time->length] == ' ' || rest[time->length] == ']' ||
         rest[time->length] == '\t' || rest[time->length] == ':')) {
      row.timestamp(time->us);
      if (time->ambiguous) row.count_ambiguous();
      rest.remove_prefix(time->length);
      if (!rest.empty() && rest[0] == ']') rest.remove_prefix(1);
    } else {
      rest = line;
    }
    if (const auto level = leading_level(rest)) row.level(*level);
    row.message(line);  // whole: nothing of a line whose format is unknown is taken away
    return {};
  }
};

}  // namespace

Format plain_format() {
  Format format;
  format.name = "plain";
  format.description = "any text, one record a line";
  format.make = [](const ParseOptions&) { return std::make_unique<PlainParser>(); };
  format.rank = -100;
  return format;
}

}  // namespace logforest::parse
