// Parsers: no input crashes one, every line is accounted for, and the result does not depend on
// threads, chunks or the pieces the source came in.
//
// LOGFOREST_FUZZ_FORMAT names the format (default: auto); "list" prints all names and ends.
#include "fuzz.hpp"
#include "logforest/parse/reader.hpp"
#include "logforest/parse/regex_format.hpp"
#include "logforest/parse/registry.hpp"
#include "logforest/pipeline/enrich.hpp"

using namespace logforest;

namespace {

parse::ParseOptions options() {
  parse::ParseOptions o;
  const char* format = std::getenv("LOGFOREST_FUZZ_FORMAT");
  o.format = format != nullptr ? format : "auto";
  o.received_us = 1'762'000'000'000'000;
  o.max_line_bytes = 2000;
  o.max_depth = 20;
  o.max_fields = 30;
  o.threads = 1;
  return o;
}

std::size_t rows_and_text(const LogBatch& batch) {
  std::size_t rows = 0;
  for (const auto& chunk : batch.chunks) rows += chunk->rows;
  return rows;
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  parse::RegexSpec spec;  // what users' patterns and format files become
  spec.name = "regex_file";
  spec.patterns = {
      R"(^(?P<timestamp>[\d. :]+) \[(?P<level>\w+)\] (?P<status>\d+) (?P<message>.*)$)",
      R"(^(?P<client_ip>\S+) (?P<path>/\S*) (?P<duration_ms>[\d.]+))"};
  spec.time_formats = {"%d.%m.%Y %H:%M:%S", "%H:%M:%S"};
  spec.levels = {{"W", "WARN"}, {"E", "ERROR"}};
  spec.integers = {"status"};
  spec.constants = {{"service", "fuzz"}};
  spec.multiline = true;
  parse::register_format(parse::regex_format(std::move(spec)));
  if (options().format == "list") {
    for (const auto& format : parse::all_formats()) std::puts(format->name.c_str());
    std::exit(0);
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::uint8_t how = data[0];
  const std::string_view source = fuzz::view(data + 1, size - 1);
  const parse::ParseOptions whole = options();
  LogBatch one = parse::parse_buffer(source, whole);
  const LineCounts& c = one.counts;
  fuzz::require(static_cast<std::size_t>(c.records) == rows_and_text(one), "records != rows");
  fuzz::require(static_cast<std::size_t>(c.rejected) == one.rejected->size(),
                "rejects do not add up");

  parse::ParseOptions pieces = whole;
  pieces.chunk_bytes = 64 + (how % 8U) * 64U;
  pieces.threads = how % 32 == 31 ? 3 : 1;
  parse::Reader reader(pieces);
  const std::size_t step = 1 + how / 8U * 5U;
  for (std::size_t at = 0; at < source.size(); at += step) reader.feed(source.substr(at, step));
  const LogBatch other = reader.finish();
  const std::string a = fuzz::describe(one);
  const std::string b = fuzz::describe(other);
  fuzz::require(a == b, "whole and in pieces differ", a, b);

  static const auto masker = std::make_shared<const normalize::Masker>(normalize::MaskRules{});
  for (const auto& chunk : one.chunks) enrich(*chunk, {.masker = masker, .categorise = {}});
  masker->mask(*one.rejected);
  return 0;
}
