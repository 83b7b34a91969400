#include "logforest/parse/logfmt.hpp"

#include <array>
#include <cstring>

#include "logforest/parse/json_scan.hpp"
#include "logforest/parse/row_builder.hpp"

namespace logforest::parse {

namespace {

// Rules of the decoder: bytes <= ' ' separate pairs; '=' ends a key; a key holds no '"'; a value
// that starts with '"' is a JSON string; an unquoted value holds neither '=' nor '"'.
class LogfmtParser final : public LineParser {
 public:
  explicit LogfmtParser(const ParseOptions& options) : options_(options) {}

  LineResult parse_line(std::string_view line, RowBuilder& row) override {
    row.begin();
    const char* p = line.data();
    const char* const end = p + line.size();
    std::size_t fields = 0;
    for (;;) {
      while (p < end && static_cast<unsigned char>(*p) <= ' ') ++p;
      if (p >= end) break;
      if (++fields > options_.max_fields) return {Reject::TooManyFields};
      const char* const key_begin = p;
      while (p<end&& static_cast<unsigned char>(*p)> ' ' && *p != '=' && *p != '"') ++p;
      const std::string_view key(key_begin, static_cast<std::size_t>(p - key_begin));
      if (key.empty() || (p < end && *p == '"')) return {Reject::NoMatch};
      if (p >= end || *p != '=') {
        row.meta_json(key, "true");
        continue;
      }
      ++p;
      const Alias* alias = look_up(key, fields - 1);
      std::string_view value;
      if (p < end && *p == '"') {
        bool escaped = false;
        bool ok = true;
        const char* const begin = p + 1;
        p = json::scan_string(begin, escaped, ok);
        if (!ok || p >= end) return {p >= end ? Reject::Truncated : Reject::NoMatch};
        value = {begin, static_cast<std::size_t>(p - begin)};
        ++p;
        if (p<end&& static_cast<unsigned char>(*p)> ' ') return {Reject::NoMatch};
        if (escaped) value = json::unescape(value, scratch_);
      } else {
        const char* const begin = p;
        while (p<end&& static_cast<unsigned char>(*p)> ' ' && *p != '=' && *p != '"') ++p;
        if (p < end && (*p == '=' || *p == '"')) return {Reject::NoMatch};
        value = {begin, static_cast<std::size_t>(p - begin)};
      }
      if (alias == nullptr || !row.put(*alias, {key, {}}, FieldKind::Text, value)) {
        row.meta_text(key, value);
      }
    }
    return {};
  }

 private:
  struct Guess {
    std::array<char, 32> bytes{};
    std::size_t length = 0;
    const Alias* alias = nullptr;
  };
  const Alias* look_up(std::string_view key, std::size_t position) {
    Guess& guess = guesses_[position % guesses_.size()];
    if (guess.length == key.size() &&
        std::memcmp(guess.bytes.data(), key.data(), key.size()) == 0) {
      return guess.alias;
    }
    const Alias* alias = find_alias(key);
    if (key.size() <= guess.bytes.size()) {
      std::memcpy(guess.bytes.data(), key.data(), key.size());
      guess.length = key.size();
      guess.alias = alias;
    }
    return alias;
  }

  const ParseOptions& options_;
  ByteBuffer scratch_;
  std::array<Guess, 64> guesses_{};
};

// A line looks like logfmt when it parses and has two pairs, or one whose key is well known.
double detect(const std::vector<std::string_view>& lines) {
  if (lines.empty()) return 0;
  std::size_t hits = 0;
  for (std::string_view line : lines) {
    std::size_t pairs = 0;
    std::size_t bare = 0;
    bool bad = false;
    while (!line.empty() && !bad) {
      const std::size_t begin = line.find_first_not_of(" \t");
      if (begin == std::string_view::npos) break;
      line.remove_prefix(begin);
      std::size_t n = 0;
      while (n < line.size() && static_cast<unsigned char>(line[n]) > ' ' && line[n] != '=' &&
             line[n] != '"') {
        ++n;
      }
      if (n == 0 || (n < line.size() && line[n] == '"')) {
        bad = true;
      } else if (n == line.size() || line[n] != '=') {
        ++bare;
        line.remove_prefix(n);
      } else {
        ++pairs;
        line.remove_prefix(n + 1);
        if (!line.empty() && line[0] == '"') {
          std::size_t close = 1;
          while (close < line.size() && line[close] != '"') close += line[close] == '\\' ? 2 : 1;
          if (close >= line.size()) {
            bad = true;
          } else {
            line.remove_prefix(close + 1);
          }
        } else {
          const std::size_t space = line.find_first_of(" \t");
          line.remove_prefix(space == std::string_view::npos ? line.size() : space);
        }
      }
    }
    if (!bad && pairs >= 2 && pairs > bare) ++hits;
  }
  return static_cast<double>(hits) / static_cast<double>(lines.size());
}

}  // namespace

Format logfmt_format() {
  Format format;
  format.name = "logfmt";
  format.description = "key=value pairs (Go kit, logrus, Heroku)";
  format.make = [](const ParseOptions& options) { return std::make_unique<LogfmtParser>(options); };
  format.detect = detect;
  format.rank = 0;
  return format;
}

}  // namespace logforest::parse
