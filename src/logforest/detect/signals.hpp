// What window-level detection looks at, collected in one pass over the records: per (window,
// service) counts, errors, latencies and failed logins; per template and per failing status how
// often. Deciding what is unusual is Python's part (logforest/detect.py); it takes the cells of
// windows that are over and never sees a record.
//
// Latency is compared template by template: a record's logarithm of the response time minus the
// usual one of its template, so a change in the mix of requests is no drift.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "logforest/detect/flat_map.hpp"
#include "logforest/record/record_batch.hpp"

namespace logforest {
class ByteReader;
class ByteWriter;
}  // namespace logforest

namespace logforest::detect {

// Response times by quarter octaves from 2^-4 ms.
inline constexpr std::size_t kLatencyBins = 96;
inline constexpr double kBinsPerOctave = 4.0;
inline constexpr double kFirstOctave = -4.0;

// Services of tenants other than "default" are named tenant, separator, service.
inline constexpr char kTenantSeparator = '\x1f';

struct ServiceCell {
  std::int64_t window = 0;  // start / width
  std::int32_t service = 0;
  std::int64_t count = 0, errors = 0, client_errors = 0, auth_failures = 0, timed = 0;
  std::int64_t first_id = -1, first_error_id = -1, last_id = -1;
  std::int64_t residuals = 0;  // records with a usual response time to compare with
  double residual_sum = 0.0, residual_squares = 0.0;
  std::array<std::uint32_t, kLatencyBins> latency{};
  // The address with most failed logins, and how many users it (estimated) and all tried.
  std::string top_address;
  std::int64_t top_count = 0;
  double users = 0.0, top_users = 0.0;
  std::int64_t first_auth_id = -1;
};

// Occurrences of one template, or of one status of 400 and above, in one window of a service.
struct FacetCell {
  std::int64_t window = 0;
  std::int32_t service = 0;
  std::int32_t facet = 0;  // slot of the template, or the status
  std::int64_t count = 0;
  std::int64_t first_id = -1;
};

struct TemplateSlot {
  std::int32_t service = 0;
  std::int64_t template_id = 0;
  std::uint8_t level = 0;     // highest seen
  bool auth_failure = false;  // by its words
  std::string example;        // the first message, capped
  std::int64_t records = 0;   // capped at kLatencyMemory: the weight of the usual latency
  double log_ms = 0.0;
};

struct Closed {
  std::vector<ServiceCell> services;  // by window, then service
  std::vector<FacetCell> templates;   // by window, then slot
  std::vector<FacetCell> statuses;    // by window, service, status
};

[[nodiscard]] inline std::uint64_t pair_key(std::int64_t high, std::uint64_t low) noexcept {
  return mix64(static_cast<std::uint64_t>(high)) + low * 0x9e3779b97f4a7c15ULL;
}
[[nodiscard]] inline std::uint64_t slot_key(std::int64_t template_id,
                                            std::int32_t service) noexcept {
  return pair_key(template_id, static_cast<std::uint64_t>(service) + 1);
}
[[nodiscard]] inline std::uint64_t facet_key(std::int64_t window, std::int32_t service,
                                             std::int32_t facet) noexcept {
  return pair_key(window,
                  (static_cast<std::uint64_t>(service) << 32) | static_cast<std::uint32_t>(facet));
}

class Signals {
 public:
  Signals(std::int64_t window_us, std::size_t max_services, std::size_t max_templates);

  void add(std::span<const std::shared_ptr<RecordBatch>> chunks);

  // Removes and returns the windows before `end`; later records for them count as late.
  [[nodiscard]] Closed take(std::int64_t end);

  // Records, and records with `status`, so far in an open window of a service.
  struct Share {
    std::int64_t count = 0;
    std::int64_t with_status = 0;
  };
  [[nodiscard]] Share peek(std::int64_t window, std::int32_t service, int status) const noexcept;

  // The latest time that the feed has reached; single stamps far in the future do not move it.
  [[nodiscard]] std::int64_t watermark_us() const noexcept { return watermark_; }
  [[nodiscard]] std::int64_t records() const noexcept { return records_; }
  [[nodiscard]] std::int64_t late() const noexcept { return late_; }
  [[nodiscard]] std::int64_t window_us() const noexcept { return window_us_; }
  [[nodiscard]] const std::vector<std::string>& services() const noexcept { return services_; }
  [[nodiscard]] const std::vector<TemplateSlot>& slots() const noexcept { return slots_; }

  // Everything: services, templates, usual latencies, watermark and the windows still open.
  [[nodiscard]] std::string save() const;
  static Signals load(std::string_view bytes);

 private:
  struct Address {
    std::int64_t count = 0;
    std::uint64_t users = 0;  // linear counting over 64 cells
  };
  struct Logins {
    std::unordered_map<std::string, Address> addresses;
    std::array<std::uint64_t, 16> users{};
  };

  void save_windows(ByteWriter& out) const;
  void load_windows(ByteReader& in);
  void observe(const RecordBatch& batch, std::size_t row, std::int32_t service);
  void move_watermark(std::int64_t us) noexcept;
  std::int32_t intern_service(std::string_view name);
  std::uint32_t slot_of(const RecordBatch& batch, std::size_t row, std::int32_t service);
  std::uint32_t cell_of(std::int64_t window, std::int32_t service);
  FacetCell& facet(FlatMap& index, std::vector<FacetCell>& cells, std::int64_t window,
                   std::int32_t service, std::int32_t value);
  void add_latency(ServiceCell& cell, TemplateSlot& slot, double ms) noexcept;
  void add_auth_failure(std::uint32_t cell, const RecordBatch& batch, std::size_t row,
                        std::int64_t id);

  std::int64_t window_us_;
  std::size_t max_services_;
  std::size_t max_templates_;
  std::int64_t watermark_;
  std::int64_t ahead_ = 0;   // records far ahead of the watermark since it moved last
  std::int64_t behind_ = 0;  // records in a row far behind it
  std::int64_t closed_below_;
  std::int64_t records_ = 0;
  std::int64_t late_ = 0;
  std::vector<std::string> services_;
  std::unordered_map<std::string, std::int32_t> service_index_;
  std::vector<TemplateSlot> slots_;
  FlatMap slot_index_;
  std::vector<ServiceCell> cells_;
  FlatMap cell_index_;
  std::vector<std::uint32_t> latest_cell_;  // per service: its cell that was used last
  std::vector<FacetCell> template_cells_;
  FlatMap template_index_;
  std::vector<FacetCell> status_cells_;
  FlatMap status_index_;
  std::unordered_map<std::uint32_t, Logins> logins_;  // by cell
};

}  // namespace logforest::detect
