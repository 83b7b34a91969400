#include "logforest/window/aggregate.hpp"

#include <algorithm>
#include <array>
#include <numeric>

#include "logforest/base/error.hpp"
#include "logforest/base/hash.hpp"
#include "logforest/base/parallel.hpp"

namespace logforest::window {

namespace {

constexpr std::array<std::string_view, 9> kKeyNames{"tenant",   "service",      "source",
                                                    "level",    "category",     "method",
                                                    "endpoint", "status_class", "template_id"};
constexpr std::int64_t kDay = 86'400'000'000;
constexpr std::size_t kRowsPerTask = std::size_t{1} << 18;

// Rank of each code: the enum's order or the order of the bytes.
std::vector<std::int32_t> ranks(const Dictionary& dictionary, Key key) {
  std::vector<std::int32_t> by_value(dictionary.size());
  std::iota(by_value.begin(), by_value.end(), 0);
  const auto enum_rank = [key](std::string_view value) -> std::size_t {
    if (key == Key::Level) {
      return static_cast<std::size_t>(std::find(kLevelNames.begin(), kLevelNames.end(), value) -
                                      kLevelNames.begin());
    }
    if (key == Key::Category) {
      return static_cast<std::size_t>(
          std::find(kCategoryNames.begin(), kCategoryNames.end(), value) - kCategoryNames.begin());
    }
    return 0;
  };
  std::sort(by_value.begin(), by_value.end(), [&](std::int32_t a, std::int32_t b) {
    const std::size_t x = enum_rank(dictionary[a]);
    const std::size_t y = enum_rank(dictionary[b]);
    return x != y ? x < y : dictionary[a] < dictionary[b];
  });
  std::vector<std::int32_t> rank(dictionary.size());
  for (std::size_t i = 0; i < by_value.size(); ++i) {
    rank[static_cast<std::size_t>(by_value[i])] = static_cast<std::int32_t>(i);
  }
  return rank;
}

}  // namespace

Key key_from_name(std::string_view name) {
  for (std::size_t i = 0; i < kKeyNames.size(); ++i) {
    if (kKeyNames[i] == name) return static_cast<Key>(i);
  }
  std::string known;
  for (const std::string_view k : kKeyNames) known.append(known.empty() ? "" : ", ").append(k);
  throw ConfigError("cannot group by \"" + std::string(name) + "\"; there is " + known);
}

std::string_view key_name(Key key) noexcept { return kKeyNames[static_cast<std::size_t>(key)]; }

std::int64_t window_start(std::int64_t us, std::int64_t every) noexcept {
  // 1970-01-01 was a Thursday. Times beyond 146,000 years fall into the last windows.
  constexpr std::int64_t limit = std::int64_t{1} << 62;
  us = std::clamp(us, -limit, limit);
  const std::int64_t origin = every % (7 * kDay) == 0 ? -3 * kDay : 0;
  const std::int64_t rest = (us - origin) % every;
  return us - (rest < 0 ? rest + every : rest);
}

Aggregate::Aggregate(Spec spec) : spec_(std::move(spec)), dictionaries_(spec_.by.size()) {
  if (spec_.every <= 0 || spec_.every > 366 * kDay)
    throw ConfigError("a window is between a microsecond and 366 days wide");
  if (spec_.step <= 0 || spec_.step > spec_.every)
    throw ConfigError("the slide of a window is positive and at most its width");
  for (std::size_t i = 0; i < spec_.by.size(); ++i) {
    if (std::find(spec_.by.begin(), spec_.by.begin() + static_cast<std::ptrdiff_t>(i),
                  spec_.by[i]) != spec_.by.begin() + static_cast<std::ptrdiff_t>(i))
      throw ConfigError("key \"" + std::string(key_name(spec_.by[i])) + "\" is given twice");
  }
  slots_.resize(64);
}

std::size_t Aggregate::find_or_add(std::int64_t start, const std::int32_t* codes) {
  const std::size_t keys = spec_.by.size();
  const auto hash = [keys](std::int64_t at, const std::int32_t* c) {
    std::uint64_t h = mix64(static_cast<std::uint64_t>(at) + 0x9e3779b97f4a7c15ULL);
    for (std::size_t k = 0; k < keys; ++k) h = mix64(h ^ static_cast<std::uint32_t>(c[k] + 1));
    return h;
  };
  std::size_t mask = slots_.size() - 1;
  std::size_t slot = hash(start, codes) & mask;
  for (; slots_[slot] != 0; slot = (slot + 1) & mask) {
    const std::size_t g = slots_[slot] - 1;
    if (groups_[g].start == start && std::equal(codes, codes + keys, &codes_[g * keys])) return g;
  }
  if ((groups_.size() + 1) * 2 > slots_.size()) {
    std::vector<std::uint32_t> bigger(slots_.size() * 2);
    mask = bigger.size() - 1;
    const auto place = [&bigger, mask](std::uint64_t h, std::size_t g) {
      std::size_t at = h & mask;
      while (bigger[at] != 0) at = (at + 1) & mask;
      bigger[at] = static_cast<std::uint32_t>(g + 1);
      return at;
    };
    for (std::size_t g = 0; g < groups_.size(); ++g)
      place(hash(groups_[g].start, codes_.data() + g * keys), g);
    slots_.swap(bigger);
    slot = hash(start, codes) & mask;
    while (slots_[slot] != 0) slot = (slot + 1) & mask;
  }
  if (groups_.size() >= 0xfffffff0U) throw ConfigError("more than 4 billion windows");
  slots_[slot] = static_cast<std::uint32_t>(groups_.size() + 1);
  codes_.insert(codes_.end(), codes, codes + keys);
  groups_.emplace_back().start = start;
  return groups_.size() - 1;
}

void Aggregate::merge(const Aggregate& other) {
  if (!(spec_ == other.spec_))
    throw ConfigError("windows of different width, slide or keys cannot be merged");
  const std::size_t keys = spec_.by.size();
  std::vector<std::vector<std::int32_t>> to(keys);
  for (std::size_t k = 0; k < keys; ++k) {
    const Dictionary& from = other.dictionaries_[k];
    for (std::size_t c = 0; c < from.size(); ++c)
      to[k].push_back(intern(k, from[static_cast<std::int32_t>(c)]));
  }
  std::vector<std::int32_t> codes(keys + 1);
  for (std::size_t i = 0; i < other.size(); ++i) {
    for (std::size_t k = 0; k < keys; ++k) {
      const std::int32_t c = other.code(i, k);
      codes[k] = c < 0 ? -1 : to[k][static_cast<std::size_t>(c)];
    }
    Group& g = groups_[find_or_add(other.groups_[i].start, codes.data())];
    g.count += other.groups_[i].count;
    g.errors += other.groups_[i].errors;
    g.response_time.merge(other.groups_[i].response_time);
  }
}

Aggregate Aggregate::rollup(const Spec& spec) const {
  Aggregate out(spec);
  if (spec_.step != spec_.every) throw ConfigError("sliding windows cannot be rolled up");
  if (spec.every % spec_.every != 0 || spec.step % spec_.every != 0)
    throw ConfigError("the new width and slide must be multiples of the width of these windows");
  constexpr std::int64_t max_overlap = 10'000;
  if (spec.every / spec.step > max_overlap)
    throw ConfigError("a record would be in more than 10,000 sliding windows");
  std::vector<std::size_t> from;
  for (const Key key : spec.by) {
    const auto at = std::find(spec_.by.begin(), spec_.by.end(), key);
    if (at == spec_.by.end())
      throw ConfigError("these windows are not grouped by \"" + std::string(key_name(key)) + "\"");
    from.push_back(static_cast<std::size_t>(at - spec_.by.begin()));
  }
  std::vector<std::vector<std::int32_t>> to(from.size());
  for (std::size_t k = 0; k < from.size(); ++k) {
    const Dictionary& values = dictionaries_[from[k]];
    for (std::size_t c = 0; c < values.size(); ++c)
      to[k].push_back(out.intern(k, values[static_cast<std::int32_t>(c)]));
  }
  std::vector<std::int32_t> codes(from.size() + 1);
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    const Group& g = groups_[i];
    for (std::size_t k = 0; k < from.size(); ++k) {
      const std::int32_t c = code(i, from[k]);
      codes[k] = c < 0 ? -1 : to[k][static_cast<std::size_t>(c)];
    }
    // Every window [start, start + every) that holds this one.
    for (std::int64_t start = window_start(g.start, spec.step); start > g.start - spec.every;
         start -= spec.step) {
      Group& sum = out.groups_[out.find_or_add(start, codes.data())];
      sum.count += g.count;
      sum.errors += g.errors;
      sum.response_time.merge(g.response_time);
    }
  }
  return out;
}

std::vector<std::size_t> Aggregate::order() const {
  const std::size_t keys = spec_.by.size();
  std::vector<std::vector<std::int32_t>> rank(keys);
  for (std::size_t k = 0; k < keys; ++k) rank[k] = ranks(dictionaries_[k], spec_.by[k]);
  std::vector<std::size_t> order(groups_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    if (groups_[a].start != groups_[b].start) return groups_[a].start < groups_[b].start;
    for (std::size_t k = 0; k < keys; ++k) {
      const std::int32_t x = code(a, k);
      const std::int32_t y = code(b, k);
      if (x == y) continue;
      if (x < 0 || y < 0) return x < 0;
      return rank[k][static_cast<std::size_t>(x)] < rank[k][static_cast<std::size_t>(y)];
    }
    return false;
  });
  return order;
}

Aggregate aggregate(const std::vector<std::shared_ptr<RecordBatch>>& chunks, const Spec& spec,
                    int threads) {
  struct Task {
    const RecordBatch* batch;
    std::size_t begin, end;
  };
  std::vector<Task> tasks;
  for (const auto& chunk : chunks) {
    for (std::size_t row = 0; row < chunk->rows; row += kRowsPerTask)
      tasks.push_back({chunk.get(), row, std::min(chunk->rows, row + kRowsPerTask)});
  }
  const std::int64_t cell = std::gcd(spec.every, spec.step);
  const Spec base{cell, cell, spec.by};
  Aggregate total(spec);  // checks the spec
  const std::size_t workers =
      std::max<std::size_t>(1, std::min(tasks.size(), resolve_threads(threads)));
  std::vector<Aggregate> parts(workers, Aggregate(base));
  parallel_for(tasks.size(), workers, [&](std::size_t t, std::size_t worker) {
    parts[worker].add(*tasks[t].batch, tasks[t].begin, tasks[t].end);
  });
  for (std::size_t w = 1; w < parts.size(); ++w) parts[0].merge(parts[w]);
  if (base == spec) return std::move(parts[0]);
  return parts[0].rollup(spec);
}

}  // namespace logforest::window
