// Saving and loading of a miner: options, totals, shapes in order of id.
#include <algorithm>
#include <numeric>

#include "logforest/base/container.hpp"
#include "logforest/templates/miner.hpp"

namespace logforest::templates {

namespace {
constexpr std::string_view kKind = "template miner";
constexpr std::uint32_t kVersion = 1;
constexpr std::int64_t kMaxId = (std::int64_t{1} << 53) - 1;

void malformed() { throw ModelError("the template miner's data are malformed"); }
}  // namespace

std::string Miner::save() const {
  const std::lock_guard lock(mutex_);
  ByteWriter out;
  out.put(options_.masks);
  out.put(static_cast<std::uint64_t>(options_.patterns.size()));
  for (const auto& pattern : options_.patterns) out.put_text(pattern);
  out.put(static_cast<std::uint64_t>(options_.max_shapes));
  out.put(static_cast<std::int32_t>(options_.min_values));
  out.put(shapes_.lines());
  out.put(shapes_.dropped_lines());
  out.put(shapes_.dropped_shapes());
  std::vector<std::size_t> order(shapes_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [this](std::size_t a, std::size_t b) { return shapes_[a].id < shapes_[b].id; });
  out.put(static_cast<std::uint64_t>(order.size()));
  for (const std::size_t i : order) {
    const Shape& s = shapes_[i];
    out.put(s.id);
    out.put(s.count);
    out.put(s.first_seen);
    out.put(s.last_seen);
    out.put(s.example_hash);
    out.put_text(s.example);
    out.put(static_cast<std::uint64_t>(s.codes_size));
    for (const Code c : shapes_.codes(i)) out.put_text(shapes_.text_of(c));
  }
  return seal(kKind, kVersion, out.bytes());
}

std::unique_ptr<Miner> Miner::load(std::string_view bytes) {
  ByteReader in(open_sealed(bytes, kKind, kVersion).payload);
  MinerOptions options;
  options.masks = in.get<std::uint32_t>();
  if ((options.masks & ~static_cast<std::uint32_t>(kMaskAll)) != 0) malformed();
  for (std::size_t n = in.get_count(4); n > 0; --n) options.patterns.emplace_back(in.get_text());
  options.max_shapes = static_cast<std::size_t>(in.get<std::uint64_t>());
  options.min_values = in.get<std::int32_t>();
  std::unique_ptr<Miner> miner;
  try {
    miner = std::make_unique<Miner>(std::move(options));
  } catch (const ConfigError& e) {
    throw ModelError(e.what());
  }
  const auto lines = in.get<std::int64_t>();
  const auto dropped_lines = in.get<std::int64_t>();
  const auto dropped_shapes = in.get<std::int64_t>();
  std::vector<std::string_view> tokens;
  for (std::size_t n = in.get_count(52); n > 0; --n) {
    Shape s;
    s.id = in.get<std::int64_t>();
    s.count = in.get<std::int64_t>();
    s.first_seen = in.get<std::int64_t>();
    s.last_seen = in.get<std::int64_t>();
    s.example_hash = in.get<std::uint64_t>();
    s.example = in.get_text();
    if (s.id < 0 || s.id > kMaxId || s.count < 1 || s.example.size() > kMaxExample) malformed();
    tokens.clear();
    for (std::size_t t = in.get_count(4); t > 0; --t) tokens.push_back(in.get_text());
    if (tokens.size() > kMaxTokens + 1) malformed();
    if (miner->shapes_.find(s.id) != Shapes::kNone) malformed();
    miner->shapes_.add(std::move(s), tokens);
  }
  if (!in.done()) malformed();
  miner->shapes_.set_totals(lines, dropped_lines, dropped_shapes);
  return miner;
}

}  // namespace logforest::templates
