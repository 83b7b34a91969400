#include "logforest/parse/json_scan.hpp"

#include <cstring>

#include "logforest/base/utf8.hpp"

namespace logforest::parse::json {

namespace {

constexpr std::size_t kDeepest = 4096;

// The value of four hex digits, or -1.
int hex4(const char* p) noexcept {
  int value = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = p[i];
    int digit = 0;
    if (is_digit(c)) {
      digit = c - '0';
    } else if (static_cast<unsigned char>((c | 0x20) - 'a') < 6) {
      digit = (c | 0x20) - 'a' + 10;
    } else {
      return -1;
    }
    value = value * 16 + digit;
  }
  return value;
}

// "true", "false", "null": behind it, or nullptr.
const char* literal(const char* p) noexcept {
  if (std::memcmp(p, "true", 4) == 0 || std::memcmp(p, "null", 4) == 0) return p + 4;
  return std::memcmp(p, "false", 5) == 0 ? p + 5 : nullptr;
}

}  // namespace

const char* element_end(const char* p, const char* end) noexcept {
  std::size_t depth = 0;
  for (; p < end; ++p) {
    switch (*p) {
      case '"':
        for (++p; p < end && *p != '"'; ++p) {
          if (*p == '\\') ++p;
        }
        break;
      case '{':
      case '[':
        ++depth;
        break;
      case '}':
      case ']':
        if (depth == 0) return p;
        if (--depth == 0) return p + 1;
        break;
      case ',':
        if (depth == 0) return p;
        break;
      default:
        break;
    }
  }
  return nullptr;
}

const char* scan_string_escaped(const char* p, bool& ok) noexcept {
  for (;;) {
    if (*p == '"') return p;
    if (*p != '\\') {
      ok = false;
      return p;
    }
    switch (p[1]) {
      case '"':
      case '\\':
      case '/':
      case 'b':
      case 'f':
      case 'n':
      case 'r':
      case 't':
        p += 2;
        break;
      case 'u':
        if (hex4(p + 2) < 0) {
          ok = false;
          return p;
        }
        p += 6;
        break;
      default:
        ok = false;
        return p + 1;
    }
    p = find_special(p);
  }
}

const char* skip_value(const char* p, const char* end, Limits& limits, Fault& fault) noexcept {
  // One bit a container: set for objects.
  std::uint64_t kinds[kDeepest / 64];
  std::size_t depth = 0;
  const auto inside_object = [&] {
    return ((kinds[(depth - 1) / 64] >> ((depth - 1) % 64)) & 1) != 0;
  };
  bool ok = true;
  bool escaped = false;
  const auto fail = [&](const char* at, Fault what) {
    fault = what;
    return at;
  };

  for (;;) {
    // A value begins at p.
    switch (*p) {
      case '"':
        p = scan_string(p + 1, escaped, ok);
        if (!ok) return fail(p, Fault::Syntax);
        ++p;
        break;
      case '{':
      case '[': {
        if (depth >= limits.depth) return fail(p, Fault::Depth);
        const std::uint64_t bit = std::uint64_t{1} << (depth % 64);
        std::uint64_t& word = kinds[depth / 64];
        const bool object = *p == '{';
        // The first container of a word finds it uninitialised.
        if (depth % 64 == 0) word = 0;
        word = object ? word | bit : word & ~bit;
        ++depth;
        p = skip_space(p + 1, end);
        if (*p == (object ? '}' : ']') && p < end) {
          ++p;
          --depth;
          break;
        }
        if (object) goto key;
        continue;
      }
      case 't':
      case 'f':
      case 'n': {
        const char* behind = literal(p);
        if (behind == nullptr) {
          // A literal cut off by the end of the text is a cut, not a typing error.
          while (p < end && static_cast<unsigned char>(*p - 'a') < 26) ++p;
          return fail(p, Fault::Syntax);
        }
        p = behind;
        break;
      }
      default:
        p = scan_number(p, ok);
        if (!ok) return fail(p, Fault::Syntax);
    }
    // Behind a value: close containers, or go on to the next member.
    for (;;) {
      if (depth == 0) return p;
      p = skip_space(p, end);
      if (p >= end) return fail(p, Fault::Syntax);
      if (*p == ',') {
        p = skip_space(p + 1, end);
        if (inside_object()) goto key;
        break;
      }
      if (*p != (inside_object() ? '}' : ']')) return fail(p, Fault::Syntax);
      ++p;
      --depth;
    }
    continue;

  key:
    if (p >= end || *p != '"') return fail(p, Fault::Syntax);
    if (limits.fields == 0) return fail(p, Fault::Fields);
    --limits.fields;
    p = scan_string(p + 1, escaped, ok);
    if (!ok) return fail(p, Fault::Syntax);
    p = skip_space(p + 1, end);
    if (p >= end || *p != ':') return fail(p, Fault::Syntax);
    p = skip_space(p + 1, end);
    if (p >= end) return fail(p, Fault::Syntax);
  }
}

std::string_view unescape(std::string_view body, ByteBuffer& scratch) {
  scratch.clear();
  scratch.room(body.size());
  const char* p = body.data();
  const char* const end = p + body.size();
  while (p < end) {
    const auto* slash =
        static_cast<const char*>(std::memchr(p, '\\', static_cast<std::size_t>(end - p)));
    if (slash == nullptr) slash = end;
    scratch.append({p, static_cast<std::size_t>(slash - p)});
    if (slash == end) break;
    p = slash + 2;
    switch (slash[1]) {
      case 'b':
        scratch.push('\b');
        break;
      case 'f':
        scratch.push('\f');
        break;
      case 'n':
        scratch.push('\n');
        break;
      case 'r':
        scratch.push('\r');
        break;
      case 't':
        scratch.push('\t');
        break;
      case 'u': {
        auto code = static_cast<unsigned>(hex4(p));
        p += 4;
        if (code >= 0xd800 && code < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
          const auto low = static_cast<unsigned>(hex4(p + 2));
          if (low >= 0xdc00 && low < 0xe000) {
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            p += 6;
          }
        }
        append_code_point(scratch, code);
        break;
      }
      default:
        scratch.push(slash[1]);
    }
  }
  return scratch.view();
}

}  // namespace logforest::parse::json
