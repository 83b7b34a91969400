#include "logforest/templates/word_traits.hpp"

#include <string>
#include <unordered_set>

namespace logforest::templates {

namespace {

bool letter_case(char c, char from, char to) { return c >= from && c <= to; }

// Nouns that stand before a name in English log messages.
bool announces_name(std::string_view word) {
  static const std::unordered_set<std::string> nouns = {
      "user",      "username",  "login",  "account", "host",      "hostname",
      "node",      "server",    "client", "device",  "interface", "file",
      "folder",    "directory", "path",   "domain",  "queue",     "topic",
      "table",     "database",  "schema", "volume",  "container", "pod",
      "namespace", "group",     "role",   "key",     "name"};
  std::string lower(word);
  for (char& c : lower) {
    if (letter_case(c, 'A', 'Z')) c = static_cast<char>(c - 'A' + 'a');
  }
  return nouns.contains(lower);
}

// A single word between two of these is the name of something: "for root from".
bool preposition(std::string_view word) {
  static const std::unordered_set<std::string_view> words = {"at", "by", "for", "from", "into",
                                                             "on", "to", "via", "with", "over"};
  return words.contains(word);
}

}  // namespace

std::uint8_t traits_of(std::string_view w) {
  std::uint8_t traits = 0;
  bool upper = false;
  bool lower = false;
  bool inner_upper = false;
  bool inner_mark = false;
  for (std::size_t i = 0; i < w.size(); ++i) {
    const bool up = letter_case(w[i], 'A', 'Z');
    upper |= up;
    lower |= letter_case(w[i], 'a', 'z');
    if (i > 0) inner_upper |= up;
    if (i > 0 && i + 1 < w.size()) {
      inner_mark |= std::string_view("._-/@\\$#&~+").find(w[i]) != std::string_view::npos;
    }
  }
  if (inner_mark || (inner_upper && lower)) traits |= kIdentifier;
  if (upper && !lower && w.size() > 1) traits |= kUpper;
  if (announces_name(w)) traits |= kAnnounces;
  if (preposition(w)) traits |= kPreposition;
  return traits;
}

}  // namespace logforest::templates
