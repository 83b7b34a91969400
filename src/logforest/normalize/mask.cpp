#include "logforest/normalize/mask.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <bit>

#include "logforest/base/error.hpp"
#include "logforest/normalize/chars.hpp"
#include "logforest/normalize/mask_match.hpp"
#include "logforest/normalize/mask_scan.hpp"
#include "logforest/normalize/replace.hpp"
#include "logforest/normalize/secrets.hpp"

namespace logforest::normalize {

namespace {

constexpr std::size_t kMaxName = 24;
constexpr std::size_t kMinKey = 16;
constexpr std::size_t kMaxCustom = 100;
constexpr std::int64_t kRegexMemory = std::int64_t{8} << 20;
constexpr int kMaxPasses = 32;            // hostile texts end too
constexpr std::size_t kStackBlocks = 64;  // texts up to 4 KiB need no heap

unsigned wanted_by(const MaskRules& r) {
  unsigned wanted = 0;
  if (r.email) wanted |= kFindAt;
  if (r.card) wanted |= kFindDigits;
  if (r.iban) wanted |= kFindIban;
  if (r.token) wanted |= kFindWords;
  if (r.token || r.password) wanted |= kFindSecrets;
  if (r.phone) wanted |= kFindPhone;
  if (r.ip != IpRule::Off) wanted |= kFindIp;
  return wanted;
}

bool valid_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxName && name[0] >= 'A' && name[0] <= 'Z' &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return (c >= 'A' && c <= 'Z') || is(c, kDigit) || c == '_'; });
}

}  // namespace

struct Masker::Custom {
  Custom(const std::string& rule, const std::string& pattern, const re2::RE2::Options& options)
      : mask("<" + rule + ">"), regex(pattern, options) {}
  std::string mask;
  re2::RE2 regex;
};

// One pass over one text.
class Masker::Scan {
 public:
  Scan(const Masker& masker, std::string_view text, std::string& out)
      : rules_(masker.rules_), s_(text), out_(out) {}

  bool run(const std::uint64_t* bits) {
    const std::size_t blocks = (s_.size() + 63) / 64;
    if (rules_.token && is_key_line(s_)) replace(Kind::Token, {0, s_.size()});
    if (rules_.password || rules_.token) flag(0);
    for (std::size_t b = 0; b < blocks; ++b) {
      for (std::uint64_t rest = bits[b]; rest != 0; rest &= rest - 1) {
        const std::size_t i = b * 64 + static_cast<std::size_t>(std::countr_zero(rest));
        if (i < pos_) continue;
        const std::size_t before = pos_;
        look(i);
        if (pos_ != before) resume();
      }
    }
    if (found_) out_.append(s_.substr(pos_));
    return found_;
  }

 private:
  void look(std::size_t i) {
    const char c = s_[i];
    if (c == '@' || c == '%') {
      if (rules_.email && replace(Kind::Email, find_email(s_, i, pos_))) return;
    } else if (c == '=' || c == ':') {
      if (secret(i)) return;
    } else if (c == '+' || c == '(') {
      if (rules_.phone && replace(Kind::Phone, find_phone(s_, i))) return;
    } else if (c == '-' || c == ' ') {
      if (flag(i)) return;
    } else if (c == '.') {
      if (rules_.ip != IpRule::Off && replace(Kind::Ipv4, find_ipv4(s_, i, pos_))) return;
    }
    if (is(c, kHex) || c == ':') {
      if (rules_.ip != IpRule::Off && replace(Kind::Ipv6, find_ipv6(s_, i, pos_))) return;
    }
    if (rules_.card && is(c, kDigit) && starts_number(i)) cards(i);
    if (i < pos_) return;
    if (c >= 'A' && c <= 'Z' && rules_.iban && replace(Kind::Iban, find_iban(s_, i))) return;
    if (rules_.token && is(c, kWord)) replace(Kind::Token, find_token(s_, i));
  }

  // Runs are searched from their first digit only, which keeps hostile texts linear.
  [[nodiscard]] bool starts_number(std::size_t i) const noexcept {
    if (i == 0) return true;
    if (is(s_[i - 1], kDigit)) return false;
    return i == 1 || !((s_[i - 1] == ' ' || s_[i - 1] == '-') && is(s_[i - 2], kDigit));
  }
  // A find may have swallowed the begin of a run of digits.
  void resume() {
    if (rules_.card && pos_ + 1 < s_.size() && is(s_[pos_ - 1], kDigit) &&
        (s_[pos_] == ' ' || s_[pos_] == '-') && is(s_[pos_ + 1], kDigit))
      cards(pos_ + 1);
  }
  void cards(std::size_t i) {
    while (replace(Kind::Card, find_card(s_, i, pos_))) i = pos_;
  }

  bool secret(std::size_t i) {
    if (s_[i] == ':' && s_.substr(i, 3) == "://")
      return rules_.password && replace(Kind::Password, find_url_password(s_, i));
    return i >= left_alone_ && secret(match_secret(s_, i));
  }
  // Blanks and dashes: " --password x"
  bool flag(std::size_t i) {
    while (i < s_.size() && s_[i] == ' ') ++i;
    return s_.substr(i, 2) == "--" && secret(match_secret_flag(s_, i));
  }
  bool secret(const SecretValue& v) {
    if (v.begin == kNone || v.begin < pos_) return false;
    if (!(v.token ? rules_.token : rules_.password)) {
      left_alone_ = v.end;
      return false;
    }
    return replace(v.token ? Kind::Token : Kind::Password, {v.begin, v.end});
  }

  bool replace(Kind kind, Span span) {
    if (!span.found() || span.begin < pos_) return false;
    const std::string_view value = s_.substr(span.begin, span.end - span.begin);
    if (is_no_secret(value)) return false;
    if (!found_) {
      found_ = true;
      out_.clear();
    }
    out_.append(s_.substr(pos_, span.begin - pos_));
    append_replacement(rules_, kind, value, out_);
    pos_ = span.end;
    return true;
  }

  const MaskRules& rules_;
  std::string_view s_;
  std::string& out_;
  std::size_t pos_ = 0;         // everything before it is written or searched
  std::size_t left_alone_ = 0;  // end of a value whose rule is off
  bool found_ = false;
};

Masker::Masker(MaskRules rules) : rules_(std::move(rules)), candidates_(wanted_by(rules_)) {
  if (rules_.replacement == Replacement::Pseudonym && rules_.key.size() < kMinKey)
    throw ConfigError("pseudonyms need a secret key of at least 16 bytes");
  if (rules_.ipv4_prefix > 32 || rules_.ipv6_prefix > 128)
    throw ConfigError("an IPv4 prefix has at most 32 bits, an IPv6 prefix 128");
  if (rules_.custom.size() > kMaxCustom) throw ConfigError("more than 100 masking rules");
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kRegexMemory);
  for (const auto& [name, pattern] : rules_.custom) {
    if (!valid_name(name))
      throw ConfigError("masking rule \"" + name +
                        "\": a name is capitals, digits and _, up to 24");
    auto rule = std::make_unique<Custom>(name, pattern, options);
    if (!rule->regex.ok()) throw ConfigError("masking rule " + name + ": " + rule->regex.error());
    if (re2::RE2::FullMatch("", rule->regex))
      throw ConfigError("masking rule " + name + " matches empty text");
    custom_.push_back(std::move(rule));
  }
}

Masker::~Masker() = default;

bool Masker::mask_builtin(std::string_view text, std::string& out) const {
  const std::size_t blocks = (text.size() + 63) / 64;
  std::uint64_t stack[kStackBlocks];
  std::vector<std::uint64_t> heap;
  std::uint64_t* bits = stack;
  if (blocks > kStackBlocks) {
    heap.resize(blocks);
    bits = heap.data();
  }
  mask_candidates(text.data(), text.size(), candidates_, bits);
  return Scan(*this, text, out).run(bits);
}

// What stands beside a value decides whether it is one, and a mask put there changes that: the
// masked text is searched again until nothing is found. One more pass does for nearly all texts.
bool Masker::mask_stable(std::string_view text, std::string& out) const {
  if (!mask_builtin(text, out)) return false;
  static thread_local std::string again;
  for (int pass = 1; pass < kMaxPasses; ++pass) {
    if (!mask_builtin(out, again) || again == out) break;  // prefixes of addresses are found again
    out.swap(again);
  }
  return true;
}

bool Masker::mask_custom(std::string& text) const {
  bool found = false;
  for (const auto& rule : custom_)
    found |= re2::RE2::GlobalReplace(&text, rule->regex, rule->mask) > 0;
  return found;
}

bool Masker::mask(std::string_view text, std::string& out) const {
  const bool found = mask_stable(text, out);
  if (custom_.empty()) return found;
  std::string copy(found ? std::string_view(out) : text);
  if (!mask_custom(copy)) return found;
  out = std::move(copy);
  return true;
}

}  // namespace logforest::normalize
