#include "logforest/parse/registry.hpp"

#include <algorithm>
#include <mutex>

namespace logforest::parse {

namespace {

constexpr std::size_t kSampleLines = 200;

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

std::vector<std::string_view> sample_lines(std::string_view head) {
  std::vector<std::string_view> lines;
  while (!head.empty() && lines.size() < kSampleLines) {
    const std::size_t end = head.find('\n');
    if (end == std::string_view::npos && !lines.empty()) break;  // perhaps cut
    std::string_view line = head.substr(0, end);
    head = end == std::string_view::npos ? std::string_view{} : head.substr(end + 1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.find_first_not_of(" \t") != std::string_view::npos) lines.push_back(line);
  }
  return lines;
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
  const std::vector<std::string_view> lines = sample_lines(head);
  if (lines.empty()) return best;
  for (const auto& format : all_formats()) {
    if (!format->detect) continue;
    const double confidence = format->detect(lines);
    if (confidence < 0.5) continue;
    if (confidence > best.confidence ||
        (confidence == best.confidence && best.format && format->rank > best.format->rank)) {
      best = {format, confidence};
    }
  }
  return best;
}

std::shared_ptr<const Format> resolve_format(const ParseOptions& options, std::string_view head) {
  if (options.format == "auto") {
    if (Detected found = detect_format(head); found.format) return found.format;
    return find_format("plain");
  }
  auto format = find_format(options.format);
  if (!format) {
    std::string names = "auto";
    for (const auto& known : all_formats()) names += ", " + known->name;
    throw ConfigError("unknown format \"" + options.format + "\": use one of " + names);
  }
  return format;
}

}  // namespace logforest::parse
