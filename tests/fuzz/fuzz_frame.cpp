// Framers: frames follow each other without a gap to the end of the data, their texts and lines lie
// inside them, and bytes that come in pieces give the same records.
//
// The first byte picks the framer, the second how large the pieces are.
#include "fuzz.hpp"
#include "logforest/parse/framing.hpp"
#include "logforest/parse/json_framer.hpp"

using namespace logforest;
using namespace logforest::parse;

namespace {

constexpr std::size_t kLongest = 500;

struct Cut {
  std::string records;  // place, length and fate of every text
  std::int64_t lines = 0;
  std::size_t end = 0;
};

// Frames of `data`, of which only data[0, seen) is shown unless that is all.
void cut(Framer& framer, std::string_view data, std::size_t seen, Cut& into) {
  const std::string_view shown = data.substr(0, seen);
  const bool complete = seen == data.size();
  while (into.end < shown.size()) {
    const auto frame = framer.next(shown, into.end, complete);
    fuzz::require(frame || !complete, "no frame though bytes are left", data);
    if (!frame) return;
    fuzz::require(frame->consumed > 0 && frame->consumed <= shown.size() - into.end,
                  "a frame ends outside the data", data);
    fuzz::require(frame->lines >= 0, "lines below zero", data);
    if (!frame->text.empty()) {
      const auto place = static_cast<std::size_t>(frame->text.data() - shown.data());
      fuzz::require(place >= into.end && place + frame->text.size() <= into.end + frame->consumed,
                    "a text outside its frame", data);
      into.records += std::to_string(place) + "+" + std::to_string(frame->text.size()) + " " +
                      std::to_string(static_cast<int>(frame->reject)) + "\n";
    }
    into.lines += frame->lines;
    into.end += frame->consumed;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string source(fuzz::view(data + 2, size - 2));
  ParseOptions options;
  options.max_line_bytes = kLongest;
  const auto make = [&]() -> std::unique_ptr<Framer> {
    switch (data[0] % 3) {
      case 0:
        return make_json_framer(options, "[\n");  // any source as a document
      case 1:
        return make_json_framer(options, source);
      default:
        return make_syslog_framer(kLongest);
    }
  };
  const auto framer = make();
  if (!framer) return 0;
  Cut whole;
  cut(*framer, source, source.size(), whole);
  fuzz::require(whole.end == source.size(), "bytes are left over", source);

  const auto again = make();
  Cut pieces;
  const std::size_t step = 1 + data[1];
  for (std::size_t seen = step; seen < source.size(); seen += step) {
    // The reader drops what is longer than any record before it asks on.
    if (seen - pieces.end > kLongest) return 0;
    cut(*again, source, seen, pieces);
  }
  cut(*again, source, source.size(), pieces);
  fuzz::require(whole.records == pieces.records, "whole and in pieces differ", whole.records,
                pieces.records);
  fuzz::require(pieces.lines >= whole.lines, "lines are lost", source);
  return 0;
}
