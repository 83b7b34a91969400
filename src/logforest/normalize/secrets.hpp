// Values that are secret by the name or the line before them: password=..., "token": ...,
// Authorization: ..., Cookie: ..., the body of a private key. Shared by the fingerprint and the
// masker, which must agree on where a value ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "logforest/normalize/chars.hpp"

namespace logforest::normalize {

enum class SecretName : std::uint8_t {
  None,
  Password,       // password, passwd, pwd, pass, passphrase, passcode, secret, credential(s)
  Token,          // token, api key, access key, private key, ...
  Authorization,  // a scheme and its parameters
  Cookie,         // name=value; name=value
  SetCookie,      // only its first pair is secret
  Session,        // PHPSESSID, JSESSIONID and the like: what is in a cookie
};

// A name alone, or as the end of a longer one (db_password, accessToken).
[[nodiscard]] SecretName secret_name(std::string_view name) noexcept;

// The value of a secret pair whose '=' or ':' is at `separator`.
struct SecretValue {
  std::size_t begin = kNone;  // kNone: there is no secret here
  std::size_t end = 0;
  std::size_t next = 0;  // behind the closing quote, where there is one
  bool token = false;    // authorization, tokens and keys, not passwords
};
[[nodiscard]] SecretValue match_secret(std::string_view s, std::size_t separator) noexcept;

// The argument of a command line flag that names a secret, `at` the first dash: --password x.
[[nodiscard]] SecretValue match_secret_flag(std::string_view s, std::size_t at) noexcept;

// A text that is nothing but a line of base64 as keys are written (RFC 7468: 64 characters; OpenSSH
// 70, MIME 76; the last line shorter, told by its padding): a key whose lines became records.
[[nodiscard]] bool is_key_line(std::string_view text) noexcept;
// Letters of base64, padding only at the end.
[[nodiscard]] bool is_base64(std::string_view text) noexcept;
// The first and the last line of a private key (RFC 7468).
[[nodiscard]] bool opens_private_key(std::string_view text) noexcept;
[[nodiscard]] bool closes_private_key(std::string_view text) noexcept;
// Where the base64 text at `at` ends if it follows "PRIVATE KEY-----" (RFC 7468): before
// "-----END", or where the text does. Else kNone.
[[nodiscard]] std::size_t match_private_key(std::string_view s, std::size_t at) noexcept;

}  // namespace logforest::normalize
