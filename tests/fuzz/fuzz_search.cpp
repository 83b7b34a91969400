// Search segments: whatever bytes a message has, no piece of it is ruled out, and folding twice is
// folding once. The first byte says where the piece is cut.
#include "fuzz.hpp"
#include "logforest/search/fold.hpp"
#include "logforest/search/segment.hpp"

using namespace logforest;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view text = fuzz::view(data + 1, size - 1);
  std::string folded;
  search::fold(text, folded);
  std::string again;
  search::fold(folded, again);
  fuzz::require(folded == again, "folding changes what is folded");

  search::SegmentBuilder builder(4);
  builder.add(1, 1, text);
  builder.value(search::value_hash("service", text));
  const search::Segment segment = builder.finish();
  fuzz::require(segment.filter.size() == static_cast<std::size_t>(segment.words) * 8, "size");

  const auto inside = [&](std::size_t at) {
    return at < folded.size() && (static_cast<unsigned char>(folded[at]) & 0xc0) == 0x80;
  };
  std::size_t from = folded.empty() ? 0 : data[0] % folded.size();
  while (inside(from)) ++from;
  for (std::size_t to = from; to <= folded.size() && to < from + 24; ++to) {
    if (inside(to)) continue;
    for (const auto& probe : search::probes(folded.substr(from, to - from), 100)) {
      fuzz::require(search::may_hold(segment, probe), "a piece of the text is ruled out");
    }
    const std::vector<std::string> terms{folded.substr(from, to - from)};
    const auto hits = search::DigestSearch(terms).find(segment.digest, segment.ids);
    fuzz::require(!hits || hits->size() == 1, "the digest lacks a piece of the text");
  }
  for (const auto& probe : search::value_probes(search::value_hash("service", text))) {
    fuzz::require(search::may_hold(segment, probe), "a value is ruled out");
  }
  // Bytes that are no digest: whatever they say, no crash.
  (void)search::DigestSearch(std::vector<std::string>{"x"}).find(text, segment.ids);
  return 0;
}
