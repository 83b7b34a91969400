#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "logforest/base/hash.hpp"
#include "logforest/search/digest.hpp"
#include "logforest/search/digest_format.hpp"
#include "logforest/search/find_in.hpp"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace logforest::search {

namespace {
constexpr std::size_t kMostRaw = std::size_t{1} << 26;  // of a frame that is read
constexpr std::size_t kFewHits = 16;                    // whose peers are counted one by one

// Where a wording of a term stands in a text: the marks from `first` on have to fit.
struct Place {
  std::uint32_t term;
  const Wording* wording;
  std::uint32_t first;
};
struct Text {
  std::size_t begin;
  std::vector<Place> places;  // by term; none: every record with this text is named
};

struct Scratch {
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> zstd{ZSTD_createDCtx(), ZSTD_freeDCtx};
  std::string texts;
  std::string rows;
};

bool decompress(Scratch& scratch, std::string_view frame, std::string& out) {
  const unsigned long long size = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (!scratch.zstd || size > kMostRaw) return false;  // errors are huge numbers
  out.resize(size);
  const std::size_t got =
      ZSTD_decompressDCtx(scratch.zstd.get(), out.data(), size, frame.data(), frame.size());
  return ZSTD_isError(got) == 0 && got == size;
}

// Bits of the bytes of a block that are `wanted`.
constexpr std::size_t kBlock = 64;
std::uint64_t bits_of(const char* block, char wanted) noexcept {
  std::uint64_t bits = 0;
#ifdef __SSE2__
  constexpr std::size_t kLanes = 16;
  const __m128i byte = _mm_set1_epi8(wanted);
  for (std::size_t i = 0; i < kBlock; i += kLanes) {
    const __m128i lanes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block + i));
    bits |= std::uint64_t{static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(lanes, byte)))}
            << i;
  }
#else
  for (std::size_t i = 0; i < kBlock; ++i) bits |= std::uint64_t{block[i] == wanted} << i;
#endif
  return bits;
}

// f(end, marks) for each text: where it ends and how many marks it has.
template <class F>
void each_text(std::string_view texts, F&& f) {
  std::uint32_t count = 0;
  for (std::size_t at = 0; at < texts.size(); at += kBlock) {
    std::array<char, kBlock> rest;
    const char* block = texts.data() + at;
    if (texts.size() - at < kBlock) {
      rest.fill(' ');
      std::ranges::copy(texts.substr(at), rest.begin());
      block = rest.data();
    }
    std::uint64_t marks = bits_of(block, kShortNumber) | bits_of(block, kRareWord);
    for (std::uint64_t ends = bits_of(block, '\0'); ends != 0; ends &= ends - 1) {
      const std::uint64_t before = marks & ((ends & (~ends + 1)) - 1);
      f(at + static_cast<std::size_t>(std::countr_zero(ends)),
        count + static_cast<std::uint32_t>(std::popcount(before)));
      marks ^= before;
      count = 0;
    }
    count += static_cast<std::uint32_t>(std::popcount(marks));
  }
}

std::uint32_t marks_in(std::string_view text) noexcept {
  return static_cast<std::uint32_t>(
      std::ranges::count_if(text, [](char c) { return c == kShortNumber || c == kRareWord; }));
}

// Where the terms are in a text; nullopt when one is nowhere.
std::optional<std::vector<Place>> places_in(std::string_view text,
                                            const std::vector<std::vector<Wording>>& terms) {
  std::vector<Place> out;
  for (std::uint32_t term = 0; term < terms.size(); ++term) {
    const std::size_t before = out.size();
    bool always = false;  // somewhere without marks that have to fit
    for (const Wording& any : terms[term]) {
      std::size_t at = text.find(any.text);
      std::size_t from = 0;
      std::uint32_t first = 0;
      while (at != std::string_view::npos && !always) {
        always = any.marks.empty();
        first += marks_in(text.substr(from, at - from));
        from = at;
        out.push_back({term, &any, first});
        at = text.find(any.text, at + 1);
      }
    }
    if (out.size() == before) return std::nullopt;
    if (always) out.resize(before);
  }
  return out;
}

// Ids of runs, one by one.
std::optional<std::vector<std::int64_t>> ids_of(std::string_view runs, std::size_t rows) {
  std::vector<std::int64_t> out;
  out.reserve(rows);
  for (std::size_t at = 0; at < runs.size(); at += 16) {
    const auto first = static_cast<std::int64_t>(load_le64(runs.data() + at));
    const auto last = static_cast<std::int64_t>(load_le64(runs.data() + at + 8));
    if (first < 0 || last < first || static_cast<std::uint64_t>(last - first) >= rows - out.size())
      return std::nullopt;
    for (std::int64_t id = first; id <= last; ++id) out.push_back(id);
  }
  if (out.size() != rows) return std::nullopt;
  return out;
}

// What a digest says about records, decompressed.
struct Rows {
  std::size_t size = 0;
  std::size_t marks = 0;
  std::string_view raw;

  [[nodiscard]] std::size_t two_bytes(std::size_t at, std::size_t high) const noexcept {
    return static_cast<unsigned char>(raw[at]) |
           static_cast<std::size_t>(static_cast<unsigned char>(raw[high])) << 8;
  }
  [[nodiscard]] std::size_t text(std::size_t row) const noexcept {
    return two_bytes(row, size + row);
  }
  [[nodiscard]] std::size_t mark(std::size_t at) const noexcept {
    return two_bytes(2 * size + at, 2 * size + marks + at);
  }
  // False: damaged, or not of as many records as the ids are.
  bool read(std::string_view frame, std::string_view runs) noexcept {
    std::uint32_t count = 0;
    if (frame.size() < sizeof count || runs.size() % 16 != 0) return false;
    std::memcpy(&count, frame.data(), sizeof count);
    raw = frame.substr(sizeof count);
    marks = count;
    size = 0;
    for (std::size_t at = 0; at < runs.size(); at += 16) {
      size += load_le64(runs.data() + at + 8) - load_le64(runs.data() + at) + 1;
    }
    // Texts and marks take two bytes each, a time at least one.
    return size <= raw.size() && marks <= raw.size() && 2 * (size + marks) <= raw.size();
  }
  [[nodiscard]] std::optional<std::vector<std::int64_t>> times() const {
    std::string_view in = raw.substr(2 * (size + marks));
    std::uint64_t unit = 0;
    if (!get_varint(in, unit)) return std::nullopt;
    std::vector<std::int64_t> out(size);
    std::uint64_t time = 0;
    for (std::int64_t& t : out) {
      std::uint64_t step = 0;
      if (!get_varint(in, step)) return std::nullopt;
      time += static_cast<std::uint64_t>(unzigzag(step));
      t = static_cast<std::int64_t>(time * unit);
    }
    if (!in.empty()) return std::nullopt;
    return out;
  }
};

// The rows whose text is wanted (`wanted` has for each text which of `found` it is, plus one) and
// whose marks fit; nullopt: damaged. `counts`: marks of each text; none: none matter.
std::optional<std::vector<std::uint32_t>> rows_with(const Rows& rows,
                                                    const std::vector<Text>& found,
                                                    const std::vector<std::uint32_t>& wanted,
                                                    const std::vector<std::uint32_t>& counts) {
  std::vector<std::uint32_t> out;
  std::vector<std::uint32_t> having(counts.size());  // records with this text
  std::vector<std::size_t> begins(counts.size());    // of its marks
  if (!counts.empty()) {
    for (std::size_t row = 0; row < rows.size; ++row) {
      const std::size_t text = rows.text(row);
      if (text >= having.size()) return std::nullopt;
      ++having[text];
    }
    std::size_t total = 0;
    for (std::size_t text = 0; text < counts.size(); ++text) {
      begins[text] = total;
      total += std::size_t{having[text]} * counts[text];
    }
    if (total != rows.marks) return std::nullopt;
  }
  std::vector<std::uint32_t> seen(counts.size());
  for (std::size_t row = 0; row < rows.size; ++row) {
    const std::size_t text = rows.text(row);
    if (text >= wanted.size()) return std::nullopt;
    if (wanted[text] == 0) continue;
    const std::vector<Place>& places = found[wanted[text] - 1].places;
    const std::size_t nth = counts.empty() ? 0 : seen[text]++;
    const auto fits = [&](const Place& place) {
      for (std::size_t i = 0; i < place.wording->marks.size(); ++i) {
        const std::size_t mark = place.first + i;
        if (mark >= counts[text]) return true;  // damaged
        if (!place.wording->marks[i].fits(rows.mark(begins[text] + mark * having[text] + nth)))
          return false;
      }
      return true;
    };
    bool all = true;
    for (auto place = places.begin(); all && place != places.end();) {
      const auto next = std::find_if(place, places.end(),
                                     [&](const Place& other) { return other.term != place->term; });
      all = std::any_of(place, next, fits);
      place = next;
    }
    if (all) out.push_back(static_cast<std::uint32_t>(row));
  }
  return out;
}
}  // namespace

DigestSearch::DigestSearch(std::span<const std::string> terms) {
  for (const std::string& term : terms) {
    std::vector<Pattern> any;
    for (Spelling& spelling : spellings(term)) any.emplace_back(std::move(spelling));
    if (any.empty()) continue;
    marks_ |= term.find(kRareWord) != std::string::npos;
    terms_.push_back(std::move(any));
  }
  // The longest first: it tends to be rarest, and nothing else is looked for when it is not there.
  std::ranges::stable_sort(terms_, std::greater{},
                           [](const auto& any) { return any.front().text().size(); });
}

namespace {
// The first frame of a digest.
struct Texts {
  std::string_view words;
  std::string_view texts;
  bool read(std::string_view frame, bool with_words) noexcept {
    texts = frame;
    if (with_words) {
      std::uint32_t size = 0;
      if (frame.size() < sizeof size) return false;
      std::memcpy(&size, frame.data(), sizeof size);
      frame.remove_prefix(sizeof size);
      if (size > frame.size() || (size > 0 && frame[size - 1] != '\0')) return false;
      words = frame.substr(0, size);
      texts = frame.substr(size);
    }
    return !texts.empty() && texts.back() == '\0';
  }
};
}  // namespace

std::optional<std::vector<Hit>> DigestSearch::find(std::string_view digest,
                                                   std::string_view runs) const {
  thread_local Scratch scratch;
  std::uint32_t length = 0;
  if (digest.size() < sizeof length || terms_.empty()) return std::nullopt;
  std::memcpy(&length, digest.data(), sizeof length);
  const std::uint32_t version = length & kDigestVersionMask;
  if (version != kDigestVersion && (version != kDigestWithoutWords || marks_)) return std::nullopt;
  length &= ~kDigestVersionMask;
  digest.remove_prefix(sizeof length);
  if (length > digest.size()) return std::nullopt;
  if (!decompress(scratch, digest.substr(0, length), scratch.texts)) return std::nullopt;
  Texts frame;
  if (!frame.read(scratch.texts, version == kDigestVersion)) return std::nullopt;
  const std::string_view texts = frame.texts;
  std::vector<std::vector<Wording>> terms;
  bool numbered = false;  // whether marks have to fit
  for (const std::vector<Pattern>& patterns : terms_) {
    auto& wordings = terms.emplace_back();
    for (const Pattern& pattern : patterns) pattern.wordings(frame.words, texts, wordings);
    numbered |= std::ranges::any_of(wordings, [](const Wording& w) { return !w.marks.empty(); });
  }

  std::vector<std::size_t> begins;  // of texts that hold the first term
  for (const Wording& any : terms.front()) {
    for (std::size_t at = find_in(texts, any.text, 0); at != std::string_view::npos;) {
      const std::size_t end = texts.find('\0', at);
      const std::size_t before = texts.rfind('\0', at);
      begins.push_back(before == std::string_view::npos ? 0 : before + 1);
      at = find_in(texts, any.text, end);
    }
  }
  std::ranges::sort(begins);
  std::vector<Text> found;
  for (std::size_t i = 0; i < begins.size(); ++i) {
    if (i > 0 && begins[i] == begins[i - 1]) continue;
    const std::size_t begin = begins[i];
    auto places = places_in(texts.substr(begin, texts.find('\0', begin) - begin), terms);
    if (places) found.push_back({begin, std::move(*places)});
  }
  std::vector<Hit> out;
  if (found.empty()) return out;

  if (!decompress(scratch, digest.substr(length), scratch.rows)) return std::nullopt;
  Rows rows;
  if (!rows.read(scratch.rows, runs)) return std::nullopt;
  std::vector<std::uint32_t> wanted;
  std::vector<std::uint32_t> counts;
  std::size_t begin = 0;
  std::size_t next = 0;
  each_text(texts, [&](std::size_t end, std::uint32_t marks) {
    const bool here = next < found.size() && found[next].begin == begin;
    wanted.push_back(here ? static_cast<std::uint32_t>(++next) : 0);
    if (numbered) counts.push_back(marks);
    begin = end + 1;
  });
  const auto named = rows_with(rows, found, wanted, counts);
  if (!named) return std::nullopt;
  if (named->empty()) return out;

  const auto ids = ids_of(runs, rows.size);
  const auto times = rows.times();
  if (!ids || !times) return std::nullopt;
  std::vector<std::int64_t> sorted;
  if (named->size() > kFewHits) {
    sorted = *times;
    std::ranges::sort(sorted);
  }
  for (const std::uint32_t row : *named) {
    const std::int64_t time = (*times)[row];
    const auto [first, last] = std::equal_range(sorted.begin(), sorted.end(), time);
    const auto peers = sorted.empty() ? std::ranges::count(*times, time) : last - first;
    out.push_back({time, (*ids)[row], static_cast<std::int32_t>(peers)});
  }
  return out;
}

}  // namespace logforest::search
