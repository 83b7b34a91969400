// Adding records: each row's window and keys become one number within the task, which a table
// maps to its group; only the first row of a group looks at strings.
#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <span>

#include "logforest/base/hash.hpp"
#include "logforest/window/aggregate.hpp"

namespace logforest::window {

namespace {

constexpr std::size_t kBlock = 1024;
constexpr std::size_t kMaxTable = std::size_t{1} << 20;
constexpr std::int16_t kServerError = 500;

// Codes of int64 values in order of appearance.
class IntCodes {
 public:
  std::int32_t intern(std::int64_t value) {
    if ((values_.size() + 1) * 2 > slots_.size()) grow();
    const std::size_t slot = find(value);
    if (slots_[slot] < 0) {
      slots_[slot] = static_cast<std::int32_t>(values_.size());
      values_.push_back(value);
    }
    return slots_[slot];
  }
  [[nodiscard]] const std::vector<std::int64_t>& values() const noexcept { return values_; }

 private:
  [[nodiscard]] std::size_t find(std::int64_t value) const noexcept {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = mix64(static_cast<std::uint64_t>(value)) & mask;
    while (slots_[at] >= 0 && values_[static_cast<std::size_t>(slots_[at])] != value)
      at = (at + 1) & mask;
    return at;
  }
  void grow() {
    slots_.assign(slots_.empty() ? 64 : slots_.size() * 2, -1);
    for (std::size_t i = 0; i < values_.size(); ++i)
      slots_[find(values_[i])] = static_cast<std::int32_t>(i);
  }
  std::vector<std::int32_t> slots_;
  std::vector<std::int64_t> values_;
};

// One key of the rows of a task: local codes (0: null) and what they stand for.
struct LocalKey {
  std::vector<std::uint32_t> codes;  // code + 1, by row
  std::vector<std::int32_t> global;  // by local code; kUnknown until asked for
  const Dictionary* strings = nullptr;
  Dictionary own;  // for columns without a dictionary
  IntCodes ints;
  std::span<const std::string_view> names;
  static constexpr std::int32_t kUnknown = -2;

  [[nodiscard]] std::int32_t resolve(Aggregate& to, std::size_t k, std::uint32_t local) {
    if (local == 0) return -1;
    std::int32_t& code = global[local - 1];
    if (code == kUnknown) {
      if (strings != nullptr) {
        code = to.intern(k, (*strings)[static_cast<std::int32_t>(local - 1)]);
      } else if (!names.empty()) {
        code = to.intern(k, names[local - 1]);
      } else {
        char text[24];
        const auto end = std::to_chars(text, text + sizeof text, ints.values()[local - 1]);
        code = to.intern(k, {text, static_cast<std::size_t>(end.ptr - text)});
      }
    }
    return code;
  }
};

constexpr std::array<std::string_view, 6> kStatusClasses{"other", "1xx", "2xx",
                                                         "3xx",   "4xx", "5xx"};

void load(LocalKey& key, const DictColumn& column, std::size_t begin, std::size_t end) {
  key.strings = &column.dictionary();
  key.global.assign(column.dictionary().size(), LocalKey::kUnknown);
  for (std::size_t r = begin; r < end; ++r)
    key.codes[r - begin] =
        column.is_valid(r) ? static_cast<std::uint32_t>(column.codes()[r] + 1) : 0;
}

void load(LocalKey& key, const FixedColumn<std::uint8_t>& column,
          std::span<const std::string_view> names, std::size_t begin, std::size_t end) {
  key.names = names;
  key.global.assign(names.size(), LocalKey::kUnknown);
  for (std::size_t r = begin; r < end; ++r)
    key.codes[r - begin] = column.is_valid(r) ? column[r] + 1U : 0U;
}

void load(LocalKey& key, const RecordBatch& b, Key which, std::size_t begin, std::size_t end) {
  key.codes.resize(end - begin);
  switch (which) {
    case Key::Tenant:
      return load(key, b.tenant, begin, end);
    case Key::Service:
      return load(key, b.service, begin, end);
    case Key::Source:
      return load(key, b.source, begin, end);
    case Key::Method:
      return load(key, b.method, begin, end);
    case Key::Level:
      return load(key, b.level, kLevelNames, begin, end);
    case Key::Category:
      return load(key, b.category, kCategoryNames, begin, end);
    case Key::Endpoint:
      for (std::size_t r = begin; r < end; ++r)
        key.codes[r - begin] = b.endpoint.is_valid(r)
                                   ? static_cast<std::uint32_t>(key.own.intern(b.endpoint[r]) + 1)
                                   : 0;
      key.strings = &key.own;
      key.global.assign(key.own.size(), LocalKey::kUnknown);
      return;
    case Key::StatusClass:
      key.names = kStatusClasses;
      key.global.assign(kStatusClasses.size(), LocalKey::kUnknown);
      for (std::size_t r = begin; r < end; ++r) {
        const int hundreds = b.status_code.is_valid(r) ? b.status_code[r] / 100 : -1;
        key.codes[r - begin] =
            hundreds < 0 ? 0U : (hundreds <= 5 ? static_cast<std::uint32_t>(hundreds) + 1U : 1U);
      }
      return;
    case Key::TemplateId:
      for (std::size_t r = begin; r < end; ++r)
        key.codes[r - begin] =
            b.template_id.is_valid(r)
                ? static_cast<std::uint32_t>(key.ints.intern(b.template_id[r]) + 1)
                : 0;
      key.global.assign(key.ints.values().size(), LocalKey::kUnknown);
      return;
  }
}

}  // namespace

void Aggregate::add(const RecordBatch& batch, std::size_t begin, std::size_t end) {
  if (spec_.step != spec_.every)
    throw ConfigError("records are added to windows that do not slide");
  if (begin >= end) return;
  const std::size_t keys = spec_.by.size();
  std::vector<LocalKey> local(keys);
  for (std::size_t k = 0; k < keys; ++k) load(local[k], batch, spec_.by[k], begin, end);

  const std::int64_t* time = batch.timestamp.values().data();
  const auto [low, high] = std::minmax_element(time + begin, time + end);
  const std::int64_t first = window_start(*low, spec_.every);
  const auto windows = (static_cast<std::uint64_t>(*high) - static_cast<std::uint64_t>(first)) /
                           static_cast<std::uint64_t>(spec_.every) +
                       1;
  // Windows x keys, or too many to tabulate.
  bool tabulated = windows <= kMaxTable;
  std::size_t cells = tabulated ? static_cast<std::size_t>(windows) : 0;
  for (std::size_t k = 0; k < keys && tabulated; ++k) {
    cells *= local[k].global.size() + 1;
    tabulated = cells <= kMaxTable;
  }
  std::vector<std::uint32_t> table(tabulated ? cells : 0);  // group + 1

  std::vector<std::int32_t> codes(keys + 1);
  const auto group_of = [&](std::int64_t start, std::size_t row) {
    for (std::size_t k = 0; k < keys; ++k)
      codes[k] = local[k].resolve(*this, k, local[k].codes[row]);
    return find_or_add(start, codes.data());
  };

  std::array<std::uint32_t, kBlock> cell{};
  std::int64_t from = std::numeric_limits<std::int64_t>::max();  // the window of the last row
  std::uint32_t window = 0;
  for (std::size_t block = begin; block < end; block += kBlock) {
    const std::size_t n = std::min(kBlock, end - block);
    if (tabulated) {
      for (std::size_t i = 0; i < n; ++i) {
        const std::int64_t t = time[block + i];
        if (t < from || static_cast<std::uint64_t>(t) - static_cast<std::uint64_t>(from) >=
                            static_cast<std::uint64_t>(spec_.every)) {
          from = window_start(t, spec_.every);
          window = static_cast<std::uint32_t>((from - first) / spec_.every);
        }
        cell[i] = window;
      }
      for (std::size_t k = 0; k < keys; ++k) {
        const auto radix = static_cast<std::uint32_t>(local[k].global.size() + 1);
        const std::uint32_t* code = local[k].codes.data() + (block - begin);
        for (std::size_t i = 0; i < n; ++i) cell[i] = cell[i] * radix + code[i];
      }
    }
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t row = block + i;
      std::size_t g = 0;
      if (tabulated) {
        std::uint32_t& known = table[cell[i]];
        if (known == 0) {
          known = static_cast<std::uint32_t>(
              group_of(window_start(time[row], spec_.every), row - begin) + 1);
        }
        g = known - 1;
      } else {
        g = group_of(window_start(time[row], spec_.every), row - begin);
      }
      Group& group = groups_[g];
      ++group.count;
      const bool failed =
          batch.level[row] >= static_cast<std::uint8_t>(Level::Error) ||
          (batch.status_code.is_valid(row) && batch.status_code[row] >= kServerError);
      group.errors += failed ? 1 : 0;
      if (batch.response_time.is_valid(row)) group.response_time.add(batch.response_time[row]);
    }
  }
}

}  // namespace logforest::window
