#include "logforest/parse/scan.hpp"

namespace logforest::parse::scan {

namespace {
bool is_ipv4(std::string_view s) noexcept {
  int parts = 0;
  int value = -1;
  int digits = 0;
  for (const char c : s) {
    if (is_digit(c)) {
      value = (value < 0 ? 0 : value * 10) + (c - '0');
      if (++digits > 3 || value > 255) return false;
    } else if (c == '.' && value >= 0) {
      ++parts;
      value = -1;
      digits = 0;
    } else {
      return false;
    }
  }
  return parts == 3 && value >= 0;
}

bool is_ipv6(std::string_view s) noexcept {
  if (s.size() < 2 || s.size() > 45 + 1 + 16) return false;
  if (const std::size_t zone = s.find('%'); zone != npos) s = s.substr(0, zone);
  int groups = 0;
  int digits = 0;
  bool elided = false;
  for (std::size_t i = 0; i < s.size(); ++i) {
    const char c = s[i];
    if (is_hex(c)) {
      if (++digits > 4) return false;
    } else if (c == ':') {
      if (i + 1 < s.size() && s[i + 1] == ':') {
        if (elided) return false;
        elided = true;
        if (digits > 0) ++groups;
        digits = 0;
        ++i;
        continue;
      }
      if (digits == 0) return false;
      ++groups;
      digits = 0;
    } else if (c == '.') {
      const std::size_t colon = s.rfind(':');
      return colon != npos && is_ipv4(s.substr(colon + 1)) && (elided || groups == 6);
    } else {
      return false;
    }
  }
  if (digits > 0) ++groups;
  return elided ? groups <= 7 : groups == 8;
}
}  // namespace

bool is_ip(std::string_view s) noexcept {
  return !s.empty() && (is_ipv4(s) || (s.find(':') != npos && is_ipv6(s)));
}

std::string_view strip_port(std::string_view s) noexcept {
  if (!s.empty() && s.front() == '[') {
    const std::size_t close = s.find(']');
    return close == npos ? s : s.substr(1, close - 1);
  }
  const std::size_t colon = s.find(':');
  if (colon != npos && s.find(':', colon + 1) == npos && all_digits(s.substr(colon + 1))) {
    return s.substr(0, colon);
  }
  return s;
}

}  // namespace logforest::parse::scan
