// The built-in format files (python/logforest/formats/*.yaml), for the fuzz targets. Relative to
// the folder the fuzzers run in: the root of the repository, or LOGFOREST_FUZZ_ROOT.
#pragma once

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "logforest/parse/regex_format.hpp"

namespace logforest::fuzz {

inline std::vector<std::string> texts(const YAML::Node& node) {
  if (!node) return {};
  return node.IsScalar() ? std::vector{node.as<std::string>()}
                         : node.as<std::vector<std::string>>();
}

inline parse::RegexSpec::Pairs pairs(const YAML::Node& node) {
  parse::RegexSpec::Pairs out;
  for (const auto& entry : node) {
    out.emplace_back(entry.first.as<std::string>(), entry.second.as<std::string>());
  }
  return out;
}

struct YamlFormat {
  parse::RegexSpec spec;
  std::vector<std::string> samples;
};

// In the order of file names; ends the program where there are none.
inline std::vector<YamlFormat> yaml_formats() {
  const char* const root = std::getenv("LOGFOREST_FUZZ_ROOT");
  const auto folder =
      std::filesystem::path(root != nullptr ? root : ".") / "python/logforest/formats";
  std::vector<std::filesystem::path> files;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    if (file.path().extension() == ".yaml") files.push_back(file.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<YamlFormat> out;
  for (const auto& file : files) {
    for (const YAML::Node& node : YAML::LoadFile(file.string())) {
      YamlFormat& format = out.emplace_back();
      parse::RegexSpec& spec = format.spec;
      spec.name = node["name"].as<std::string>();
      spec.patterns = texts(node["patterns"]);
      spec.time_formats = texts(node["time"]);
      spec.levels = pairs(node["levels"]);
      spec.constants = pairs(node["constants"]);
      spec.integers = texts(node["integers"]);
      spec.multiline = node["multiline"].as<bool>(false);
      spec.detect = node["detect"].as<bool>(true);
      spec.rank = node["rank"].as<int>(60);
      for (const YAML::Node& sample : node["samples"]) {
        format.samples.push_back(sample["line"].as<std::string>());
      }
    }
  }
  if (out.empty()) std::abort();
  return out;
}

}  // namespace logforest::fuzz
