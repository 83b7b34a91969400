#include "logforest/templates/miner.hpp"

#include <re2/re2.h>

#include <algorithm>

#include "logforest/base/error.hpp"
#include "logforest/base/parallel.hpp"

namespace logforest::templates {

namespace {
constexpr std::size_t kTask = 16'384;  // lines a task
}

Miner::Miner(MinerOptions options) : options_(std::move(options)) {
  if (options_.max_shapes < 16) throw ConfigError("max_shapes must be at least 16");
  if (options_.min_values < 2) throw ConfigError("min_values must be at least 2");
  RE2::Options quiet;
  quiet.set_log_errors(false);
  for (const auto& pattern : options_.patterns) {
    auto regex = std::make_unique<RE2>(pattern, quiet);
    if (!regex->ok()) {
      throw ConfigError("mask '" + pattern + "' is not a valid RE2 pattern: " + regex->error());
    }
    if (RE2::FullMatch("", *regex))
      throw ConfigError("mask '" + pattern + "' matches nothing at all");
    regexes_.push_back(std::move(regex));
  }
}

Miner::~Miner() = default;

std::string_view Miner::prepare(std::string_view message, std::string& scratch) const {
  if (regexes_.empty()) return message;
  scratch.assign(message.substr(0, kMaxScanBytes));
  for (const auto& regex : regexes_) {
    RE2::GlobalReplace(&scratch, *regex, std::string_view(&kUserMask, 1));
  }
  return scratch;
}

void Miner::observe(std::span<const std::string_view> messages, std::span<const std::int64_t> times,
                    std::int64_t* out, int threads) {
  const auto scan = [&](std::size_t begin, std::size_t end, Shapes& into) {
    Scanner scanner(options_.masks);
    std::string scratch;
    for (std::size_t i = begin; i < end; ++i) {
      const std::string_view text = prepare(messages[i], scratch);
      const std::int64_t id = scanner.scan(text);
      into.observe(id, scanner, text, messages[i], times.empty() ? kNoTime : times[i]);
      if (out != nullptr) out[i] = id;
      if (into.size() > options_.max_shapes) into.shrink(options_.max_shapes / 8 * 7);
    }
  };
  const std::size_t workers = resolve_threads(threads);
  const std::size_t tasks = (messages.size() + kTask - 1) / kTask;
  if (workers < 2 || tasks < 2) {
    const std::lock_guard lock(mutex_);
    scan(0, messages.size(), shapes_);
    return;
  }
  std::vector<Shapes> parts(std::min(workers, tasks));
  parallel_for(tasks, workers, [&](std::size_t task, std::size_t worker) {
    scan(task * kTask, std::min(messages.size(), (task + 1) * kTask), parts[worker]);
  });
  const std::lock_guard lock(mutex_);
  for (const auto& part : parts) shapes_.add(part);
  if (shapes_.size() > options_.max_shapes) shapes_.shrink(options_.max_shapes / 8 * 7);
}

const Grouping& Miner::grouping() const {
  if (!grouping_ || grouped_version_ != shapes_.version()) {
    grouping_ =
        std::make_shared<const Grouping>(shapes_, Thresholds::from_plain(options_.min_values));
    grouped_version_ = shapes_.version();
  }
  return *grouping_;
}

void Miner::resolve(std::span<std::int64_t> ids) const {
  const std::lock_guard lock(mutex_);
  const Grouping& groups = grouping();
  std::int64_t last = -1;
  std::int64_t last_group = -1;
  for (std::int64_t& id : ids) {
    if (id != last) {
      last = id;
      const std::size_t shape = shapes_.find(id);
      last_group = shape == Shapes::kNone ? id : groups.ids()[groups.group_of(shape)];
    }
    id = last_group;
  }
}

std::int64_t Miner::template_of(Scanner& scanner, std::string_view message, std::string& scratch,
                                std::vector<Code>& codes) const {
  const std::string_view text = prepare(message, scratch);
  const std::int64_t id = scanner.scan(text);
  const std::size_t shape = shapes_.find(id);
  if (shape != Shapes::kNone) return grouping_->ids()[grouping_->group_of(shape)];
  shapes_.lookup_codes(scanner, text, codes);
  const std::int64_t group = grouping_->match(codes);
  return group < 0 ? id : grouping_->ids()[static_cast<std::size_t>(group)];
}

void Miner::transform(std::span<const std::string_view> messages, std::int64_t* out,
                      int threads) const {
  const std::lock_guard lock(mutex_);
  grouping();
  const std::size_t tasks = (messages.size() + kTask - 1) / kTask;
  parallel_for(tasks, resolve_threads(threads), [&](std::size_t task, std::size_t) {
    Scanner scanner(options_.masks);
    std::string scratch;
    std::vector<Code> codes;
    const std::size_t end = std::min(messages.size(), (task + 1) * kTask);
    for (std::size_t i = task * kTask; i < end; ++i) {
      out[i] = template_of(scanner, messages[i], scratch, codes);
    }
  });
}

void Miner::merge(const Miner& other) {
  if (other.options_.masks != options_.masks || other.options_.patterns != options_.patterns) {
    throw ConfigError("miners with different masks cannot be merged");
  }
  std::shared_ptr<Miner> copy;
  if (&other == this) {
    copy = clone();
  }
  const Miner& from = copy ? *copy : other;
  const std::scoped_lock lock(mutex_, from.mutex_);
  shapes_.add(from.shapes_);
  if (shapes_.size() > options_.max_shapes) shapes_.shrink(options_.max_shapes / 8 * 7);
}

std::unique_ptr<Miner> Miner::clone() const {
  auto copy = std::make_unique<Miner>(options_);
  const std::lock_guard lock(mutex_);
  copy->shapes_ = shapes_;
  return copy;
}

std::int64_t Miner::lineage(std::int64_t id) const {
  const std::lock_guard lock(mutex_);
  const std::size_t shape = shapes_.find(id);
  if (shape == Shapes::kNone) return -1;
  const Grouping& groups = grouping();
  return groups.ids()[groups.group_of(shape)];
}

void Miner::lineages(std::span<std::int64_t> ids) const {
  const std::lock_guard lock(mutex_);
  const Grouping& groups = grouping();
  for (std::int64_t& id : ids) {
    const std::size_t shape = shapes_.find(id);
    id = shape == Shapes::kNone ? -1 : groups.ids()[groups.group_of(shape)];
  }
}

Miner::Totals Miner::totals() const {
  const std::lock_guard lock(mutex_);
  return {shapes_.lines(), static_cast<std::int64_t>(shapes_.size()), shapes_.dropped_lines(),
          shapes_.dropped_shapes()};
}

// The example with its variable parts replaced: white space and punctuation stay as they were.
std::string Miner::display(const Shape& shape, std::span<const std::uint32_t> holes) const {
  Scanner scanner(options_.masks);
  std::string scratch;
  std::vector<Span> spans;
  const std::string_view text = prepare(shape.example, scratch);
  scanner.scan_with_spans(text, spans);
  for (const std::uint32_t hole : holes) {
    if (hole >= scanner.size()) continue;  // a clipped example has fewer tokens
    spans.push_back({scanner.tokens()[hole].begin, scanner.tokens()[hole].end});
  }
  std::sort(spans.begin(), spans.end(), [](Span a, Span b) { return a.begin < b.begin; });
  std::string out;
  std::uint32_t at = 0;
  for (const Span s : spans) {
    if (s.begin < at) continue;
    out.append(text.substr(at, s.begin - at));
    if (!out.ends_with("<*>")) out.append("<*>");
    at = s.end;
  }
  out.append(text.substr(std::min<std::size_t>(at, text.size())));
  std::erase(out, kUserMask);
  return out;
}

std::vector<TemplateRow> Miner::templates() const {
  const std::lock_guard lock(mutex_);
  const Grouping& groups = grouping();
  std::vector<TemplateRow> rows;
  for (const Group& g : groups.summarise(shapes_)) {
    const Shape& main = shapes_[g.main_shape];
    rows.push_back({g.id, display(main, groups.holes(g.main_shape)), g.count, main.example,
                    g.first_seen, g.last_seen, g.shapes});
  }
  std::stable_sort(rows.begin(), rows.end(), [](const TemplateRow& a, const TemplateRow& b) {
    return a.count != b.count ? a.count > b.count : a.id < b.id;
  });
  return rows;
}

}  // namespace logforest::templates
