#include "logforest/detect/kinds.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "logforest/base/container.hpp"
#include "logforest/normalize/fingerprint.hpp"

namespace logforest::detect {

namespace {
constexpr std::string_view kKind = "kinds of records";
constexpr std::uint32_t kVersion = 1;
constexpr std::uint64_t kMostKinds = 1 << 22;
constexpr std::int64_t kMostCount = 1'000'000'000;
constexpr double kUnits = 1000.0;  // of a logarithm
constexpr std::int64_t kMostUnits = 30'000;
constexpr double kLeastDeviation = 0.1;  // of a logarithm: 10 % are never far off
constexpr double kMostLearned = 5.0;     // what is further off teaches as if it were not
constexpr double kLeastMs = 1e-3;
constexpr float kUnknown = std::numeric_limits<float>::quiet_NaN();

struct Values {
  std::array<double, Kinds::kQuantities> logs;  // NaN: missing
};

Values values_of(const RecordBatch& batch, std::size_t row) noexcept {
  Values values{{std::numeric_limits<double>::quiet_NaN(), 0.0}};
  if (batch.response_time.is_valid(row) && batch.response_time[row] >= 0.0) {
    values.logs[0] = std::log(std::max(batch.response_time[row], kLeastMs));
  }
  values.logs[1] = std::log1p(static_cast<double>(batch.message[row].size()));
  return values;
}

std::uint64_t kind_key(std::uint64_t service, const RecordBatch& batch, std::size_t row) noexcept {
  const std::int64_t id =
      batch.template_id.is_valid(row) ? batch.template_id[row] : fingerprint(batch.message[row]);
  return mix64(service ^ mix64(static_cast<std::uint64_t>(id) + 1));
}

// Calls f(batch, row, key of its service) for the rows [begin, end) of all chunks.
template <class F>
void for_rows(Kinds::Chunks chunks, std::size_t begin, std::size_t end, F&& f) {
  std::size_t base = 0;
  for (const auto& chunk : chunks) {
    const std::size_t first = std::max(begin, base) - base;
    const std::size_t last = std::min(end, base + chunk->rows);
    std::vector<std::uint64_t> services;
    std::uint64_t latest = 0;
    std::string_view tenant;
    for (std::size_t row = first; base + row < last; ++row) {
      if (row == first || chunk->tenant[row] != tenant) {  // seldom changes
        tenant = chunk->tenant[row];
        latest = hash_bytes(tenant);
        services.assign(chunk->service.dictionary().size() + 1, 0);
      }
      const std::size_t code = chunk->service.is_valid(row)
                                   ? static_cast<std::size_t>(chunk->service.codes()[row]) + 1
                                   : 0;
      if (services[code] == 0) services[code] = hash_bytes(chunk->service[row], latest) | 1U;
      f(*chunk, row, services[code]);
    }
    base += chunk->rows;
    if (base >= end) return;
  }
}
}  // namespace

Kinds::Kinds(std::size_t most_kinds) : most_(most_kinds) {
  if (most_kinds < 1) throw ConfigError("limits must be at least 1");
}

const Kinds::Kind* Kinds::find(std::uint64_t key) const noexcept {
  const std::uint32_t at = index_.find(key);
  return at == FlatMap::kAbsent ? nullptr : &kinds_[at];
}

Kinds::Kind* Kinds::intern(std::uint64_t key) {
  const std::uint32_t at = index_.find(key);
  if (at != FlatMap::kAbsent) return &kinds_[at];
  if (kinds_.size() >= most_) return nullptr;
  index_.insert(key, static_cast<std::uint32_t>(kinds_.size()));
  kinds_.emplace_back().key = key;
  return &kinds_.back();
}

void Kinds::deviations(Chunks chunks, std::size_t begin, std::size_t end, float* out) const {
  for_rows(chunks, begin, end, [&](const RecordBatch& batch, std::size_t row, std::uint64_t key) {
    const Values values = values_of(batch, row);
    const Kind* const own = find(kind_key(key, batch, row));
    const Kind* const service = find(key);
    for (std::size_t q = 0; q < kQuantities; ++q) {
      const Kind* const kind = own != nullptr && own->usual[q].deviation > 0.0 ? own : service;
      const bool known = kind != nullptr && kind->usual[q].deviation > 0.0;
      *out++ = !known || std::isnan(values.logs[q])
                   ? kUnknown
                   : static_cast<float>((values.logs[q] - kind->usual[q].mean) /
                                        kind->usual[q].deviation);
    }
  });
}

void Kinds::add(Chunks chunks, std::size_t begin, std::size_t end) {
  const auto learn = [](Kind* kind, const Values& values) {
    if (kind == nullptr) return;
    for (std::size_t q = 0; q < kQuantities; ++q) {
      double value = values.logs[q];
      if (std::isnan(value)) continue;
      const Usual& usual = kind->usual[q];
      if (usual.deviation > 0.0) {
        const double reach = kMostLearned * usual.deviation;
        value = std::clamp(value, usual.mean - reach, usual.mean + reach);
      }
      const std::int64_t units =
          std::clamp<std::int64_t>(std::llround(value * kUnits), -kMostUnits, kMostUnits);
      Sums& sums = kind->fresh[q];
      if (sums.count >= kMostCount) continue;
      ++sums.count;
      sums.sum += units;
      sums.squares += units * units;
    }
  };
  for_rows(chunks, begin, end, [&](const RecordBatch& batch, std::size_t row, std::uint64_t key) {
    const Values values = values_of(batch, row);
    learn(intern(key), values);
    learn(intern(kind_key(key, batch, row)), values);
  });
}

void Kinds::turn() {
  std::vector<Kind> kept;
  FlatMap index;
  for (Kind& kind : kinds_) {
    bool any = false;
    for (std::size_t q = 0; q < kQuantities; ++q) {
      Sums& known = kind.known[q];
      const Sums& fresh = kind.fresh[q];
      known = {known.count / 2 + fresh.count, known.sum / 2 + fresh.sum,
               known.squares / 2 + fresh.squares};
      any = any || known.count > 0;
    }
    if (!any) continue;
    kind.fresh = {};
    index.insert(kind.key, static_cast<std::uint32_t>(kept.size()));
    kept.push_back(kind);
  }
  kinds_.swap(kept);
  std::swap(index_, index);
  settle();
}

void Kinds::settle() {
  for (Kind& kind : kinds_) {
    for (std::size_t q = 0; q < kQuantities; ++q) {
      const Sums& sums = kind.known[q];
      kind.usual[q] = {};
      if (sums.count < kLeast) continue;
      const auto n = static_cast<double>(sums.count);
      const double mean = static_cast<double>(sums.sum) / n;
      const double variance = static_cast<double>(sums.squares) / n - mean * mean;
      kind.usual[q] = {mean / kUnits,
                       std::max(kLeastDeviation, std::sqrt(std::max(0.0, variance)) / kUnits)};
    }
  }
}

std::string Kinds::save() const {
  ByteWriter out;
  out.put(static_cast<std::uint64_t>(most_));
  out.put(static_cast<std::uint64_t>(kinds_.size()));
  for (const Kind& kind : kinds_) {
    out.put(kind.key);
    for (const auto* const all : {&kind.known, &kind.fresh}) {
      for (const Sums& sums : *all) {
        out.put(sums.count);
        out.put(sums.sum);
        out.put(sums.squares);
      }
    }
  }
  return seal(kKind, kVersion, out.bytes());
}

Kinds Kinds::load(std::string_view bytes) {
  ByteReader in(open_sealed(bytes, kKind, kVersion).payload);
  Kinds kinds(in.get_at_most(kMostKinds));
  const std::size_t count = in.get_count(8 + 2 * kQuantities * 24);
  for (std::size_t i = 0; i < count; ++i) {
    const auto key = in.get<std::uint64_t>();
    if (kinds.find(key) != nullptr) throw ModelError("the data are malformed: a kind comes twice");
    Kind* const kind = kinds.intern(key);
    if (kind == nullptr) throw ModelError("the data are malformed: more kinds than allowed");
    for (auto* const all : {&kind->known, &kind->fresh}) {
      for (Sums& sums : *all) {
        sums.count = in.get<std::int64_t>();
        sums.sum = in.get<std::int64_t>();
        sums.squares = in.get<std::int64_t>();
        constexpr std::int64_t most = 3 * kMostCount;
        const bool sane = sums.count >= 0 && sums.count <= most && sums.squares >= 0 &&
                          sums.squares / (kMostUnits * kMostUnits) <= sums.count &&
                          sums.sum / kMostUnits <= sums.count &&
                          sums.sum / kMostUnits >= -sums.count;
        if (!sane) throw ModelError("the data are malformed: a sum is out of range");
      }
    }
  }
  in.expect_end();
  kinds.settle();
  return kinds;
}

}  // namespace logforest::detect
