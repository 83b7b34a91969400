#include "logforest/normalize/fingerprint.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "logforest/base/copy_text.hpp"
#include "logforest/base/hash.hpp"
#include "logforest/normalize/byte_masks.hpp"
#include "logforest/normalize/chars.hpp"
#include "logforest/normalize/secrets.hpp"

namespace logforest {

namespace {

using namespace normalize;

constexpr std::size_t kBlocks = kMaxFingerprintInput / 64;

// Writes the template into a fixed buffer: constant spans are copied whole, and only bytes that
// may start or reveal a variable part are looked at one by one.
class Scanner {
 public:
  // `readable`: bytes behind the message that may be read, though they do not count.
  Scanner(std::string_view message, std::size_t readable) noexcept
      : s_(message.substr(0, kMaxFingerprintInput)),
        readable_(message.data() + message.size() + readable),
        blocks_((s_.size() + 63) / 64) {
    if (readable >= kFingerprintPadding) {
      byte_masks_padded(s_.data(), s_.size(), words_, triggers_);
    } else {
      byte_masks(s_.data(), s_.size(), words_, triggers_);
    }
    words_[blocks_] = 0;
  }

  // 16 zeros follow the template.
  std::string_view run() noexcept {
    for (std::size_t b = 0; b < blocks_ && size_ < kMaxTemplateBytes; ++b) {
      std::uint64_t bits = triggers_[b] | long_words(b);
      while (bits != 0) {
        const std::size_t i = b * 64 + static_cast<std::size_t>(std::countr_zero(bits));
        bits &= bits - 1;
        if (i >= skip_) visit(i);
        if (skip_ >= (b + 1) * 64) break;
        if (skip_ > i) bits &= ~std::uint64_t{0} << (skip_ % 64);
      }
    }
    constant(s_.size());
    std::memset(out_ + size_, 0, 16);
    return {out_, size_};
  }

 private:
  // Where runs of 16 and more word bytes begin: credentials without a digit are found there.
  [[nodiscard]] std::uint64_t long_words(std::size_t b) const noexcept {
    unsigned __int128 x = words_[b + 1];
    x = (x << 64) | words_[b];
    x &= x >> 1;
    x &= x >> 2;
    x &= x >> 4;
    x &= x >> 8;
    const auto runs = static_cast<std::uint64_t>(x);
    return runs & ~(runs << 1);
  }

  [[nodiscard]] std::size_t run_end(std::size_t i) const noexcept {
    std::size_t b = i / 64;
    if (b >= blocks_) return s_.size();
    std::uint64_t gaps = ~words_[b] & (~std::uint64_t{0} << (i % 64));
    while (gaps == 0) gaps = ~words_[++b];  // the entry behind the last block is 0
    return std::min(s_.size(), b * 64 + static_cast<std::size_t>(std::countr_zero(gaps)));
  }
  [[nodiscard]] std::size_t run_begin(std::size_t i) const noexcept {  // not below pos_
    if (i == 0) return 0;
    std::size_t b = (i - 1) / 64;
    std::uint64_t gaps = ~words_[b] & (~std::uint64_t{0} >> (63 - (i - 1) % 64));
    while (gaps == 0 && b > 0 && b * 64 > pos_) gaps = ~words_[--b];
    const std::size_t begin =
        gaps == 0 ? 0 : b * 64 + 64 - static_cast<std::size_t>(std::countl_zero(gaps));
    return std::max(begin, pos_);
  }
  // Words include the masks inside them: x<EMAIL>y.
  [[nodiscard]] std::size_t word_end(std::size_t i) const noexcept {
    for (;;) {
      i = run_end(i);
      if (i >= s_.size() || s_[i] != '<') return i;
      const std::size_t mask = match_mask(s_, i);
      if (mask == kNone) return i;
      i = mask;
    }
  }
  [[nodiscard]] char at(std::size_t i) const noexcept { return i < s_.size() ? s_[i] : '\0'; }

  void constant(std::size_t end) noexcept {
    if (end <= pos_) return;
    const std::size_t n = std::min(end - pos_, kMaxTemplateBytes - size_);
    const char* const from = s_.data() + pos_;
    // Most constants are short: as many bytes as fit need no look at how many there are.
    if (n <= kOneCopy && static_cast<std::size_t>(readable_ - from) >= kOneCopy) {
      std::memcpy(out_ + size_, from, kOneCopy);
    } else {
      copy_text(out_ + size_, {from, n});
    }
    size_ += n;
    pos_ = end;
    open_ = false;
  }

  void wildcard(std::size_t begin, std::size_t end) noexcept {
    if (at(end) == '=') {  // base64 padding belongs to the word before it
      const std::size_t next = at(end + 1) == '=' ? end + 2 : end + 1;
      const char c = at(next);
      if (next >= s_.size() || is(c, kSpace) || (c != '\0' && std::strchr(",;)]}&|", c) != nullptr))
        end = next;
    }
    if (!(open_ && joins(begin))) {
      constant(begin);
      const std::size_t n = std::min<std::size_t>(3, kMaxTemplateBytes - size_);
      std::memcpy(out_ + size_, "<*>", n);
      size_ += n;
    }
    open_ = true;
    pos_ = skip_ = end;
  }
  [[nodiscard]] bool joins(std::size_t begin) const noexcept {
    const std::size_t gap = begin - pos_;
    if (gap == 0) return true;
    const char c = s_[pos_];
    if (gap == 1) return c == ' ' || c == ':' || c == ',' || c == '-' || c == '.';
    return gap == 2 && c == ',' && s_[pos_ + 1] == ' ';
  }

  // A word, or more than a word, is variable.
  void variable(std::size_t begin, std::size_t end) noexcept {
    end = word_end(end);
    while (end > begin + 1 && s_[end - 1] == '.') --end;
    wildcard(begin, end);
  }

  void visit(std::size_t i) noexcept {
    if (is(s_[i], kDigit)) return number(i);  // most are
    switch (s_[i]) {
      case '"':
      case '\'':
        return quote(i);
      case '<': {
        const std::size_t end = match_mask(s_, i);
        if (end != kNone) variable(run_begin(i), end);
        return;
      }
      case '=':
        return secret(i);
      case ':':
        return colon(i);
      case '/':
      case '\\':
        return slash(i);
      case '@':
        if (i > pos_ && is(s_[i - 1], kWord) && is(at(i + 1), kWord)) variable(run_begin(i), i + 1);
        return;
      default:
        return long_word(i);
    }
  }

  void number(std::size_t i) noexcept {
    const std::size_t begin = run_begin(i);
    std::size_t end = kNone;
    if (begin > pos_ && s_[begin - 1] == '(' && (end = match_phone(s_, begin - 1)) != kNone) {
      const char before = begin > pos_ + 1 ? s_[begin - 2] : ' ';  // tel.(555) is one word
      return variable(before == '.' || before == '_' ? run_begin(begin - 2) : begin - 1, end);
    }
    if (private_key(begin)) return;
    if (s_[begin] == '+') end = match_phone(s_, begin);
    if (end == kNone && i == begin + 2 && is(s_[begin], kAlpha)) end = match_iban(s_, begin);
    if (end == kNone) end = address(begin);
    variable(begin, end == kNone ? i + 1 : end);
  }

  // One to four hex digits and a colon open an address; a word ends at the colon.
  [[nodiscard]] std::size_t address(std::size_t begin) const noexcept {
    const std::size_t group = run_end(begin);
    if (group - begin > 4 || at(group) != ':') return kNone;
    for (std::size_t i = begin; i < group; ++i) {
      if (!is(s_[i], kHex)) return kNone;
    }
    const std::size_t end = match_ipv6(s_, begin);
    return end != kNone ? end : match_mac(s_, begin);
  }

  void long_word(std::size_t i) noexcept {
    const std::size_t begin = run_begin(i);
    if (begin != i || private_key(begin)) return;
    std::size_t end = run_end(i);
    while (end > begin + 1 && s_[end - 1] == '.') --end;
    if (is_api_key(s_.substr(i, end - i)) || after_bearer(s_, i)) variable(begin, end);
  }

  // The body of a private key is one value, over any number of lines.
  bool private_key(std::size_t begin) noexcept {
    constexpr std::string_view escaped = "KEY-----\\";
    std::size_t body = begin;
    if (s_[begin] == 'K' && s_.substr(begin, escaped.size()) == escaped) {
      body = begin + escaped.size() + 1;
      while (at(body) == '\\' && (at(body + 1) == 'n' || at(body + 1) == 'r')) body += 2;
    } else if (begin < 17 || !is(s_[begin - 1], kSpace)) {
      return false;  // no room for its header
    } else {
      const char c = s_[begin - 2];  // of the header, or another line end, also escaped
      if (c != '-' && c != 'n' && c != 'r' && !is(c, kSpace)) return false;
    }
    const std::size_t end = match_private_key(s_, body);
    if (end != kNone) variable(begin, end);
    return end != kNone;
  }

  void slash(std::size_t i) noexcept {
    const std::size_t begin = run_begin(i);
    const bool starts = begin == i && is(at(i + 1), kWord) && (i == 0 || s_[i - 1] != '>');
    const std::string_view head = s_.substr(begin, i - begin);
    if (starts || head.find_first_of("/\\") != std::string_view::npos) path(begin, i);
  }
  void path(std::size_t begin, std::size_t from) noexcept {
    variable(begin, value_end(s_, from, false, [this](std::size_t i) { return run_end(i); }));
  }

  void colon(std::size_t i) noexcept {
    if (at(i + 1) == '/' && at(i + 2) == '/' && i > pos_ && is(s_[i - 1], kAlpha))
      return path(run_begin(i), i);
    // The first group of an address has no digit, or "::" comes first.
    std::size_t begin = i;
    while (begin > pos_ && i - begin < 4 && is(s_[begin - 1], kHex)) --begin;
    if ((begin == pos_ || !is(s_[begin - 1], kWord)) && (begin < i || at(i + 1) == ':')) {
      const std::size_t end = address(begin);
      if (end != kNone) return variable(begin, end);
    }
    secret(i);
  }

  void secret(std::size_t i) noexcept {
    const SecretValue v = match_secret(s_, i);
    if (v.begin == kNone) return;
    wildcard(v.begin, v.end);
    skip_ = v.next;
  }

  void quote(std::size_t i) noexcept {
    const bool single = s_[i] == '\'';
    if (i == closing_[single] || !quote_opens(s_, i)) return;
    const bool escaped = !single && i > 0 && s_[i - 1] == '\\';
    bool& unclosed = unclosed_[single ? 2 : (escaped ? 1 : 0)];
    if (unclosed) return;  // nothing behind it closes either
    const std::size_t close = match_quote(s_, i);
    if (close == kNone) {
      unclosed = true;
      return;
    }
    const std::size_t end = escaped ? close - 1 : close;
    const std::string_view text = s_.substr(i + 1, end - i - 1);
    std::size_t next = close + 1;
    while (at(next) == ' ') ++next;
    if (text.empty() || (at(next) == ':' && at(next + 1) != ':' && plain_key(text))) {
      skip_ = close + 1;
      return;
    }
    if (prose(text)) {
      closing_[single] = close;  // must not open anything
      return;
    }
    wildcard(i + 1, end);
    skip_ = close + 1;
  }

  static bool plain_key(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(), [](char c) {
      return is(c, kAlpha) || c == '_' || c == '-' || c == '.' || c == ' ';
    });
  }
  static bool prose(std::string_view text) noexcept {
    int plain = 0;
    std::size_t letters = 0;
    bool word = true;
    for (std::size_t i = 0; i <= text.size() && plain < 3; ++i) {
      if (i == text.size() || is(text[i], kSpace)) {
        plain += word && letters > 0 ? 1 : 0;
        letters = 0;
        word = true;
      } else if (is(text[i], kAlpha)) {
        ++letters;
      } else if (text[i] != ',' && text[i] != '.' && text[i] != ':') {
        word = false;
      }
    }
    return plain >= 3;
  }
  static constexpr std::size_t kOneCopy = 32;

  std::string_view s_;
  const char* readable_;
  std::size_t blocks_;
  std::size_t pos_ = 0;   // everything before it is written
  std::size_t skip_ = 0;  // triggers before it are done with
  std::size_t size_ = 0;
  bool open_ = false;                        // the last thing written is a wildcard
  bool unclosed_[3] = {};                    // plain, escaped and single quotes
  std::size_t closing_[2] = {kNone, kNone};  // closing quotes of prose: double, single
  std::uint64_t words_[kBlocks + 1];
  std::uint64_t triggers_[kBlocks];
  char out_[kMaxTemplateBytes + kOneCopy];
};

}  // namespace

std::int64_t fingerprint(std::string_view message, std::size_t readable) noexcept {
  Scanner scanner(message, readable);
  return static_cast<std::int64_t>(hash_padded(scanner.run()) >> 11);
}

void template_text(std::string_view message, std::string& out) {
  Scanner scanner(message, 0);
  out.assign(scanner.run());
}

}  // namespace logforest
