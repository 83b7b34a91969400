#include "logforest/templates/shapes.hpp"

#include <algorithm>
#include <numeric>

#include "logforest/base/hash.hpp"

namespace logforest::templates {

namespace {

std::string_view clip(std::string_view s) noexcept {
  if (s.size() <= kMaxExample) return s;
  std::size_t n = kMaxExample;
  while (n > 0 && (static_cast<unsigned char>(s[n]) & 0xc0U) == 0x80U) --n;  // whole characters
  return s.substr(0, n);
}

std::string_view token_text(const Token& t, std::string_view text) noexcept {
  return text.substr(t.begin, t.end - t.begin);
}

}  // namespace

std::size_t Shapes::find(std::int64_t id) const noexcept {
  if (slots_.empty()) return kNone;
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = static_cast<std::size_t>(id) & mask;; at = (at + 1) & mask) {
    if (slots_[at] == 0) return kNone;
    if (shapes_[slots_[at] - 1].id == id) return slots_[at] - 1;
  }
}

void Shapes::grow() {
  const std::size_t size = std::max<std::size_t>(64, slots_.size() * 2);
  slots_.assign(size, 0);
  for (std::size_t i = 0; i < shapes_.size(); ++i) {
    std::size_t at = static_cast<std::size_t>(shapes_[i].id) & (size - 1);
    while (slots_[at] != 0) at = (at + 1) & (size - 1);
    slots_[at] = static_cast<std::uint32_t>(i + 1);
  }
}

Shape& Shapes::insert(std::int64_t id) {
  if ((shapes_.size() + 1) * 2 > slots_.size()) grow();
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = static_cast<std::size_t>(id) & mask;
  while (slots_[at] != 0) at = (at + 1) & mask;
  Shape& shape = shapes_.emplace_back();
  slots_[at] = static_cast<std::uint32_t>(shapes_.size());
  shape.id = id;
  ++version_;
  return shape;
}

void Shapes::observe(std::int64_t id, const Scanner& scanner, std::string_view text,
                     std::string_view message, std::int64_t time) {
  const std::size_t found = find(id);
  Shape* shape = nullptr;
  if (found != kNone) {
    shape = &shapes_[found];
  } else {
    shape = &insert(id);
    shape->codes_begin = static_cast<std::uint32_t>(codes_.size());
    shape->codes_size = static_cast<std::uint32_t>(scanner.size());
    for (std::size_t i = 0; i < scanner.size(); ++i) {
      const Token& t = scanner.tokens()[i];
      switch (t.kind) {
        case Kind::Wildcard:
          codes_.push_back(kWildcard);
          break;
        case Kind::Delimiter:
          codes_.push_back(text[t.begin]);
          break;
        case Kind::Word:
          codes_.push_back(kFirstWord + words_.intern(token_text(t, text)));
          break;
      }
    }
  }
  ++lines_;
  ++shape->count;
  if (time != kNoTime) {
    if (shape->first_seen == kNoTime || time < shape->first_seen) shape->first_seen = time;
    if (time > shape->last_seen) shape->last_seen = time;
  }
  const std::uint64_t hash = hash_bytes(message);
  if (hash < shape->example_hash) {
    shape->example_hash = hash;
    shape->example.assign(clip(message));
  }
}

void Shapes::merge_into(Shape& into, const Shape& from) {
  into.count += from.count;
  if (from.first_seen != kNoTime &&
      (into.first_seen == kNoTime || from.first_seen < into.first_seen)) {
    into.first_seen = from.first_seen;
  }
  into.last_seen = std::max(into.last_seen, from.last_seen);
  if (from.example_hash < into.example_hash) {
    into.example_hash = from.example_hash;
    into.example = from.example;
  }
}

std::string_view Shapes::text_of(Code c) const noexcept {
  static constexpr auto ascii = [] {
    std::array<char, 128> table{};
    for (std::size_t i = 0; i < table.size(); ++i) table[i] = static_cast<char>(i);
    return table;
  }();
  if (c == kWildcard) return {};
  if (c < kFirstWord) return {ascii.data() + c, 1};
  return words_[c - kFirstWord];
}

void Shapes::add(const Shapes& other) {
  for (std::size_t i = 0; i < other.size(); ++i) {
    const std::size_t found = find(other[i].id);
    if (found != kNone) {
      merge_into(shapes_[found], other[i]);
      continue;
    }
    Shape& shape = insert(other[i].id);
    shape.codes_begin = static_cast<std::uint32_t>(codes_.size());
    shape.codes_size = other[i].codes_size;
    for (const Code c : other.codes(i)) {
      codes_.push_back(c < kFirstWord ? c : kFirstWord + words_.intern(other.text_of(c)));
    }
    merge_into(shape, other[i]);
  }
  lines_ += other.lines_;
  dropped_lines_ += other.dropped_lines_;
  dropped_shapes_ += other.dropped_shapes_;
}

void Shapes::add(Shape from, std::span<const std::string_view> tokens) {
  if (find(from.id) != kNone) return;
  Shape& shape = insert(from.id);
  from.codes_begin = static_cast<std::uint32_t>(codes_.size());
  from.codes_size = static_cast<std::uint32_t>(tokens.size());
  shape = std::move(from);
  constexpr std::string_view delimiters = "=()[]{},;:\"'<>|";
  for (const std::string_view t : tokens) {
    if (t.empty()) {
      codes_.push_back(kWildcard);
    } else if (t.size() == 1 && delimiters.find(t[0]) != std::string_view::npos) {
      codes_.push_back(t[0]);
    } else {
      codes_.push_back(kFirstWord + words_.intern(t));
    }
  }
}

void Shapes::set_totals(std::int64_t lines, std::int64_t dropped_lines,
                        std::int64_t dropped_shapes) noexcept {
  lines_ = lines;
  dropped_lines_ = dropped_lines;
  dropped_shapes_ = dropped_shapes;
}

void Shapes::shrink(std::size_t keep) {
  if (shapes_.size() <= keep) return;
  std::vector<std::uint32_t> order(shapes_.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [this](std::uint32_t a, std::uint32_t b) {
    const Shape& x = shapes_[a];
    const Shape& y = shapes_[b];
    return x.count != y.count ? x.count > y.count : x.id < y.id;
  });
  Shapes kept;
  std::vector<std::string_view> tokens;
  for (std::size_t k = 0; k < keep; ++k) {
    tokens.clear();
    for (const Code c : codes(order[k])) tokens.push_back(text_of(c));
    kept.add(shapes_[order[k]], tokens);
  }
  for (std::size_t k = keep; k < order.size(); ++k) dropped_lines_ += shapes_[order[k]].count;
  kept.set_totals(lines_, dropped_lines_,
                  dropped_shapes_ + static_cast<std::int64_t>(order.size() - keep));
  kept.version_ = version_ + 1;
  *this = std::move(kept);
}

void Shapes::lookup_codes(const Scanner& scanner, std::string_view text,
                          std::vector<Code>& out) const {
  out.clear();
  for (std::size_t i = 0; i < scanner.size(); ++i) {
    const Token& t = scanner.tokens()[i];
    if (t.kind == Kind::Wildcard) {
      out.push_back(kWildcard);
    } else if (t.kind == Kind::Delimiter) {
      out.push_back(text[t.begin]);
    } else {
      const std::int32_t code = words_.find(token_text(t, text));
      out.push_back(code < 0 ? -1 : kFirstWord + code);
    }
  }
}

}  // namespace logforest::templates
