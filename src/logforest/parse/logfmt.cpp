#include "logforest/parse/logfmt.hpp"

#include <array>
#include <cstring>

#include "logforest/parse/json_scan.hpp"
#include "logforest/parse/row_builder.hpp"
#include "logforest/parse/scan_padded.hpp"

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
      const Alias* alias = nullptr;
      Guess& guess = guesses_[(fields - 1) % guesses_.size()];
      const bool known = guess.mask != 0 &&
                         (same(p, guess.bytes.data()) & guess.mask) == guess.mask &&
                         static_cast<std::size_t>(end - p) > guess.length;
      p = known ? p + guess.length : scan::first_of(p, end, ends_word);
      const std::string_view key(key_begin, static_cast<std::size_t>(p - key_begin));
      if (key.empty() || (p < end && *p == '"')) return {Reject::NoMatch};
      if (p >= end || *p != '=') {
        row.meta_json(key, "true");
        continue;
      }
      alias = known ? guess.alias : look_up(key, guess);
      ++p;
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
        if (escaped) {
          value = json::unescape(value, scratch_);
          std::memset(scratch_.room(kPadding), 0, kPadding);
          value = {scratch_.data(), value.size()};
        }
      } else {
        const char* const begin = p;
        p = scan::first_of(p, end, ends_word);
        if (p < end && (*p == '=' || *p == '"')) return {Reject::NoMatch};
        value = {begin, static_cast<std::size_t>(p - begin)};
      }
      if (alias == nullptr || !put(*alias, key, value, row)) {
        if (key.size() + value.size() > 4096) {
          row.meta_text(key, value);
        } else {
          write_member(key, value, row);
        }
      }
    }
    return {};
  }

 private:
  // Lines of one program have the same keys at the same places.
  struct Guess {
    std::array<char, 16> bytes{};  // the key and its '='
    unsigned mask = 0;             // a bit for each of them; 0: no guess
    std::size_t length = 0;        // of the key
    const Alias* alias = nullptr;
  };
  static unsigned same(const char* p, const char* known) noexcept {
    return scan::bits(scan::equal(scan::load(p), scan::load(known)));
  }
  // A blank or control character, '=' or '"'.
  static scan::Bytes ends_word(scan::Bytes v) noexcept {
    using namespace scan;
    return either(at_most(v, ' '), either(is(v, '='), is(v, '"')));
  }
  static const Alias* look_up(std::string_view key, Guess& guess) noexcept {
    guess.mask = 0;
    guess.alias = find_alias(key);
    if (key.size() < guess.bytes.size()) {
      std::memcpy(guess.bytes.data(), key.data(), key.size() + 1);
      guess.length = key.size();
      guess.mask = (2U << key.size()) - 1;
    }
    return guess.alias;
  }
  // RowBuilder::put, the usual targets without their checks.
  static bool put(const Alias& alias, std::string_view key, std::string_view value,
                  RowBuilder& row) {
    if (!value.empty() && !row.has(alias.target)) {
      switch (alias.target) {
        case Target::Service:
          return row.service(value), true;
        case Target::Endpoint:
          return row.endpoint(value, Padded{}), true;
        case Target::User:
          return row.user_id(value, Padded{}), true;
        case Target::Trace:
          return row.trace_id(value), true;
        default:
          break;
      }
    }
    return row.put(alias, {key, {}}, FieldKind::Text, value);
  }
  // Both have padding behind them: they are in the line or in scratch_.
  static void write_member(std::string_view key, std::string_view value, RowBuilder& row) {
    char* p = row.meta_room(6 * (key.size() + value.size()) + 64);
    *p++ = '"';
    p = scan::literal(scan::write_json_padded(p, key), "\":\"");
    p = scan::literal(scan::write_json_padded(p, value), "\",");
    row.meta_wrote(p);
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
