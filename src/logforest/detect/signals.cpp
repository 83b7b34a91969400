#include "logforest/detect/signals.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <tuple>

#include "logforest/detect/auth_words.hpp"
#include "logforest/normalize/fingerprint.hpp"

namespace logforest::detect {

namespace {
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::min();
constexpr std::uint64_t kJumpUs = 3'600'000'000;  // further ahead needs more than one witness
constexpr std::int64_t kJumpWitnesses = 32;
constexpr std::int64_t kTurnWitnesses = 1024;  // in a row, to turn the clock back
constexpr std::int64_t kLatencyMemory = 1024;
constexpr std::int64_t kLatencyLeast = 16;
constexpr double kMostResidual = 4.0;
constexpr std::size_t kMaxExample = 400;
constexpr std::size_t kMaxAddresses = 4096;  // per cell
constexpr std::string_view kOther = "(other services)";

std::int64_t floor_div(std::int64_t a, std::int64_t b) noexcept {
  return a / b - (a % b < 0 ? 1 : 0);
}

double linear_count(std::uint64_t set, double cells) noexcept {
  const auto used = static_cast<double>(set);
  return used >= cells ? cells * std::log(cells) : -cells * std::log1p(-used / cells);
}

std::string_view cut_utf8(std::string_view text, std::size_t most) noexcept {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0) == 0x80) --most;
  return text.substr(0, most);
}
}  // namespace

Signals::Signals(std::int64_t window_us, std::size_t max_services, std::size_t max_templates)
    : window_us_(window_us),
      max_services_(max_services),
      max_templates_(max_templates),
      watermark_(kNever),
      closed_below_(kNever) {
  if (window_us < 1'000'000) throw ConfigError("a window must be at least one second long");
  if (max_services < 1 || max_templates < 1) throw ConfigError("limits must be at least 1");
}

void Signals::add(std::span<const std::shared_ptr<RecordBatch>> chunks) {
  for (const auto& chunk : chunks) {
    const std::size_t services = chunk->service.dictionary().size() + 1;
    const std::size_t tenants = chunk->tenant.dictionary().size() + 1;
    std::vector<std::int32_t> by_code(services * tenants, -1);
    std::string name;
    for (std::size_t row = 0; row < chunk->rows; ++row) {
      const std::size_t service = chunk->service.is_valid(row)
                                      ? static_cast<std::size_t>(chunk->service.codes()[row]) + 1
                                      : 0;
      const std::size_t tenant = chunk->tenant.is_valid(row)
                                     ? static_cast<std::size_t>(chunk->tenant.codes()[row]) + 1
                                     : 0;
      std::int32_t& index = by_code[tenant * services + service];
      if (index < 0) {
        name = chunk->tenant[row];
        if (name == "default") name.clear();
        if (!name.empty()) name += kTenantSeparator;
        name += chunk->service[row];
        index = intern_service(name);
      }
      observe(*chunk, row, index);
    }
  }
}

void Signals::observe(const RecordBatch& batch, std::size_t row, std::int32_t service) {
  const std::int64_t us = batch.timestamp[row];
  const std::int64_t id = batch.id.is_valid(row) ? batch.id[row] : records_;
  ++records_;
  move_watermark(us);
  const std::uint32_t slot_index = slot_of(batch, row, service);
  const std::int64_t window = floor_div(us, window_us_);
  if (window < closed_below_) {
    ++late_;
    return;
  }
  const std::uint32_t cell_index = cell_of(window, service);
  ServiceCell& cell = cells_[cell_index];
  if (cell.count++ == 0) cell.first_id = id;
  cell.last_id = id;
  const int status = batch.status_code.is_valid(row) ? batch.status_code[row] : 0;
  const std::uint8_t level = batch.level[row];
  if (level >= static_cast<std::uint8_t>(Level::Error) || status >= 500) {
    if (cell.errors++ == 0) cell.first_error_id = id;
  } else if (status >= 400) {
    ++cell.client_errors;
  }
  if (status >= 400) {
    FacetCell& statuses = facet(status_index_, status_cells_, window, service, status);
    if (statuses.count++ == 0) statuses.first_id = id;
  }
  bool auth_failure = status == 401 || status == 403;
  if (slot_index != FlatMap::kAbsent) {
    TemplateSlot& slot = slots_[slot_index];
    slot.level = std::max(slot.level, level);
    auth_failure |= slot.auth_failure;
    FacetCell& seen = facet(template_index_, template_cells_, window, service,
                            static_cast<std::int32_t>(slot_index));
    if (seen.count++ == 0) seen.first_id = id;
    if (batch.response_time.is_valid(row) && std::isfinite(batch.response_time[row])) {
      add_latency(cell, slot, batch.response_time[row]);
    }
  }
  if (auth_failure) add_auth_failure(cell_index, batch, row, id);
}

void Signals::move_watermark(std::int64_t us) noexcept {
  if (watermark_ == kNever) {
    watermark_ = us;
    return;
  }
  // Unsigned: hostile stamps may be further apart than an int64 difference holds.
  const auto a = static_cast<std::uint64_t>(us);
  const auto b = static_cast<std::uint64_t>(watermark_);
  if (us > watermark_) {
    if (a - b > kJumpUs && ++ahead_ < kJumpWitnesses) return;
    ahead_ = behind_ = 0;
    watermark_ = us;
  } else if (b - a <= kJumpUs) {
    behind_ = 0;
  } else if (++behind_ >= kTurnWitnesses) {  // the clock was wrong, or old logs are fed in
    ahead_ = behind_ = 0;
    watermark_ = us;
    closed_below_ = kNever;
  }
}

std::int32_t Signals::intern_service(std::string_view name) {
  std::string key(name);
  if (const auto it = service_index_.find(key); it != service_index_.end()) return it->second;
  if (services_.size() + 1 >= max_services_) {
    key = kOther;
    if (const auto it = service_index_.find(key); it != service_index_.end()) return it->second;
  }
  const auto index = static_cast<std::int32_t>(services_.size());
  services_.push_back(key);
  service_index_.emplace(std::move(key), index);
  latest_cell_.push_back(FlatMap::kAbsent);
  return index;
}

std::uint32_t Signals::slot_of(const RecordBatch& batch, std::size_t row, std::int32_t service) {
  const std::int64_t id =
      batch.template_id.is_valid(row) ? batch.template_id[row] : fingerprint(batch.message[row]);
  const std::uint64_t key = slot_key(id, service);
  const std::uint32_t found = slot_index_.find(key);
  if (found != FlatMap::kAbsent || slots_.size() >= max_templates_) return found;
  TemplateSlot slot;
  slot.service = service;
  slot.template_id = id;
  slot.example = cut_utf8(batch.message[row], kMaxExample);
  slot.auth_failure = says_failed_login(slot.example);
  const auto index = static_cast<std::uint32_t>(slots_.size());
  slots_.push_back(std::move(slot));
  slot_index_.insert(key, index);
  return index;
}

std::uint32_t Signals::cell_of(std::int64_t window, std::int32_t service) {
  std::uint32_t& latest = latest_cell_[static_cast<std::size_t>(service)];
  if (latest != FlatMap::kAbsent && cells_[latest].window == window) return latest;
  const std::uint64_t key = pair_key(window, static_cast<std::uint64_t>(service));
  latest = cell_index_.find(key);
  if (latest != FlatMap::kAbsent) return latest;
  latest = static_cast<std::uint32_t>(cells_.size());
  ServiceCell cell;
  cell.window = window;
  cell.service = service;
  cells_.push_back(std::move(cell));
  cell_index_.insert(key, latest);
  return latest;
}

FacetCell& Signals::facet(FlatMap& index, std::vector<FacetCell>& cells, std::int64_t window,
                          std::int32_t service, std::int32_t value) {
  const std::uint64_t key = facet_key(window, service, value);
  std::uint32_t at = index.find(key);
  if (at == FlatMap::kAbsent) {
    at = static_cast<std::uint32_t>(cells.size());
    cells.push_back({window, service, value});
    index.insert(key, at);
  }
  return cells[at];
}

void Signals::add_latency(ServiceCell& cell, TemplateSlot& slot, double ms) noexcept {
  const double octave = std::log2(std::max(ms, 1e-3));
  const double bin = (octave - kFirstOctave) * kBinsPerOctave;
  ++cell.latency[static_cast<std::size_t>(
      std::clamp(bin, 0.0, static_cast<double>(kLatencyBins - 1)))];
  ++cell.timed;
  const double log_ms = octave * 0.6931471805599453;
  const double residual = std::clamp(log_ms - slot.log_ms, -kMostResidual, kMostResidual);
  if (slot.records >= kLatencyLeast) {
    ++cell.residuals;
    cell.residual_sum += residual;
    cell.residual_squares += residual * residual;
  }
  if (slot.records < kLatencyMemory) ++slot.records;
  slot.log_ms +=
      (slot.records == 1 ? log_ms - slot.log_ms : residual) / static_cast<double>(slot.records);
}

void Signals::add_auth_failure(std::uint32_t cell, const RecordBatch& batch, std::size_t row,
                               std::int64_t id) {
  if (cells_[cell].auth_failures++ == 0) cells_[cell].first_auth_id = id;
  Logins& logins = logins_[cell];
  const std::string_view user =
      batch.user_id.is_valid(row) ? batch.user_id[row] : word_after(batch.message[row], "for ");
  const std::uint64_t hash = hash_bytes(user);
  logins.users[(hash >> 6) & 15] |= std::uint64_t{1} << (hash & 63);
  const std::string_view address = batch.ip_address.is_valid(row)
                                       ? batch.ip_address[row]
                                       : word_after(batch.message[row], "from ");
  auto it = logins.addresses.find(std::string(address));
  if (it == logins.addresses.end()) {
    if (logins.addresses.size() >= kMaxAddresses) return;
    it = logins.addresses.emplace(address, Address{}).first;
  }
  ++it->second.count;
  it->second.users |= std::uint64_t{1} << ((hash >> 10) & 63);
}

Signals::Share Signals::peek(std::int64_t window, std::int32_t service, int status) const noexcept {
  Share share;
  const auto low = static_cast<std::uint64_t>(service);
  const std::uint32_t cell = cell_index_.find(pair_key(window, low));
  if (cell != FlatMap::kAbsent) share.count = cells_[cell].count;
  const std::uint32_t at = status_index_.find(facet_key(window, service, status));
  if (at != FlatMap::kAbsent) share.with_status = status_cells_[at].count;
  return share;
}

Closed Signals::take(std::int64_t end) {
  closed_below_ = std::max(closed_below_, end);
  for (auto& [cell, logins] : logins_) {
    ServiceCell& target = cells_[cell];
    std::uint64_t used = 0;
    for (const std::uint64_t word : logins.users) used += std::popcount(word);
    target.users = linear_count(used, 1024.0);
    target.top_count = 0;
    for (const auto& [address, seen] : logins.addresses) {
      if (std::tie(seen.count, address) <= std::tie(target.top_count, target.top_address)) continue;
      target.top_address = address;
      target.top_count = seen.count;
      target.top_users = linear_count(static_cast<std::uint64_t>(std::popcount(seen.users)), 64.0);
    }
  }
  Closed closed;
  std::vector<ServiceCell> open;
  std::unordered_map<std::uint32_t, Logins> open_logins;
  std::fill(latest_cell_.begin(), latest_cell_.end(), FlatMap::kAbsent);
  cell_index_.clear();
  for (std::uint32_t i = 0; i < cells_.size(); ++i) {
    if (cells_[i].window < end) {
      closed.services.push_back(std::move(cells_[i]));
      continue;
    }
    const auto at = static_cast<std::uint32_t>(open.size());
    if (auto it = logins_.find(i); it != logins_.end()) {
      open_logins.emplace(at, std::move(it->second));
    }
    cell_index_.insert(pair_key(cells_[i].window, static_cast<std::uint64_t>(cells_[i].service)),
                       at);
    open.push_back(std::move(cells_[i]));
  }
  cells_ = std::move(open);
  logins_ = std::move(open_logins);
  const auto split = [end](FlatMap& index, std::vector<FacetCell>& cells) {
    std::vector<FacetCell> over;
    std::vector<FacetCell> rest;
    index.clear();
    for (const FacetCell& cell : cells) {
      if (cell.window < end) {
        over.push_back(cell);
        continue;
      }
      index.insert(facet_key(cell.window, cell.service, cell.facet),
                   static_cast<std::uint32_t>(rest.size()));
      rest.push_back(cell);
    }
    cells = std::move(rest);
    std::sort(over.begin(), over.end(), [](const FacetCell& a, const FacetCell& b) {
      return std::tie(a.window, a.service, a.facet) < std::tie(b.window, b.service, b.facet);
    });
    return over;
  };
  closed.templates = split(template_index_, template_cells_);
  closed.statuses = split(status_index_, status_cells_);
  std::sort(closed.services.begin(), closed.services.end(),
            [](const ServiceCell& a, const ServiceCell& b) {
              return std::tie(a.window, a.service) < std::tie(b.window, b.service);
            });
  return closed;
}

}  // namespace logforest::detect
