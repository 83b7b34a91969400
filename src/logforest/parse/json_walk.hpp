// Steps over JSON whose shape is being looked at; every step validates what it passes over and says
// when the text ends or is none.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "logforest/parse/aliases.hpp"
#include "logforest/parse/json_scan.hpp"

namespace logforest::parse::json {

class Walker {
 public:
  explicit Walker(const char* begin, const char* end, std::size_t depth = 512) noexcept
      : p_(begin), end_(end), depth_(depth) {}

  [[nodiscard]] const char* at() const noexcept { return p_; }
  void go(const char* p) noexcept { p_ = p; }
  [[nodiscard]] char peek() noexcept {
    p_ = skip_space(p_, end_);
    return p_ < end_ ? *p_ : '\0';
  }
  bool take(char c) noexcept {
    if (peek() != c || p_ >= end_) return false;
    ++p_;
    return true;
  }
  // "name": as it is written; p_ is behind the colon then.
  std::optional<std::string_view> member() noexcept {
    if (!take('"')) return std::nullopt;
    const char* const begin = p_;
    bool escaped = false;
    bool ok = true;
    p_ = scan_string(p_, escaped, ok);
    if (!ok || p_ >= end_) return std::nullopt;
    const std::string_view name(begin, static_cast<std::size_t>(p_++ - begin));
    if (!take(':')) return std::nullopt;
    return name;
  }
  // Any value with at most `fields` keys, of which those it has are taken off.
  bool value(std::size_t& fields) noexcept {
    if (peek() == '\0') return false;
    Limits limits{depth_, fields};
    Fault fault = Fault::None;
    p_ = skip_value(p_, end_, limits, fault);
    fields = limits.fields;
    return fault == Fault::None && p_ <= end_;
  }
  bool value() noexcept {
    auto fields = static_cast<std::size_t>(-1);
    return value(fields);
  }
  [[nodiscard]] bool at_end() noexcept { return peek() == '\0' && p_ >= end_; }

 private:
  const char* p_;
  const char* end_;
  std::size_t depth_;
};

[[nodiscard]] inline Target target_of(std::string_view name) noexcept {
  const Alias* const alias = find_alias(name);
  return alias == nullptr ? Target::None : alias->target;
}

}  // namespace logforest::parse::json
