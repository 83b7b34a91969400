// The fingerprint of a message: a stable hash of its template, that is the message with its
// variable parts replaced by "<*>". Stateless, so equal on every worker, machine and release: the
// values are stored (template_id) and are a contract; changing a rule needs a migration.
//
// Variable are
//  - words with a digit (a word ends at blanks and , ; = ( ) [ ] { } " ' | < > ` ? ! & :), so
//    numbers, sizes, times, hex, UUIDs, IPv4, versions, identifiers; trailing dots stay;
//  - words with an @ between two characters, MAC and IPv6 addresses, phone numbers, IBANs;
//  - paths (a word that begins with / or \ or has two of them) and URLs, with their query;
//  - quoted text, unless it is prose (three or more plain words) or a JSON key;
//  - values of secrets (password=..., "token": ..., Bearer ...) and API keys;
//  - the masks that masking leaves (<EMAIL>, <CARD:3f9a>), so that a message has the same
//    fingerprint before and after masking.
// Wildcards that follow each other directly, or with one of "blank : , - ." or ", " between them,
// become one, so lists of any length and spaced card numbers are equal.
//
// Bounds: only the first 64 KiB of a message and the first 4,096 bytes of its template count.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace logforest {

inline constexpr std::size_t kMaxFingerprintInput = std::size_t{1} << 16;
inline constexpr std::size_t kMaxTemplateBytes = 4096;

// In [0, 2^53): exact as a JSON number, in JavaScript and in a double. Never allocates. `readable`
// bytes behind the message may be read; with kFingerprintPadding it is faster, and equal.
[[nodiscard]] std::int64_t fingerprint(std::string_view message, std::size_t readable = 0) noexcept;
inline constexpr std::size_t kFingerprintPadding = 64;

// Replaces `out` by the template of the message; fingerprint() is the hash of this text.
void template_text(std::string_view message, std::string& out);

}  // namespace logforest
