#include "logforest/parse/regex_format.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <memory>

#include "logforest/base/time_pattern.hpp"
#include "logforest/parse/aliases.hpp"
#include "logforest/parse/pattern_shape.hpp"
#include "logforest/parse/row_builder.hpp"
#include "logforest/parse/scan.hpp"

namespace logforest::parse {

namespace {

constexpr std::int64_t kRegexMemory = 8 << 20;
constexpr int kMaxGroups = 64;

// "(?<name>" of newer dialects is RE2's "(?P<name>".
std::string rename_groups(const std::string& pattern) {
  std::string out;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\' && i + 1 < pattern.size()) {
      out += pattern[i++];
    } else if (pattern.compare(i, 3, "(?<") == 0 && i + 3 < pattern.size() &&
               pattern[i + 3] != '=' && pattern[i + 3] != '!') {
      out += "(?P<";
      i += 2;
      continue;
    }
    out += pattern[i];
  }
  return out;
}

struct Group {
  int index = 0;
  std::string name;
  enum class Use : std::uint8_t { Field, Time, Level, Integer, Message } use = Use::Field;
};

struct Pattern {
  std::unique_ptr<re2::RE2> re;
  std::vector<Group> groups;
  int captures = 0;
  PatternShape shape;  // a quick test before the expression
  bool has_message = false;
};

struct Compiled {
  RegexSpec spec;
  std::vector<Pattern> patterns;
  std::vector<TimePattern> times;
};

[[noreturn]] void fail(const RegexSpec& spec, std::size_t index, const std::string& what) {
  std::string where =
      spec.name.empty() ? std::string("pattern") : "format \"" + spec.name + "\", pattern";
  if (spec.patterns.size() > 1) where += " " + std::to_string(index + 1);
  throw ConfigError(where + ": " + what);
}

Pattern compile(const RegexSpec& spec, std::size_t index) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kRegexMemory);
  const std::string text = rename_groups(spec.patterns[index]);
  Pattern out;
  out.re = std::make_unique<re2::RE2>(text, options);
  if (!out.re->ok()) {
    const std::string part = out.re->error_arg();
    std::string what = out.re->error();
    const std::size_t at = part.empty() ? std::string::npos : spec.patterns[index].find(part);
    if (at != std::string::npos) what += " at column " + std::to_string(at + 1);
    what += " in '" + spec.patterns[index] + "'";
    if (part.starts_with("(?=") || part.starts_with("(?!") || part.starts_with("(?<")) {
      what += " (RE2 has no look-around)";
    }
    fail(spec, index, what);
  }
  out.captures = out.re->NumberOfCapturingGroups() + 1;
  if (out.captures > kMaxGroups) {
    fail(spec, index, "more than " + std::to_string(kMaxGroups - 1) + " groups");
  }
  for (const auto& [group, name] : out.re->CapturingGroupNames()) {
    for (const Group& other : out.groups) {
      if (other.name == name) fail(spec, index, "the group '" + name + "' is there twice");
    }
    Group g{group, name, Group::Use::Field};
    const Alias* alias = find_alias(name);
    if (alias != nullptr && alias->target == Target::Message) {
      out.has_message = true;
      g.use = Group::Use::Message;
    }
    if (alias != nullptr && alias->target == Target::Timestamp && !spec.time_formats.empty()) {
      g.use = Group::Use::Time;
    }
    if (alias != nullptr && alias->target == Target::Level && !spec.levels.empty()) {
      g.use = Group::Use::Level;
    }
    if (std::find(spec.integers.begin(), spec.integers.end(), name) != spec.integers.end()) {
      g.use = Group::Use::Integer;
    }
    out.groups.push_back(std::move(g));
  }
  if (out.groups.empty()) {
    fail(spec, index, "no named group: write fields as (?P<name>...), for example (?P<message>.*)");
  }
  out.shape = PatternShape(text);
  return out;
}

class RegexLineParser final : public LineParser {
 public:
  RegexLineParser(std::shared_ptr<const Compiled> compiled, bool ask_all)
      : c_(std::move(compiled)), missed_(c_->patterns.size()), ask_all_(ask_all) {}

  LineResult parse_line(std::string_view line, RowBuilder& row) override {
    for (std::size_t i = 0; i < c_->patterns.size(); ++i) {
      const Pattern& p = c_->patterns[i];
      if (!ask_all_ && !p.shape.possible(line)) continue;
      if (!match(p, missed_[i], line)) continue;
      row.begin();
      if (fill(p, line, row)) return {};
      row.abandon();
    }
    return {Reject::NoMatch};
  }

 private:
  // Looking for groups costs the same whether a line matches or not; whether it does is known soon,
  // and asked first where the last line did not.
  bool match(const Pattern& p, char& missed, std::string_view line) {
    const re2::StringPiece text(line.data(), line.size());
    const auto run = [&](int groups) {
      return p.re->Match(text, 0, text.size(), re2::RE2::ANCHOR_START, parts_, groups);
    };
    const bool found = (missed == 0 || run(0)) && run(p.captures);
    missed = found ? 0 : 1;
    return found;
  }

  bool fill(const Pattern& p, std::string_view line, RowBuilder& row) {
    for (const Group& g : p.groups) {
      const re2::StringPiece& part = parts_[g.index];
      if (part.data() == nullptr) continue;
      const std::string_view value(part.data(), part.size());
      switch (g.use) {
        case Group::Use::Time: {
          const auto us = time(value, row.time_context());
          if (!us) return false;
          row.timestamp(*us);
          break;
        }
        case Group::Use::Message:
          row.message(scan::trim(value));
          break;
        case Group::Use::Level:
          row.field_text(g.name, level(value));
          break;
        case Group::Use::Integer:
          if (const auto n = scan::to_int(value)) {
            row.field_int(g.name, *n);
            break;
          }
          [[fallthrough]];
        case Group::Use::Field:
          if (!value.empty()) row.field_text(g.name, value);
          break;
      }
    }
    for (const auto& [key, value] : c_->spec.constants) row.field_text(key, value);
    if (!p.has_message) row.message(line);
    return true;
  }

  std::optional<std::int64_t> time(std::string_view value, const TimeContext& context) const {
    for (const TimePattern& pattern : c_->times) {
      if (const auto us = pattern.parse(value, context)) return us;
    }
    return std::nullopt;
  }

  [[nodiscard]] std::string_view level(std::string_view value) const {
    for (const auto& [text, name] : c_->spec.levels) {
      if (text == value) return name;
    }
    return value;
  }

  std::shared_ptr<const Compiled> c_;
  std::vector<char> missed_;  // by pattern: the last line it was asked about
  bool ask_all_;
  re2::StringPiece parts_[kMaxGroups];
};

}  // namespace

namespace {

// Shows `lines` to a parser of `format`, until `done(taken)` is true.
template <class Done>
void show(const Format& format, const std::vector<std::string_view>& lines, Done&& done) {
  const ParseOptions options;
  RecordBatch scratch;
  RowBuilder row(options, scratch);
  const std::unique_ptr<LineParser> parser = format.make(options);
  ByteBuffer padded;
  for (const std::string_view line : lines) {
    if (!format.first_bytes[static_cast<unsigned char>(line.empty() ? '\0' : line[0])]) {
      if (done(false)) return;
      continue;
    }
    padded.clear();
    padded.append(line);
    std::memset(padded.room(kPadding), 0, kPadding);
    const LineResult result = parser->parse_line(padded.view(), row);
    if (row.open()) row.abandon();
    if (done(result.reject == Reject::None && !result.continuation)) return;
  }
}

}  // namespace

double accepted_share(const Format& format, const std::vector<std::string_view>& lines) {
  if (lines.empty()) return 0;
  std::size_t accepted = 0;
  std::size_t refused = 0;
  show(format, lines, [&](bool taken) {
    accepted += taken ? 1U : 0U;
    refused += taken ? 0U : 1U;
    return refused * 2 > lines.size();
  });
  // Less than half of the lines is no answer.
  if (refused * 2 > lines.size()) return 0;
  return static_cast<double>(accepted) / static_cast<double>(lines.size());
}

bool accepts_any(const Format& format, const std::vector<std::string_view>& lines) {
  bool any = false;
  show(format, lines, [&](bool taken) { return any = taken; });
  return any;
}

Format regex_format(RegexSpec spec) {
  if (spec.patterns.empty()) fail(spec, 0, "there is none");
  auto compiled = std::make_shared<Compiled>();
  for (std::size_t i = 0; i < spec.patterns.size(); ++i)
    compiled->patterns.push_back(compile(spec, i));
  for (const std::string& pattern : spec.time_formats) compiled->times.emplace_back(pattern);
  for (const auto& [text, name] : spec.levels) {
    if (!level_from_name(name)) {
      std::string what = "format \"" + spec.name + "\": level \"";
      what.append(text).append("\" is mapped to \"").append(name).append("\", which is no level");
      throw ConfigError(what);
    }
  }
  Format format;
  format.name = spec.name;
  format.description = spec.description;
  format.rank = spec.rank;
  format.multiline = spec.multiline;
  const bool detect = spec.detect;
  compiled->spec = std::move(spec);
  const std::shared_ptr<const Compiled> shared = std::move(compiled);
  format.first_bytes.reset();
  for (const Pattern& p : shared->patterns) format.first_bytes |= p.shape.first_bytes();
  format.make = [shared](const ParseOptions& options) {
    return std::make_unique<RegexLineParser>(shared, options.ask_all);
  };
  if (detect) {
    format.detect = [make = format.make, shared](const std::vector<std::string_view>& lines) {
      // Most formats show by how a line begins that it is not theirs.
      std::size_t possible = 0;
      for (const std::string_view line : lines) {
        possible += std::any_of(shared->patterns.begin(), shared->patterns.end(),
                                [line](const Pattern& p) { return p.shape.possible(line); })
                        ? 1U
                        : 0U;
      }
      if (possible * 2 < lines.size() || possible == 0) return 0.0;
      Format self;
      self.make = make;
      return accepted_share(self, lines);
    };
  }
  return format;
}

}  // namespace logforest::parse
