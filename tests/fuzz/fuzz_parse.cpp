// Parsers: no input crashes one, every line is accounted for, rejects stand where they say, columns
// hold what they promise, and the result does not depend on threads, chunks, the pieces the source
// came in, or the shortcuts of detection.
//
// LOGFOREST_FUZZ_FORMAT names the format: a built-in one's, "files" for the built-in format files
// (the first line names one), default "auto"; "list" prints all and ends; "seeds" writes the
// samples of the format files into the folder that is the first argument and ends.
#include <simdjson.h>

#include <algorithm>
#include <fstream>

#include "fuzz.hpp"
#include "logforest/base/utf8.hpp"
#include "logforest/parse/reader.hpp"
#include "logforest/parse/regex_format.hpp"
#include "logforest/parse/registry.hpp"
#include "logforest/pipeline/enrich.hpp"
#include "yaml_formats.hpp"

using namespace logforest;

namespace {

std::string wanted() {
  const char* format = std::getenv("LOGFOREST_FUZZ_FORMAT");
  return format != nullptr && *format != '\0' ? format : "auto";
}

std::vector<std::string>& files() {
  static std::vector<std::string> names;
  return names;
}

// The format file that the first line names, or one by its length; the line is taken off.
const std::string& pick_file(std::string_view& source) {
  const std::string_view name = source.substr(0, source.find('\n'));
  source.remove_prefix(std::min(name.size() + 1, source.size()));
  const auto found = std::find(files().begin(), files().end(), name);
  return found != files().end() ? *found : files()[name.size() % files().size()];
}

void write_seeds(const std::string& folder) {
  for (const auto& [spec, samples] : fuzz::yaml_formats()) {
    std::ofstream out(folder + "/" + spec.name, std::ios::binary);
    out << spec.name << '\n';
    for (const std::string& sample : samples) out << sample << '\n';
  }
}

// How the source is cut: any change of it may change that.
std::uint8_t how_to_cut(std::string_view source) {
  std::uint8_t sum = 0;
  for (const char c : source)
    sum = static_cast<std::uint8_t>(sum * 31U + static_cast<unsigned char>(c));
  return sum;
}

parse::ParseOptions options() {
  parse::ParseOptions o;
  o.received_us = 1'762'000'000'000'000;
  o.max_line_bytes = 2000;
  o.max_depth = 20;
  o.max_fields = 30;
  o.max_reject_text = 100;
  o.threads = 1;
  return o;
}

std::size_t line_ends(std::string_view text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

// Columns: texts are UTF-8, metadata is a JSON object, what is never null is there.
void check_columns(RecordBatch& batch) {
  static simdjson::dom::parser json;
  const auto check = [&](const auto& column) {
    using Column = std::remove_cvref_t<decltype(column)>;
    if constexpr (std::is_same_v<Column, Utf8Column> || std::is_same_v<Column, DictColumn>) {
      for (std::size_t r = 0; r < batch.rows; ++r) {
        if (column.is_valid(r)) fuzz::require(valid_utf8(column[r]), "not UTF-8", column[r]);
      }
    }
  };
  batch.for_each_column(check);
  for (std::size_t r = 0; r < batch.rows; ++r) {
    fuzz::require(batch.timestamp.is_valid(r) && batch.level.is_valid(r) &&
                      batch.message.is_valid(r) && batch.tenant.is_valid(r),
                  "a null that must not be");
    if (!batch.metadata.is_valid(r)) continue;
    const std::string_view text = batch.metadata[r];
    simdjson::dom::object object;
    fuzz::require(json.parse(text.data(), text.size()).get(object) == simdjson::SUCCESS,
                  "metadata is no JSON object", text);
  }
}

// Rejects: in order, inside the source, and their text is what stands there.
void check_rejects(const LogBatch& batch, std::string_view source, bool by_line) {
  const RejectTable& rejects = *batch.rejected;
  // Records of the journal are made into text first.
  const bool as_it_is = valid_utf8(source) && batch.format != "journal_export";
  for (std::size_t r = 0; r < rejects.size(); ++r) {
    const auto line = static_cast<std::size_t>(rejects.line[r]);
    const auto at = static_cast<std::size_t>(rejects.offset[r]);
    const std::string_view text = rejects.text[r];
    fuzz::require(rejects.line[r] >= 1 && rejects.line[r] <= batch.counts.lines,
                  "a reject's line is none", text);
    fuzz::require(at < source.size(), "a reject outside the source", text);
    fuzz::require(valid_utf8(text), "a reject that is not UTF-8", text);
    // An array that nothing closes is told at the end, with the place of its bracket.
    const bool late = static_cast<Reject>(rejects.reason[r]) == Reject::Truncated && text == "[";
    if (r > 0 && !late) {
      fuzz::require(
          rejects.offset[r] >= rejects.offset[r - 1] && rejects.line[r] >= rejects.line[r - 1],
          "rejects out of order", text);
    }
    if (as_it_is) fuzz::require(source.substr(at).starts_with(text), "not what is there", text);
    if (by_line) {
      fuzz::require(line_ends(source.substr(0, at)) + 1 == line, "another line's number", text);
    }
  }
}

// `one_each`: a line holds at most one record (a JSON array holds several). `by_line`: lines are
// what line ends end, and not frames of so many bytes.
void check_counts(const LogBatch& batch, std::string_view source, bool one_each, bool by_line) {
  const LineCounts& c = batch.counts;
  fuzz::require(static_cast<std::size_t>(c.records) == batch.num_rows(), "records != rows");
  fuzz::require(static_cast<std::size_t>(c.rejected) == batch.rejected->size(),
                "rejects do not add up");
  fuzz::require(std::min({c.lines, c.records, c.rejected, c.continuation, c.blank}) >= 0,
                "a count below zero");
  if (source.starts_with("\xef\xbb\xbf")) source.remove_prefix(3);  // a byte order mark is no line
  const std::size_t last = !source.empty() && source.back() != '\n' ? 1 : 0;
  fuzz::require(!by_line || static_cast<std::size_t>(c.lines) == line_ends(source) + last,
                "lines are lost", fuzz::describe(batch), source);
  fuzz::require(!one_each || c.lines == c.records + c.rejected + c.continuation + c.blank,
                "lines are not accounted for", fuzz::describe(batch), source);
}

LogBatch in_pieces(std::string_view source, parse::ParseOptions o, std::uint8_t how) {
  o.chunk_bytes = 64 + (how % 8U) * 64U;
  o.threads = how % 32 == 31 ? 3 : 1;
  parse::Reader reader(o);
  const std::size_t step = 1 + how / 8U * 5U;
  for (std::size_t at = 0; at < source.size(); at += step) reader.feed(source.substr(at, step));
  return reader.finish();
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  if (wanted() == "list") {
    for (const auto& format : parse::all_formats()) std::puts(format->name.c_str());
    std::puts("files\nregex_file");
    std::exit(0);
  }
  if (wanted() == "seeds" && *argc > 1) {
    write_seeds((*argv)[1]);
    std::exit(0);
  }
  for (auto& [spec, samples] : fuzz::yaml_formats()) {
    files().push_back(spec.name);
    parse::register_format(parse::regex_format(std::move(spec)));
  }
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
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string format = wanted();
  std::string_view source = fuzz::view(data, size);
  parse::ParseOptions whole = options();
  whole.format = format == "files" ? pick_file(source) : format;
  LogBatch one = parse::parse_buffer(source, whole);
  const bool json = whole.format == "json" || whole.format == "auto";
  const bool by_line = !json && !whole.format.starts_with("rfc");
  check_counts(one, source, !json, by_line);
  check_rejects(one, source, by_line);
  for (const auto& chunk : one.chunks) check_columns(*chunk);

  const std::string a = fuzz::describe(one);
  const std::string b = fuzz::describe(in_pieces(source, whole, how_to_cut(source)));
  fuzz::require(a == b, "whole and in pieces differ", a, b);
  if (whole.format == "auto" || format == "files") {
    whole.ask_all = true;
    const std::string all = fuzz::describe(parse::parse_buffer(source, whole));
    fuzz::require(a == all, "shortcuts change the result", a, all);
  }

  static const auto masker = std::make_shared<const normalize::Masker>(normalize::MaskRules{});
  for (const auto& chunk : one.chunks) {
    enrich(*chunk, {.masker = masker, .categorise = {}});
    check_columns(*chunk);
  }
  masker->mask(*one.rejected);
  return 0;
}
