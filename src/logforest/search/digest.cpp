#include "logforest/search/digest.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <numeric>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "logforest/base/hash.hpp"
#include "logforest/search/fold.hpp"

namespace logforest::search {

// A digest: length of the first frame (uint32, little-endian), a zstd frame of the texts, a zstd
// frame of codes (low bytes, then high bytes) and times (unit in microseconds, differences to the
// one before, as varints).
namespace {
constexpr char kNumber = '\x01';
constexpr std::size_t kShortNumber = 3;  // digits of status and exit codes, which people look for
constexpr int kLevel = 1;                // of zstd
constexpr std::size_t kMostTexts = 0xffff;                    // codes are 16 bits
constexpr std::size_t kMostTextBytes = std::size_t{1} << 24;  // in memory
constexpr std::size_t kLeast = 1024;                    // bytes of a digest that are always fine,
constexpr std::size_t kMostBytesPerRow = 24;            // or so many a record,
constexpr std::size_t kMostShare = 4;                   // or an n-th of long messages
constexpr std::size_t kMostRaw = std::size_t{1} << 26;  // of a frame that is read
constexpr std::array<std::int64_t, 3> kUnits{1'000'000, 1000, 1};

enum Kind : std::uint8_t { kOther, kHex, kDigit };
constexpr auto kKinds = [] {
  std::array<Kind, 256> kinds{};
  for (std::size_t c = 'a'; c <= 'f'; ++c) kinds[c] = kHex;
  for (std::size_t c = '0'; c <= '9'; ++c) kinds[c] = kDigit;
  return kinds;
}();
Kind kind_of(char c) noexcept { return kKinds[static_cast<unsigned char>(c)]; }

void put_varint(std::string& out, std::uint64_t v) {
  for (; v >= 0x80; v >>= 7) out.push_back(static_cast<char>(v | 0x80));
  out.push_back(static_cast<char>(v));
}
constexpr std::uint64_t zigzag(std::int64_t v) noexcept {
  return static_cast<std::uint64_t>(v) << 1 ^ static_cast<std::uint64_t>(v >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t v) noexcept {
  return static_cast<std::int64_t>(v >> 1 ^ (~(v & 1) + 1));
}
bool get_varint(std::string_view& in, std::uint64_t& v) noexcept {
  v = 0;
  for (unsigned shift = 0; shift < 64 && !in.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    v |= std::uint64_t{byte & 0x7fU} << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

struct Scratch {
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> zstd{ZSTD_createDCtx(), ZSTD_freeDCtx};
  std::string texts;
  std::string rows;
};

bool decompress(Scratch& scratch, std::string_view frame, std::string& out) {
  const unsigned long long size = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (!scratch.zstd || size > kMostRaw) return false;  // errors are huge numbers
  if (out.size() < size) out.resize(size);
  const std::size_t got =
      ZSTD_decompressDCtx(scratch.zstd.get(), out.data(), size, frame.data(), frame.size());
  if (ZSTD_isError(got) != 0 || got != size) return false;
  out.resize(size);
  return true;
}

// As text.find(needle, from), sixteen places at a time: those where its first and last byte fit.
std::size_t find_in(std::string_view text, std::string_view needle, std::size_t from) noexcept {
#ifdef __SSE2__
  constexpr std::size_t kLanes = 16;
  const std::size_t last = needle.size() - 1;
  const __m128i first_byte = _mm_set1_epi8(needle.front());
  const __m128i last_byte = _mm_set1_epi8(needle.back());
  const auto load = [&](std::size_t at) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
  };
  for (; from + last + kLanes <= text.size(); from += kLanes) {
    const __m128i fits = _mm_and_si128(_mm_cmpeq_epi8(load(from), first_byte),
                                       _mm_cmpeq_epi8(load(from + last), last_byte));
    for (auto places = static_cast<unsigned>(_mm_movemask_epi8(fits)); places != 0;
         places &= places - 1) {
      const std::size_t at = from + static_cast<std::size_t>(std::countr_zero(places));
      if (std::memcmp(text.data() + at, needle.data(), needle.size()) == 0) return at;
    }
  }
#endif
  return text.find(needle, from);
}

// Ids of runs, one by one.
std::optional<std::vector<std::int64_t>> ids_of(std::string_view runs, std::size_t rows) {
  std::vector<std::int64_t> out;
  out.reserve(rows);
  if (runs.size() % 16 != 0) return std::nullopt;
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
}  // namespace

void without_numbers(std::string_view folded, std::string& out) {
  out.resize(folded.size());
  std::size_t size = 0;
  std::size_t run = 0;     // where the current run begins in `out`
  std::size_t digits = 0;  // of it
  const auto end_run = [&] {
    if (digits > 0 && (size - run != kShortNumber || digits != kShortNumber)) {
      size = run;
      out[size++] = kNumber;
    }
    digits = 0;
  };
  for (const char c : folded) {
    const Kind kind = kind_of(c);
    if (kind == kOther) {
      end_run();
      out[size++] = c;
      run = size;
    } else {
      digits += kind == kDigit ? 1 : 0;
      out[size++] = c;
    }
  }
  end_run();
  out.resize(size);
}

std::vector<std::string> spellings(std::string_view term) {
  std::string text;
  fold(term, text);
  const auto other = [](char c) { return kind_of(c) == kOther; };
  const auto first = std::ranges::find_if(text, other);
  if (first == text.end()) return {};
  const auto last = std::find_if(text.rbegin(), text.rend(), other).base();
  // An end is what it is (no number, or part of a short one) or belongs to a number that goes on
  // outside of the term.
  const auto ends = [](std::string_view end) {
    std::vector<std::string> out;
    const auto digits = std::ranges::count_if(end, [](char c) { return kind_of(c) == kDigit; });
    const auto size = static_cast<std::ptrdiff_t>(end.size());
    if (digits == 0 || (digits == size && end.size() <= kShortNumber)) out.emplace_back(end);
    if (!end.empty()) out.emplace_back(1, kNumber);
    return out;
  };
  std::string middle;
  without_numbers(std::string_view(first, last), middle);
  std::vector<std::string> out;
  for (const std::string& a : ends(std::string_view(text.begin(), first))) {
    for (const std::string& b : ends(std::string_view(last, text.end()))) {
      out.push_back(a + middle + b);
    }
  }
  return out;
}

DigestBuilder::DigestBuilder(std::size_t rows)
    : slots_(std::bit_ceil(std::max<std::size_t>(rows, 32) * 2)),
      zstd_(ZSTD_createCCtx(), ZSTD_freeCCtx) {
  codes_.reserve(rows);
  times_.reserve(rows);
}

std::uint32_t DigestBuilder::code_of(std::string_view text) {
  const auto mask = slots_.size() - 1;
  for (std::size_t at = hash_bytes(text) & mask;; at = (at + 1) & mask) {
    if (slots_[at] == 0) {
      begins_.push_back(static_cast<std::uint32_t>(texts_.size()));
      texts_.append(text);
      texts_.push_back('\0');
      return (slots_[at] = static_cast<std::uint32_t>(begins_.size())) - 1;
    }
    const std::uint32_t code = slots_[at] - 1;
    const std::size_t end = code + 1 < begins_.size() ? begins_[code + 1] : texts_.size();
    if (std::string_view(texts_).substr(begins_[code], end - begins_[code] - 1) == text)
      return code;
  }
}

void DigestBuilder::add(std::int64_t time, std::string_view folded) {
  times_.push_back(time);
  bytes_ += folded.size();
  // Too much: finish() sees that codes are missing.
  if (texts_.size() > kMostTextBytes || begins_.size() >= std::min(kMostTexts, slots_.size() / 2))
    return;
  without_numbers(folded, reduced_);
  codes_.push_back(static_cast<std::uint16_t>(code_of(reduced_)));
}

void DigestBuilder::compress(std::string_view raw, std::string& out) {
  const std::size_t start = out.size();
  out.resize(start + ZSTD_compressBound(raw.size()));
  const std::size_t size = ZSTD_compressCCtx(zstd_.get(), out.data() + start, out.size() - start,
                                             raw.data(), raw.size(), kLevel);
  out.resize(ZSTD_isError(size) != 0 ? 0 : start + size);
}

std::string DigestBuilder::finish(std::span<const std::int64_t> ids) {
  const std::size_t rows = times_.size();
  std::string out;
  if (zstd_ && rows > 0 && codes_.size() == rows && ids.size() == rows) {
    out.assign(4, '\0');
    compress(texts_, out);
    const auto texts = static_cast<std::uint32_t>(out.size() - 4);
    std::memcpy(out.data(), &texts, sizeof texts);

    std::vector<std::uint32_t> order(rows);
    std::iota(order.begin(), order.end(), 0U);
    if (!std::ranges::is_sorted(ids)) {
      std::ranges::stable_sort(order, {}, [&](std::uint32_t row) { return ids[row]; });
    }
    std::string raw;
    raw.reserve(rows * 4);
    for (const std::uint32_t row : order) raw.push_back(static_cast<char>(codes_[row]));
    for (const std::uint32_t row : order) raw.push_back(static_cast<char>(codes_[row] >> 8));
    const std::int64_t unit = *std::ranges::find_if(kUnits, [&](std::int64_t u) {
      return std::ranges::all_of(times_, [u](std::int64_t time) { return time % u == 0; });
    });
    put_varint(raw, static_cast<std::uint64_t>(unit));
    std::int64_t before = 0;
    for (const std::uint32_t row : order) {
      const std::int64_t time = times_[row] / unit;
      put_varint(raw, zigzag(time - before));
      before = time;
    }
    compress(raw, out);
    if (out.size() > std::max({kLeast, rows * kMostBytesPerRow, bytes_ / kMostShare})) out.clear();
  }
  bytes_ = 0;
  texts_.clear();
  begins_.clear();
  std::ranges::fill(slots_, 0);
  codes_.clear();
  times_.clear();
  return out;
}

DigestSearch::DigestSearch(std::span<const std::string> terms) {
  for (const std::string& term : terms) {
    if (auto any = spellings(term); !any.empty()) terms_.push_back(std::move(any));
  }
  // The longest first: it tends to be rarest, and nothing else is looked for when it is not there.
  std::ranges::stable_sort(terms_, std::greater{}, [](const auto& t) { return t.front().size(); });
}

std::optional<std::vector<Hit>> DigestSearch::find(std::string_view digest,
                                                   std::string_view runs) const {
  thread_local Scratch scratch;
  std::uint32_t length = 0;
  if (digest.size() < sizeof length || terms_.empty()) return std::nullopt;
  std::memcpy(&length, digest.data(), sizeof length);
  digest.remove_prefix(sizeof length);
  if (length > digest.size()) return std::nullopt;
  scratch.texts.clear();
  if (!decompress(scratch, digest.substr(0, length), scratch.texts)) return std::nullopt;
  const std::string_view texts = scratch.texts;
  if (texts.empty() || texts.back() != '\0') return std::nullopt;

  // Texts that hold all terms, as places in `texts`.
  std::vector<std::size_t> found;
  for (const std::string& spelling : terms_.front()) {
    for (std::size_t at = find_in(texts, spelling, 0); at != std::string_view::npos;) {
      const std::size_t end = texts.find('\0', at);
      const std::size_t begin = texts.rfind('\0', at);
      const std::size_t from = begin == std::string_view::npos ? 0 : begin + 1;
      const std::string_view text = texts.substr(from, end - from);
      const bool all = std::all_of(terms_.begin() + 1, terms_.end(), [&](const auto& any) {
        return std::ranges::any_of(any, [&](const auto& s) { return text.find(s) != text.npos; });
      });
      if (all) found.push_back(from);
      at = find_in(texts, spelling, end);
    }
  }
  std::vector<Hit> out;
  if (found.empty()) return out;

  scratch.rows.clear();
  if (!decompress(scratch, digest.substr(length), scratch.rows)) return std::nullopt;
  std::ranges::sort(found);
  std::vector<bool> wanted;
  for (std::size_t at = 0, next = 0; at < texts.size(); at = texts.find('\0', at) + 1) {
    while (next < found.size() && found[next] < at) ++next;
    wanted.push_back(next < found.size() && found[next] == at);
  }
  // Codes take two bytes a row and times at least one: the number of rows is that of the ids.
  std::size_t rows = 0;
  for (std::size_t at = 0; at + 16 <= runs.size(); at += 16) {
    rows += load_le64(runs.data() + at + 8) - load_le64(runs.data() + at) + 1;
  }
  if (rows > scratch.rows.size() / 2) return std::nullopt;
  const auto ids = ids_of(runs, rows);
  if (!ids) return std::nullopt;
  std::string_view in = std::string_view(scratch.rows).substr(rows * 2);
  std::uint64_t unit = 0;
  if (!get_varint(in, unit)) return std::nullopt;
  std::vector<std::int64_t> times(rows);
  std::uint64_t time = 0;
  for (std::int64_t& t : times) {
    std::uint64_t step = 0;
    if (!get_varint(in, step)) return std::nullopt;
    time += static_cast<std::uint64_t>(unzigzag(step));
    t = static_cast<std::int64_t>(time * unit);
  }
  if (!in.empty()) return std::nullopt;
  std::vector<std::int64_t> sorted = times;
  std::ranges::sort(sorted);
  for (std::size_t row = 0; row < rows; ++row) {
    const auto low = static_cast<unsigned char>(scratch.rows[row]);
    const auto high = static_cast<unsigned char>(scratch.rows[rows + row]);
    const std::size_t code = low | static_cast<std::size_t>(high) << 8;
    if (code >= wanted.size()) return std::nullopt;
    if (!wanted[code]) continue;
    const auto [first, last] = std::equal_range(sorted.begin(), sorted.end(), times[row]);
    out.push_back({times[row], (*ids)[row], static_cast<std::int32_t>(last - first)});
  }
  return out;
}

}  // namespace logforest::search
