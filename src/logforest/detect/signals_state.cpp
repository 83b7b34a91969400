// The file form of Signals: what was learned, and the windows that are still open.
#include <algorithm>
#include <limits>

#include "logforest/base/container.hpp"
#include "logforest/detect/signals.hpp"

namespace logforest::detect {

namespace {
constexpr std::string_view kKind = "detector state";
constexpr std::uint32_t kVersion = 2;  // 1 had no open windows
constexpr std::uint64_t kMost = std::uint64_t{1} << 24;
constexpr std::size_t kCellBytes = 11 * sizeof(std::int64_t);  // at least
constexpr std::size_t kFacetBytes = 3 * sizeof(std::int64_t) + 2 * sizeof(std::int32_t);
constexpr std::size_t kAddressBytes = sizeof(std::uint32_t) + 2 * sizeof(std::int64_t);

// The whole numbers of a cell, in the order of the file.
template <class Cell, class F>
void each_count(Cell& cell, F&& f) {
  f(cell.count), f(cell.errors), f(cell.client_errors), f(cell.auth_failures), f(cell.timed);
  f(cell.residuals);
}
template <class Cell, class F>
void each_id(Cell& cell, F&& f) {
  f(cell.first_id), f(cell.first_error_id), f(cell.last_id), f(cell.first_auth_id);
}

std::int64_t get_at_least(ByteReader& in, std::int64_t least) {
  const auto value = in.get<std::int64_t>();
  if (value < least) throw ModelError("the data are malformed: a number is too small");
  return value;
}

void write(ByteWriter& out, const std::vector<FacetCell>& cells) {
  out.put(static_cast<std::uint64_t>(cells.size()));
  for (const FacetCell& cell : cells) {
    out.put(cell.window);
    out.put(cell.service);
    out.put(cell.facet);
    out.put(cell.count);
    out.put(cell.first_id);
  }
}
}  // namespace

std::string Signals::save() const {
  ByteWriter out;
  out.put(window_us_);
  out.put(static_cast<std::uint64_t>(max_services_));
  out.put(static_cast<std::uint64_t>(max_templates_));
  out.put(watermark_);
  out.put(closed_below_);
  out.put(records_);
  out.put(late_);
  out.put(static_cast<std::uint64_t>(services_.size()));
  for (const std::string& name : services_) out.put_text(name);
  out.put(static_cast<std::uint64_t>(slots_.size()));
  for (const TemplateSlot& slot : slots_) {
    out.put(slot.service);
    out.put(slot.template_id);
    out.put(slot.level);
    out.put(static_cast<std::uint8_t>(slot.auth_failure));
    out.put_text(slot.example);
    out.put(slot.records);
    out.put(slot.log_ms);
  }
  out.put(ahead_);
  out.put(behind_);
  save_windows(out);
  return seal(kKind, kVersion, out.bytes());
}

void Signals::save_windows(ByteWriter& out) const {
  out.put(static_cast<std::uint64_t>(cells_.size()));
  for (std::uint32_t i = 0; i < cells_.size(); ++i) {
    const ServiceCell& cell = cells_[i];
    out.put(cell.window);
    out.put(cell.service);
    const auto put = [&](std::int64_t value) { out.put(value); };
    each_count(cell, put);
    each_id(cell, put);
    out.put(cell.residual_sum);
    out.put(cell.residual_squares);
    for (const std::uint32_t n : cell.latency) out.put(n);
    const auto logins = logins_.find(i);
    out.put(static_cast<std::uint8_t>(logins != logins_.end()));
    if (logins == logins_.end()) continue;
    for (const std::uint64_t word : logins->second.users) out.put(word);
    std::vector<const std::pair<const std::string, Address>*> addresses;
    for (const auto& entry : logins->second.addresses) addresses.push_back(&entry);
    std::sort(addresses.begin(), addresses.end(),
              [](const auto* a, const auto* b) { return a->first < b->first; });
    out.put(static_cast<std::uint64_t>(addresses.size()));
    for (const auto* entry : addresses) {
      out.put_text(entry->first);
      out.put(entry->second.count);
      out.put(entry->second.users);
    }
  }
  write(out, template_cells_);
  write(out, status_cells_);
}

void Signals::load_windows(ByteReader& in) {
  const std::int64_t furthest = std::numeric_limits<std::int64_t>::max() / window_us_;
  const auto window_of = [&](std::int64_t window, std::int32_t service) {
    if (window < -furthest || window >= furthest || service < 0 ||
        static_cast<std::size_t>(service) >= services_.size()) {
      throw ModelError("the data are malformed: a window does not fit");
    }
    return window;
  };
  const auto fresh = [](const FlatMap& index, std::uint64_t key) {
    if (index.find(key) != FlatMap::kAbsent) {
      throw ModelError("the data are malformed: a window is there twice");
    }
    return key;
  };
  const std::size_t cells = in.get_count(kCellBytes);
  for (std::uint32_t i = 0; i < cells; ++i) {
    ServiceCell cell;
    cell.window = in.get<std::int64_t>();
    cell.service = in.get<std::int32_t>();
    window_of(cell.window, cell.service);
    each_count(cell, [&](std::int64_t& value) { value = get_at_least(in, 0); });
    each_id(cell, [&](std::int64_t& value) { value = get_at_least(in, -1); });
    cell.residual_sum = in.get_finite();
    cell.residual_squares = in.get_finite();
    for (std::uint32_t& n : cell.latency) n = in.get<std::uint32_t>();
    if (in.get_flag()) {
      Logins& logins = logins_[i];
      for (std::uint64_t& word : logins.users) word = in.get<std::uint64_t>();
      const std::size_t addresses = in.get_count(kAddressBytes);
      for (std::size_t k = 0; k < addresses; ++k) {
        Address& address = logins.addresses[std::string(in.get_text())];
        address.count = get_at_least(in, 0);
        address.users = in.get<std::uint64_t>();
      }
    }
    const auto key = pair_key(cell.window, static_cast<std::uint64_t>(cell.service));
    cell_index_.insert(fresh(cell_index_, key), i);
    cells_.push_back(std::move(cell));
  }
  const auto read = [&](FlatMap& index, std::vector<FacetCell>& into, std::size_t most) {
    const std::size_t count = in.get_count(kFacetBytes);
    for (std::uint32_t i = 0; i < count; ++i) {
      FacetCell cell;
      cell.window = in.get<std::int64_t>();
      cell.service = in.get<std::int32_t>();
      cell.facet = in.get<std::int32_t>();
      window_of(cell.window, cell.service);
      if (cell.facet < 0 || static_cast<std::size_t>(cell.facet) >= most) {
        throw ModelError("the data are malformed: a window does not fit");
      }
      cell.count = get_at_least(in, 0);
      cell.first_id = get_at_least(in, -1);
      index.insert(fresh(index, facet_key(cell.window, cell.service, cell.facet)), i);
      into.push_back(cell);
    }
  };
  read(template_index_, template_cells_, slots_.size());
  read(status_index_, status_cells_, std::size_t{1} << 16);
}

Signals Signals::load(std::string_view bytes) {
  ByteReader in(open_sealed(bytes, kKind, kVersion).payload);
  const auto window_us = in.get<std::int64_t>();
  const std::size_t max_services = in.get_at_most(kMost);
  const std::size_t max_templates = in.get_at_most(kMost);
  Signals signals(window_us, max_services, max_templates);
  signals.watermark_ = in.get<std::int64_t>();
  signals.closed_below_ = in.get<std::int64_t>();
  signals.records_ = in.get<std::int64_t>();
  signals.late_ = in.get<std::int64_t>();
  const std::size_t services = in.get_at_most(max_services);
  for (std::size_t i = 0; i < services; ++i) {
    if (signals.intern_service(in.get_text()) != static_cast<std::int32_t>(i)) {
      throw ModelError("the data are malformed: a service is there twice");
    }
  }
  const std::size_t slots = in.get_at_most(max_templates);
  for (std::size_t i = 0; i < slots; ++i) {
    TemplateSlot slot;
    slot.service = in.get<std::int32_t>();
    slot.template_id = in.get<std::int64_t>();
    slot.level = in.get<std::uint8_t>();
    slot.auth_failure = in.get_flag();
    slot.example = in.get_text();
    slot.records = in.get<std::int64_t>();
    slot.log_ms = in.get_finite();
    if (slot.service < 0 || static_cast<std::size_t>(slot.service) >= services ||
        slot.level >= kLevelNames.size() || slot.records < 0) {
      throw ModelError("the data are malformed: a template does not fit");
    }
    signals.slot_index_.insert(slot_key(slot.template_id, slot.service),
                               static_cast<std::uint32_t>(i));
    signals.slots_.push_back(std::move(slot));
  }
  signals.ahead_ = in.get<std::int64_t>();
  signals.behind_ = in.get<std::int64_t>();
  signals.load_windows(in);
  in.expect_end();
  return signals;
}

}  // namespace logforest::detect
