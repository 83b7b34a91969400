#include "logforest/search/segment.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "logforest/base/hash.hpp"
#include "logforest/search/fold.hpp"

namespace logforest::search {

namespace {
constexpr std::size_t kBitsPerGram = 10;
constexpr std::size_t kLeastWords = 8;
constexpr std::size_t kMostBytesPerRow = 16;              // of the filter, unless messages are long
constexpr std::size_t kMostGrams = std::size_t{1} << 22;  // in memory; beyond, the filter says yes

constexpr std::uint64_t kShort = 3;
constexpr std::uint64_t kLetters = 4;  // letters of a gram of letters
constexpr std::uint64_t kWord = 6;     // letters and digits of a gram of those

constexpr std::uint64_t low_bytes(std::uint64_t v, std::uint64_t n) noexcept {
  return v & ((std::uint64_t{1} << (8 * n)) - 1);
}
constexpr std::uint64_t gram_hash(std::uint64_t v, std::uint64_t n) noexcept {
  return mix64((low_bytes(v, n) << 3 | n) * 0x9e3779b97f4a7c15ULL);
}
constexpr std::uint64_t bits_of(std::uint64_t hash) noexcept {
  return std::uint64_t{1} << (hash >> 32 & 63) | std::uint64_t{1} << (hash >> 38 & 63) |
         std::uint64_t{1} << (hash >> 44 & 63) | std::uint64_t{1} << (hash >> 50 & 63);
}

// Bits of a byte: a letter, a letter or digit, a digit, point or colon, a digit.
constexpr auto kKinds = [] {
  std::array<std::uint8_t, 256> kinds{};
  for (std::size_t c = 0; c < kinds.size(); ++c) {
    const bool letter = (c >= 'a' && c <= 'z') || c >= 0x80;
    const bool digit = c >= '0' && c <= '9';
    const bool point = c == '.' || c == ':';
    kinds[c] = static_cast<std::uint8_t>((letter ? 3 : 0) | (digit ? 14 : 0) | (point ? 4 : 0));
  }
  return kinds;
}();

// Text read byte by byte: the last eight bytes, for how long they have been letters, or letters and
// digits, without a break, and when the last digits were.
struct Window {
  std::uint64_t bytes = 0;
  std::uint64_t length = 0;
  std::uint64_t letters = 0;
  std::uint64_t word = 0;
  std::uint64_t number = 0;  // digits, points and colons: addresses, times
  std::uint32_t digits = 0;  // a bit for each of the last bytes, the latest lowest
  void push(unsigned char c) noexcept {
    bytes = bytes << 8 | c;
    ++length;
    const std::uint64_t kind = kKinds[c];
    letters = (letters + 1) * (kind & 1);
    word = (word + 1) * (kind >> 1 & 1);
    number = (number + 1) * (kind >> 2 & 1);
    digits = digits << 1 | static_cast<std::uint32_t>(kind >> 3);
  }
  // f(n, hash) for the grams of one or two bytes that end here, and for the longer ones.
  template <class F>
  void each_short(F&& f) const {
    f(1, gram_hash(bytes, 1));
    if (length >= 2) f(2, gram_hash(bytes, 2));
  }
  template <class F>
  void each_long(F&& f) const {
    if (length >= kShort && (digits & 7 & ((digits & 7) - 1)) == 0)
      f(kShort, gram_hash(bytes, kShort));
    if (letters >= kLetters) f(kLetters, gram_hash(bytes, kLetters));
    if ((word >= kWord || number >= kWord) && (digits & 63) != 0) f(kWord, gram_hash(bytes, kWord));
  }
};

std::string runs_of(std::vector<std::int64_t>& ids) {
  std::ranges::sort(ids);
  std::string out;
  const auto put = [&](std::int64_t id) {
    char raw[sizeof id];
    std::memcpy(raw, &id, sizeof id);
    out.append(raw, sizeof raw);
  };
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (i == 0 || ids[i] > ids[i - 1] + 1) put(ids[i]);
    if (i + 1 == ids.size() || ids[i + 1] > ids[i] + 1) put(ids[i]);
  }
  return out;
}

// Which values of a batch's dictionary are in the current segment already.
class DictValues {
 public:
  DictValues(const DictColumn& column, std::string_view name) : column_(column) {
    const Dictionary& values = column.dictionary();
    hashes_.reserve(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      hashes_.push_back(value_hash(name, values[static_cast<std::int32_t>(i)]));
    }
    segment_.assign(values.size(), 0);
  }
  void add(std::size_t row, std::size_t segment, SegmentBuilder& builder) {
    if (!column_.is_valid(row)) return;
    const auto code = static_cast<std::size_t>(column_.codes()[row]);
    if (segment_[code] == segment) return;
    segment_[code] = segment;
    builder.value(hashes_[code]);
  }

 private:
  const DictColumn& column_;
  std::vector<std::uint64_t> hashes_;
  std::vector<std::size_t> segment_;
};

// The same for columns of small numbers.
template <std::size_t N>
struct SmallValues {
  std::array<std::uint64_t, N> hashes{};
  std::array<std::size_t, N> segments{};
  void add(std::size_t value, std::size_t segment, SegmentBuilder& builder) {
    if (segments[value] == segment) return;
    segments[value] = segment;
    builder.value(hashes[value]);
  }
};

struct SmallColumns {
  SmallValues<kLevelNames.size()> level;
  SmallValues<kCategoryNames.size()> category;
  SmallValues<10> status;
  std::array<std::int64_t, 256> templates{};
  std::array<std::size_t, 256> template_segments{};

  SmallColumns() {
    for (std::size_t i = 0; i < kLevelNames.size(); ++i) {
      level.hashes[i] = value_hash("level", kLevelNames[i]);
    }
    for (std::size_t i = 0; i < kCategoryNames.size(); ++i) {
      category.hashes[i] = value_hash("category", kCategoryNames[i]);
    }
    for (std::size_t i = 0; i < 10; ++i) {
      status.hashes[i] = value_hash("status", std::to_string(i));
    }
  }
  void add(const RecordBatch& b, std::size_t row, std::size_t segment, SegmentBuilder& builder) {
    level.add(b.level[row], segment, builder);
    if (b.category.is_valid(row)) category.add(b.category[row], segment, builder);
    if (b.status_code.is_valid(row)) {
      status.add(static_cast<std::size_t>(status_class(b.status_code[row])), segment, builder);
    }
    if (!b.template_id.is_valid(row)) return;
    const std::int64_t id = b.template_id[row];
    const auto slot = static_cast<std::size_t>(id) & 255;
    if (templates[slot] == id && template_segments[slot] == segment) return;
    templates[slot] = id;
    template_segments[slot] = segment;
    builder.value(value_hash("template", std::to_string(id)));
  }
};
}  // namespace

std::uint64_t value_hash(std::string_view column, std::string_view value) {
  std::string folded;
  fold(value, folded);
  return hash_bytes(folded, hash_bytes(column));
}

Probe probe_of(std::uint64_t hash) noexcept {
  return {static_cast<std::uint32_t>(hash & 0x7fffffff), bits_of(hash)};
}

SegmentBuilder::SegmentBuilder(std::size_t rows)
    : counter_(std::bit_ceil(std::max<std::size_t>(rows, 64))), digest_(rows) {
  ids_.reserve(rows);
  hashes_.reserve(rows * 32);
}

inline void SegmentBuilder::put(std::uint64_t hash) {
  if (hashes_.size() > kMostGrams) return;
  hashes_.push_back(hash);
  const std::uint64_t bit = hash & (counter_.size() * 64 - 1);
  counter_[bit >> 6] |= std::uint64_t{1} << (bit & 63);
}

void SegmentBuilder::value(std::uint64_t hash) {
  for (const std::uint64_t n : {1, 2, 3}) put(mix64(hash + n));
}

std::size_t SegmentBuilder::words_needed() const {
  std::size_t empty = 0;
  for (const std::uint64_t word : counter_) {
    empty += static_cast<std::size_t>(std::popcount(~word));
  }
  const auto bits = static_cast<double>(counter_.size() * 64);
  const double share = static_cast<double>(std::max<std::size_t>(empty, 1)) / bits;
  const auto distinct = static_cast<std::size_t>(-bits * std::log(share));
  const std::size_t most = std::max(ids_.size() * kMostBytesPerRow, bytes_ / 8) / 8;
  return std::clamp(distinct * kBitsPerGram / 64, kLeastWords, std::max(kLeastWords, most));
}

void SegmentBuilder::grams(std::string_view text) {
  Window window;
  for (const char c : text) {
    window.push(static_cast<unsigned char>(c));
    if (window.length >= kWord) {
      // The grams that end here depend on no more than these bytes, and templates repeat.
      const std::uint64_t ending = low_bytes(window.bytes, kWord);
      std::uint64_t& recent = recent_[ending * 0x9e3779b97f4a7c15ULL >> 52];
      if (recent == ending) continue;
      recent = ending;
    }
    const auto add = [this](std::uint64_t, std::uint64_t hash) { put(hash); };
    const std::uint64_t pair = low_bytes(window.bytes, 2);
    if (std::uint64_t& seen = pairs_[pair >> 6]; (seen >> (pair & 63) & 1) == 0) {
      seen |= std::uint64_t{1} << (pair & 63);
      window.each_short(add);
    }
    window.each_long(add);
  }
}

void SegmentBuilder::add(std::int64_t id, std::int64_t time, std::string_view message) {
  min_time_ = ids_.empty() ? time : std::min(min_time_, time);
  max_time_ = ids_.empty() ? time : std::max(max_time_, time);
  ids_.push_back(id);
  bytes_ += message.size();
  fold(message, folded_);
  grams(folded_);
  digest_.add(time, folded_);
}

Segment SegmentBuilder::finish() {
  std::vector<std::uint64_t> words(words_needed(), 0);
  Segment out;
  out.min_time = min_time_;
  out.max_time = max_time_;
  out.rows = static_cast<std::int32_t>(ids_.size());
  out.words = static_cast<std::int32_t>(words.size());
  out.salt = static_cast<std::int32_t>(
      (mix64(ids_.empty() ? 0 : static_cast<std::uint64_t>(ids_.front())) & 0x3fffffff) |
      0x40000001);
  if (hashes_.size() > kMostGrams) {
    std::ranges::fill(words, ~std::uint64_t{0});
  } else {
    for (const std::uint64_t hash : hashes_) {
      words[place(probe_of(hash).hash, out)] |= bits_of(hash);
    }
  }
  out.digest = digest_.finish(ids_);  // before runs_of() puts the ids in order
  out.ids = runs_of(ids_);
  out.filter.resize(words.size() * sizeof(std::uint64_t));
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::uint64_t word = __builtin_bswap64(words[i]);
    std::memcpy(out.filter.data() + i * sizeof word, &word, sizeof word);
  }
  ids_.clear();
  bytes_ = 0;
  hashes_.clear();
  std::ranges::fill(counter_, 0);
  recent_.fill(0);
  pairs_.fill(0);
  return out;
}

std::vector<Segment> build_segments(const LogBatch& batch, std::size_t rows) {
  std::vector<Segment> out;
  const std::size_t all = batch.num_rows();
  if (all == 0) return out;
  const std::size_t pieces = std::max<std::size_t>(1, (all + rows / 2) / rows);
  const std::size_t each = (all + pieces - 1) / pieces;
  SegmentBuilder builder(each);
  SmallColumns small;
  for (const auto& chunk : batch.chunks) {
    DictValues tenant(chunk->tenant, "tenant");
    DictValues service(chunk->service, "service");
    DictValues source(chunk->source, "source");
    for (std::size_t row = 0; row < chunk->rows; ++row) {
      const std::size_t number = out.size() + 1;
      builder.add(chunk->id[row], chunk->timestamp[row], chunk->message[row]);
      small.add(*chunk, row, number, builder);
      tenant.add(row, number, builder);
      service.add(row, number, builder);
      source.add(row, number, builder);
      if (builder.rows() == each) out.push_back(builder.finish());
    }
  }
  if (builder.rows() > 0) out.push_back(builder.finish());
  return out;
}

std::vector<Probe> probes(std::string_view term, std::size_t most) {
  std::string folded;
  fold(term, folded);
  struct Gram {
    std::uint64_t length;
    std::uint64_t hash;
  };
  std::vector<Gram> grams;
  Window window;
  for (const char c : folded) {
    window.push(static_cast<unsigned char>(c));
    const auto add = [&](std::uint64_t n, std::uint64_t hash) { grams.push_back({n, hash}); };
    window.each_short(add);
    window.each_long(add);
  }
  // Long grams first: the short ones, which most segments have, seldom get their turn. Of too many
  // of one length some from everywhere in the term.
  std::ranges::stable_sort(grams, std::greater{}, &Gram::length);
  std::vector<Probe> out;
  for (std::size_t begin = 0; begin < grams.size() && out.size() < most;) {
    std::vector<Probe> alike;
    const std::uint64_t length = grams[begin].length;
    for (; begin < grams.size() && grams[begin].length == length; ++begin) {
      const Probe probe = probe_of(grams[begin].hash);
      const auto same = [&](const Probe& p) {
        return p.hash == probe.hash && p.bits == probe.bits;
      };
      if (std::ranges::none_of(alike, same)) alike.push_back(probe);
    }
    const std::size_t wanted = std::min(alike.size(), most - out.size());
    for (std::size_t i = 0; i < wanted; ++i) out.push_back(alike[i * alike.size() / wanted]);
  }
  return out;
}

std::array<Probe, 3> value_probes(std::uint64_t value) noexcept {
  return {probe_of(mix64(value + 1)), probe_of(mix64(value + 2)), probe_of(mix64(value + 3))};
}

bool may_hold(const Segment& segment, const Probe& probe) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, segment.filter.data() + place(probe.hash, segment) * sizeof word, sizeof word);
  return (__builtin_bswap64(word) & probe.bits) == probe.bits;
}

}  // namespace logforest::search
