// The template miner: counts message shapes, groups them into templates on demand.
//
// Thread safe: one mutex guards the state; observe() scans outside of it on several threads.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "logforest/templates/grouping.hpp"
#include "logforest/templates/scanner.hpp"
#include "logforest/templates/shapes.hpp"

namespace re2 {
class RE2;
}

namespace logforest::templates {

struct MinerOptions {
  std::uint32_t masks = kMaskAll;
  std::vector<std::string> patterns;  // users' own masks, RE2 syntax
  std::size_t max_shapes = 100'000;   // beyond it the rarest are dropped
  int min_values = 5;                 // Thresholds::plain
};

struct TemplateRow {
  std::int64_t id = 0;
  std::string text;
  std::int64_t count = 0;
  std::string example;
  std::int64_t first_seen = kNoTime, last_seen = kNoTime;
  std::int64_t shapes = 0;
};

class Miner {
 public:
  explicit Miner(MinerOptions options);  // ConfigError on a pattern RE2 refuses
  ~Miner();
  Miner(const Miner&) = delete;
  Miner& operator=(const Miner&) = delete;

  // Adds messages; `times` is empty or as long as `messages`; fingerprints go to `out` if given.
  void observe(std::span<const std::string_view> messages, std::span<const std::int64_t> times,
               std::int64_t* out, int threads);
  // Fingerprints -> template ids in place, for shapes that are in the state.
  void resolve(std::span<std::int64_t> ids) const;
  // Template ids of messages without adding them. A message that fits no template gets its own
  // fingerprint, the id it would start with.
  void transform(std::span<const std::string_view> messages, std::int64_t* out, int threads) const;

  // ConfigError if the masks differ: fingerprints would not mean the same.
  void merge(const Miner& other);
  [[nodiscard]] std::unique_ptr<Miner> clone() const;

  [[nodiscard]] std::vector<TemplateRow> templates() const;  // most frequent first
  // Current template id of any fingerprint or former template id; -1 if unknown.
  [[nodiscard]] std::int64_t lineage(std::int64_t id) const;
  void lineages(std::span<std::int64_t> ids) const;  // of all of them, in place

  [[nodiscard]] const MinerOptions& options() const noexcept { return options_; }
  struct Totals {
    std::int64_t lines, shapes, dropped_lines, dropped_shapes;
  };
  [[nodiscard]] Totals totals() const;

  [[nodiscard]] std::string save() const;
  [[nodiscard]] static std::unique_ptr<Miner> load(std::string_view bytes);  // ModelError

 private:
  std::string_view prepare(std::string_view message, std::string& scratch) const;
  const Grouping& grouping() const;  // with the mutex held
  std::int64_t template_of(Scanner& scanner, std::string_view message, std::string& scratch,
                           std::vector<Code>& codes) const;
  std::string display(const Shape& shape, std::span<const std::uint32_t> holes) const;

  MinerOptions options_;
  std::vector<std::unique_ptr<re2::RE2>> regexes_;
  mutable std::mutex mutex_;
  Shapes shapes_;
  mutable std::shared_ptr<const Grouping> grouping_;
  mutable std::uint64_t grouped_version_ = ~std::uint64_t{0};
};

}  // namespace logforest::templates
