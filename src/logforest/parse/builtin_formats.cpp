#include "logforest/parse/json.hpp"
#include "logforest/parse/logfmt.hpp"
#include "logforest/parse/plain.hpp"
#include "logforest/parse/registry.hpp"

namespace logforest::parse {

std::vector<Format> builtin_formats() {
  std::vector<Format> formats;
  formats.push_back(json_format());
  formats.push_back(logfmt_format());
  formats.push_back(plain_format());
  return formats;
}

}  // namespace logforest::parse
