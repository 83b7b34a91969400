// Windows: mergeable partial aggregates of records by time and keys.
//
// Everything in a window is a sum, a minimum or a maximum, exactly: in whatever order records are
// added and aggregates merged, by however many threads or machines, the result has the same bits.
// Windows are aligned to 1970-01-01T00:00Z, those of whole weeks to Monday.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "logforest/record/record_batch.hpp"
#include "logforest/window/stats.hpp"

namespace logforest::window {

enum class Key : std::uint8_t {
  Tenant,
  Service,
  Source,
  Level,
  Category,
  Method,
  Endpoint,
  StatusClass,
  TemplateId
};
// Names of keys as columns: "tenant", ..., "status_class" ("2xx"), "template_id". Throws
// ConfigError, naming what there is.
[[nodiscard]] Key key_from_name(std::string_view name);
[[nodiscard]] std::string_view key_name(Key key) noexcept;

struct Spec {
  std::int64_t every = 0;  // width of a window, us
  std::int64_t step = 0;   // distance of their starts: every, or less for sliding windows
  std::vector<Key> by;
  bool operator==(const Spec&) const = default;
};

struct Group {
  std::int64_t start = 0;  // us since 1970
  std::int64_t count = 0;
  std::int64_t errors = 0;  // level ERROR and above, or status 500 and above
  Stats response_time;      // ms
};

// Memory: about 250 bytes a group and 8 bytes a bin between its least and greatest response time
// (at most 18 kB). One writer at a time.
class Aggregate {
 public:
  // Throws ConfigError for widths that are not positive, steps above the width, repeated keys.
  explicit Aggregate(Spec spec);

  // Adds the rows [begin, end) of a finished batch; only where step == every.
  void add(const RecordBatch& batch, std::size_t begin, std::size_t end);
  // Throws ConfigError when the specs differ.
  void merge(const Aggregate& other);
  // The same records in wider or sliding windows, by fewer keys. Widths and steps must be
  // multiples of this one's, which must not slide; keys a subset.
  [[nodiscard]] Aggregate rollup(const Spec& spec) const;

  [[nodiscard]] const Spec& spec() const noexcept { return spec_; }
  [[nodiscard]] std::size_t size() const noexcept { return groups_.size(); }
  [[nodiscard]] const Group& group(std::size_t i) const noexcept { return groups_[i]; }
  [[nodiscard]] Group& group(std::size_t i) noexcept { return groups_[i]; }
  // Code of key k of group i in dictionary(k); -1 is null.
  [[nodiscard]] std::int32_t code(std::size_t i, std::size_t k) const noexcept {
    return codes_[i * spec_.by.size() + k];
  }
  [[nodiscard]] const Dictionary& dictionary(std::size_t k) const noexcept {
    return dictionaries_[k];
  }
  [[nodiscard]] std::int32_t intern(std::size_t k, std::string_view value) {
    return dictionaries_[k].intern(value);
  }
  // The group of a start and codes (spec().by.size() of them), made if absent.
  [[nodiscard]] std::size_t find_or_add(std::int64_t start, const std::int32_t* codes);

  // Groups by start, then keys (null first, level and category by rank, others by bytes): the
  // same for equal contents.
  [[nodiscard]] std::vector<std::size_t> order() const;

 private:
  Spec spec_;
  std::vector<Dictionary> dictionaries_;  // one a key
  std::vector<Group> groups_;
  std::vector<std::int32_t> codes_;
  std::vector<std::uint32_t> slots_;  // open addressing: group + 1
};

// All chunks on `threads` threads (0: one per core).
[[nodiscard]] Aggregate aggregate(const std::vector<std::shared_ptr<RecordBatch>>& chunks,
                                  const Spec& spec, int threads);

// First instant of the window of width `every` that holds `us`.
[[nodiscard]] std::int64_t window_start(std::int64_t us, std::int64_t every) noexcept;

}  // namespace logforest::window
