#include "logforest/parse/registry.hpp"

#include <algorithm>
#include <mutex>

#include "logforest/parse/auto_format.hpp"
#include "logforest/parse/chunk.hpp"
#include "logforest/parse/directives.hpp"
#include "logforest/parse/json_framer.hpp"
#include "logforest/parse/regex_format.hpp"

namespace logforest::parse {

namespace {

// Formats up to this rank know little more than a stamp at the start of a line.
constexpr int kGeneralRank = 50;

struct Registry {
  std::mutex mutex;
  std::vector<std::shared_ptr<const Format>> formats;
  std::size_t builtin = 0;

  Registry() {
    for (Format& format : builtin_formats()) {
      formats.push_back(std::make_shared<const Format>(std::move(format)));
    }
    builtin = formats.size();
  }
};

Registry& registry() {
  static Registry instance;
  return instance;
}

// Formats of higher rank that take some of the lines, though less than half of them.
void add_rare(const std::vector<std::string_view>& lines,
              const std::vector<std::shared_ptr<const Format>>& formats, Detected& best) {
  const std::size_t known = best.finer.size();
  for (const auto& format : formats) {
    if (!format->detect || format->directives || format->rank <= best.format->rank ||
        (known != 0 && format == best.finer[0])) {
      continue;
    }
    if (accepts_any(*format, lines)) best.finer.push_back(format);
  }
  std::stable_sort(best.finer.begin() + static_cast<std::ptrdiff_t>(known), best.finer.end(),
                   [](const auto& a, const auto& b) { return a->rank > b->rank; });
}

}  // namespace

void register_format(Format format) {
  if (format.name.empty() || format.name == "auto" || format.name == "mixed") {
    throw ConfigError("a format cannot be named \"" + format.name + "\"");
  }
  Registry& r = registry();
  auto shared = std::make_shared<const Format>(std::move(format));
  const std::lock_guard lock(r.mutex);
  for (std::size_t i = 0; i < r.formats.size(); ++i) {
    if (r.formats[i]->name != shared->name) continue;
    if (i < r.builtin) {
      throw ConfigError("\"" + shared->name + "\" is a built-in format: choose another name");
    }
    r.formats[i] = std::move(shared);
    return;
  }
  r.formats.push_back(std::move(shared));
}

std::shared_ptr<const Format> find_format(std::string_view name) {
  Registry& r = registry();
  const std::lock_guard lock(r.mutex);
  for (const auto& format : r.formats) {
    if (format->name == name) return format;
  }
  return nullptr;
}

std::vector<std::shared_ptr<const Format>> all_formats() {
  Registry& r = registry();
  const std::lock_guard lock(r.mutex);
  return r.formats;
}

Detected detect_format(std::string_view head) {
  Detected best;
  // A coloured record is judged as it will be read; in JSON an escape is an error.
  if (ByteBuffer plain; without_colours(head, plain)) {
    best = detect_format(plain.view());
    if (best.format && best.format->name != "json") return best;
    best = {};
  }
  const std::vector<std::string_view> lines = sample_records(head);
  if (lines.empty()) return best;
  std::vector<std::pair<double, std::shared_ptr<const Format>>> found;
  // No built-in format of text takes a line that is a JSON object as a whole: asking them all would
  // take longer than reading the one record of a small request.
  ByteBuffer scratch;
  const bool objects = std::all_of(lines.begin(), lines.end(), [&](std::string_view line) {
    return is_json_object(line, scratch);
  });
  const auto formats = all_formats();
  const std::size_t builtin = registry().builtin;
  for (std::size_t i = 0; i < formats.size(); ++i) {
    const auto& format = formats[i];
    if (!format->detect) continue;
    if (objects && i < builtin && format->name != "json" && format->name != "logfmt") continue;
    const double confidence = format->detect(lines);
    if (confidence < 0.5) continue;
    found.emplace_back(confidence, format);
    if (confidence > best.confidence ||
        (confidence == best.confidence && best.format && format->rank > best.format->rank)) {
      best = {format, confidence, {}};
    }
  }
  if (best.format && best.format->rank <= kGeneralRank) {
    double most = 0;
    std::shared_ptr<const Format> first;
    for (const auto& [confidence, format] : found) {
      if (format->rank <= kGeneralRank || confidence <= most) continue;
      most = confidence;
      first = format;
    }
    if (first) best.finer.push_back(first);
    if (lines.size() > 1) add_rare(lines, formats, best);
  }
  const double others = (1 - best.confidence) * static_cast<double>(lines.size());
  best.pure = best.format && (others < 1.5 || best.confidence >= 0.9);
  return best;
}

std::shared_ptr<const Format> resolve_format(const ParseOptions& options, std::string_view head) {
  if (options.format == "auto") {
    const Detected found = detect_format(head);
    auto others = all_formats();
    // Tables read nothing without the lines that name their columns.
    if (!names_columns(head)) std::erase_if(others, [](const auto& f) { return f->directives; });
    // The rows of a CSV file are nothing else.
    if (!found.format || found.format->name != "csv") {
      std::erase_if(others, [](const auto& f) { return f->name == "csv"; });
    }
    return std::make_shared<const Format>(auto_format(found, std::move(others)));
  }
  if (options.format == "regex") {
    RegexSpec spec;
    spec.patterns = {options.pattern};
    spec.detect = false;
    Format format = regex_format(std::move(spec));
    format.name = "regex";
    return std::make_shared<const Format>(std::move(format));
  }
  auto format = find_format(options.format);
  if (!format) {
    std::string names = "auto";
    for (const auto& known : all_formats()) names += ", " + known->name;
    throw ConfigError("unknown format \"" + options.format + "\": use one of " + names);
  }
  return format->multiline ? std::make_shared<const Format>(joined_format(format)) : format;
}

}  // namespace logforest::parse
