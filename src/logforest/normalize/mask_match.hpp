// The matchers behind the prefilter of masking. Each takes the whole text, a position the
// prefilter marked, and the first position it may touch.
#pragma once

#include <cstddef>
#include <string_view>

namespace logforest::normalize {

struct Span {
  std::size_t begin = static_cast<std::size_t>(-1);
  std::size_t end = 0;
  [[nodiscard]] bool found() const noexcept { return begin < end; }
};

// `at`: the @ or the % of %40. A local part, and a domain with a top level of letters.
[[nodiscard]] Span find_email(std::string_view s, std::size_t at, std::size_t from) noexcept;
// `at`: the first dot of four numbers up to 255.
[[nodiscard]] Span find_ipv4(std::string_view s, std::size_t at, std::size_t from) noexcept;
// `at`: the first byte of a run of hex and colons, or the first colon of "::".
[[nodiscard]] Span find_ipv6(std::string_view s, std::size_t at, std::size_t from) noexcept;
// `at`: the begin of a long run of digits; the card may begin at any number in it.
[[nodiscard]] Span find_card(std::string_view s, std::size_t at, std::size_t from) noexcept;
// template_id, traceId, ...: numbers of machines that may look like those of cards.
[[nodiscard]] bool is_id_name(std::string_view name) noexcept;
[[nodiscard]] Span find_iban(std::string_view s, std::size_t at) noexcept;
[[nodiscard]] Span find_phone(std::string_view s, std::size_t at) noexcept;
// `at`: the begin of a long word, which may follow a slash or the like.
[[nodiscard]] Span find_token(std::string_view s, std::size_t at) noexcept;
// `at`: the colon of "://": the password of user:password@host.
[[nodiscard]] Span find_url_password(std::string_view s, std::size_t at) noexcept;
// Values that are no secret: empty, null, true, none, ***, or masked already.
[[nodiscard]] bool is_no_secret(std::string_view value) noexcept;

}  // namespace logforest::normalize
