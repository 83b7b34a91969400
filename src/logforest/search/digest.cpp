#include "logforest/search/digest.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <numeric>

#include "logforest/base/hash.hpp"
#include "logforest/search/digest_format.hpp"

namespace logforest::search {

namespace {
constexpr int kLevel = 1;                                     // of zstd
constexpr std::size_t kMostTexts = 0xffff;                    // their numbers are 16 bits
constexpr std::size_t kMostTextBytes = std::size_t{1} << 24;  // in memory
constexpr std::size_t kLeast = 1024;                          // bytes of a digest that are fine,
constexpr std::size_t kMostBytesPerRow = 24;                  // or so many a record,
constexpr std::size_t kMostShare = 4;                         // or an n-th of long messages
constexpr std::size_t kCommonShare = 64;  // words of an n-th of the records are not rare,
constexpr std::size_t kLeastCommon = 4;   // nor those of so many
constexpr std::array<std::int64_t, 3> kUnits{1'000'000, 1000, 1};

void put_uint32(std::string& out, std::size_t at, std::uint32_t v) {
  std::memcpy(out.data() + at, &v, sizeof v);
}
// Low bytes, then high bytes: the latter hardly differ.
void put_split(std::string& out, const auto& values) {
  for (const std::uint16_t v : values) out.push_back(static_cast<char>(v));
  for (const std::uint16_t v : values) out.push_back(static_cast<char>(v >> 8));
}
}  // namespace

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
  number_begins_.push_back(static_cast<std::uint32_t>(numbers_.size()));
  without_numbers(folded, reduced_, numbers_);
  codes_.push_back(static_cast<std::uint16_t>(code_of(reduced_)));
}

bool DigestBuilder::compress(std::string_view raw, std::string& out) {
  const std::size_t start = out.size();
  out.resize(start + ZSTD_compressBound(raw.size()));
  const std::size_t size = ZSTD_compressCCtx(zstd_.get(), out.data() + start, out.size() - start,
                                             raw.data(), raw.size(), kLevel);
  if (ZSTD_isError(size) != 0) return false;
  out.resize(start + size);
  return true;
}

// What stands at one mark of one text follows each other: it is alike.
std::vector<NumberCode> DigestBuilder::marks_by_text(std::span<const std::uint32_t> order) const {
  std::vector<std::uint32_t> having(splitter_.size());  // records with this text
  std::vector<std::uint32_t> next(splitter_.size());    // where the first mark of the next goes
  std::vector<std::uint32_t> counts(splitter_.size());
  for (const std::uint16_t before : codes_) {
    const std::size_t text = splitter_.text_of(before);
    ++having[text];
    counts[text] = static_cast<std::uint32_t>(splitter_.marks_of(before).size());
  }
  std::uint32_t total = 0;
  for (std::size_t text = 0; text < next.size(); ++text) {
    next[text] = total;
    total += having[text] * counts[text];
  }
  std::vector<NumberCode> out(total);
  for (const std::uint32_t row : order) {
    const std::size_t text = splitter_.text_of(codes_[row]);
    std::size_t at = next[text]++;
    std::size_t number = number_begins_[row];
    for (const NumberCode mark : splitter_.marks_of(codes_[row])) {
      out[at] = mark == WordSplitter::kNumberHere ? numbers_[number++] : mark;
      at += having[text];
    }
  }
  return out;
}

std::string DigestBuilder::finish(std::span<const std::int64_t> ids) {
  const std::size_t rows = times_.size();
  std::string out;
  if (zstd_ && rows > 0 && codes_.size() == rows && ids.size() == rows) {
    std::vector<std::uint32_t> having(begins_.size());  // records with each text
    for (const std::uint16_t code : codes_) ++having[code];
    splitter_.split(texts_, begins_, having, std::max(kLeastCommon, rows / kCommonShare));
    std::string first(4, '\0');
    put_uint32(first, 0, static_cast<std::uint32_t>(splitter_.words().size()));
    first += splitter_.words();
    first += splitter_.texts();
    out.assign(4, '\0');
    bool fine = compress(first, out);
    put_uint32(out, 0, static_cast<std::uint32_t>(out.size() - 4) | kDigestVersion);

    std::vector<std::uint32_t> order(rows);
    std::iota(order.begin(), order.end(), 0U);
    if (!std::ranges::is_sorted(ids)) {
      std::ranges::stable_sort(order, {}, [&](std::uint32_t row) { return ids[row]; });
    }
    const std::vector<NumberCode> marks = marks_by_text(order);
    std::string raw(4, '\0');
    raw.reserve(rows * 4 + marks.size() * 2);
    put_uint32(raw, 0, static_cast<std::uint32_t>(marks.size()));
    std::vector<std::uint16_t> codes(rows);
    std::ranges::transform(order, codes.begin(),
                           [&](std::uint32_t row) { return splitter_.text_of(codes_[row]); });
    put_split(raw, codes);
    put_split(raw, marks);
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
    fine = compress(raw, out) && fine;
    if (!fine || out.size() > std::max({kLeast, rows * kMostBytesPerRow, bytes_ / kMostShare}))
      out.clear();
  }
  bytes_ = 0;
  texts_.clear();
  begins_.clear();
  std::ranges::fill(slots_, 0);
  codes_.clear();
  numbers_.clear();
  number_begins_.clear();
  times_.clear();
  return out;
}

}  // namespace logforest::search
