#include "logforest/normalize/replace.hpp"

#include <arpa/inet.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <array>

#include "logforest/normalize/chars.hpp"

namespace logforest::normalize {

namespace {

constexpr std::array<std::string_view, 9> kNames{"EMAIL", "CARD", "IBAN", "TOKEN", "PASSWORD",
                                                 "PHONE", "IP",   "IP",   "USER"};

std::string normal_form(Kind kind, std::string_view value) {
  std::string text;
  const bool compact = kind == Kind::Card || kind == Kind::Iban || kind == Kind::Phone;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (compact && !is(value[i], kAlpha | kDigit)) continue;
    if (kind == Kind::Email && value.substr(i, 3) == "%40") {
      text.push_back('@');
      i += 2;
    } else {
      text.push_back(lower(value[i]));
    }
  }
  return text;
}

void append_tag(const MaskRules& rules, Kind kind, std::string_view value, std::string& out) {
  // The kind is part of what is hashed: a number has other tags as a card and as a phone.
  std::string text(kNames[static_cast<std::size_t>(kind)]);
  text.push_back('\0');
  text += normal_form(kind, value);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  if (rules.replacement == Replacement::Pseudonym) {
    HMAC(EVP_sha256(), rules.key.data(), static_cast<int>(rules.key.size()), bytes, text.size(),
         digest.data(), nullptr);
  } else {
    SHA256(bytes, text.size(), digest.data());
  }
  constexpr std::size_t tag_bytes = 8;
  for (std::size_t i = 0; i < tag_bytes; ++i) {
    out.push_back("0123456789abcdef"[digest[i] >> 4]);
    out.push_back("0123456789abcdef"[digest[i] & 15]);
  }
}

// Writes the address with all but its first `bits` bits cleared. False: not an address after all.
bool append_prefix(int family, unsigned bits, std::string_view value, std::string& out) {
  std::array<char, 64> text{};
  std::array<unsigned char, 16> raw{};
  if (value.size() >= text.size()) return false;
  std::size_t n = 0;
  if (family == AF_INET) {  // inet_pton refuses leading zeros
    for (std::size_t i = 0; i < value.size(); ++i) {
      const bool first = i == 0 || value[i - 1] == '.';
      if (first && value[i] == '0' && i + 1 < value.size() && is(value[i + 1], kDigit)) continue;
      if (value[i] == '0' && n == 0 && i + 1 < value.size() && is(value[i + 1], kDigit)) continue;
      if (value[i] == '0' && n > 0 && text[n - 1] == '.' && i + 1 < value.size() &&
          is(value[i + 1], kDigit))
        continue;
      text[n++] = value[i];
    }
  } else {
    value.copy(text.data(), value.size());
  }
  if (inet_pton(family, text.data(), raw.data()) != 1) return false;
  const std::size_t size = family == AF_INET ? 4 : 16;
  for (std::size_t i = 0; i < size; ++i) {
    const unsigned kept = bits > i * 8 ? (bits - static_cast<unsigned>(i) * 8) : 0;
    if (kept < 8) raw[i] = static_cast<unsigned char>(raw[i] & (0xff00U >> kept));
  }
  if (inet_ntop(family, raw.data(), text.data(), text.size()) == nullptr) return false;
  out += text.data();
  return true;
}

}  // namespace

void append_replacement(const MaskRules& rules, Kind kind, std::string_view value,
                        std::string& out) {
  if (rules.ip == IpRule::Prefix && kind == Kind::Ipv4 &&
      append_prefix(AF_INET, rules.ipv4_prefix, value, out))
    return;
  if (rules.ip == IpRule::Prefix && kind == Kind::Ipv6 &&
      append_prefix(AF_INET6, rules.ipv6_prefix, value, out))
    return;
  out.push_back('<');
  out += kNames[static_cast<std::size_t>(kind)];
  const bool secret = kind == Kind::Password || kind == Kind::Token;
  if (rules.replacement != Replacement::Mask && !secret) {
    out.push_back(':');
    append_tag(rules, kind, value, out);
  }
  out.push_back('>');
}

}  // namespace logforest::normalize
