#include "logforest/parse/block_formats.hpp"
#include "logforest/parse/fortigate.hpp"
#include "logforest/parse/json.hpp"
#include "logforest/parse/logfmt.hpp"
#include "logforest/parse/plain.hpp"
#include "logforest/parse/registry.hpp"
#include "logforest/parse/tables.hpp"
#include "logforest/parse/text_formats.hpp"

namespace logforest::parse {

std::vector<Format> builtin_formats() {
  std::vector<Format> formats;
  formats.push_back(json_format());
  formats.push_back(logfmt_format());
  formats.push_back(fortigate_format());
  for (Format& format : text_formats()) formats.push_back(std::move(format));
  formats.push_back(jul_format());
  formats.push_back(mysql_slow_format());
  formats.push_back(journal_export_format());
  formats.push_back(w3c_format());
  formats.push_back(zeek_format());
  formats.push_back(vpc_flow_format());
  formats.push_back(csv_format());
  formats.push_back(plain_format());
  return formats;
}

}  // namespace logforest::parse
