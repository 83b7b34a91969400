#include "logforest/base/error.hpp"

namespace logforest {

std::string_view reject_name(Reject reason) noexcept {
  switch (reason) {
    case Reject::None:
      return "none";
    case Reject::InvalidJson:
      return "invalid_json";
    case Reject::NotAnObject:
      return "not_an_object";
    case Reject::InvalidUtf8:
      return "invalid_utf8";
    case Reject::LineTooLong:
      return "line_too_long";
    case Reject::TooDeep:
      return "too_deep";
    case Reject::TooManyFields:
      return "too_many_fields";
    case Reject::NoMatch:
      return "no_match";
    case Reject::InvalidFrame:
      return "invalid_frame";
    case Reject::InvalidHeader:
      return "invalid_header";
    case Reject::Truncated:
      return "truncated";
    case Reject::Binary:
      return "binary";
    case Reject::ParserError:
      return "parser_error";
  }
  return "unknown";
}

Reject reject_from_name(std::string_view name) noexcept {
  for (std::uint8_t i = 0; i < static_cast<std::uint8_t>(Reject::ParserError); ++i) {
    if (reject_name(static_cast<Reject>(i)) == name) return static_cast<Reject>(i);
  }
  return Reject::ParserError;
}

}  // namespace logforest
