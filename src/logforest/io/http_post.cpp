#include "logforest/io/http_post.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace logforest::io {

namespace {

constexpr std::size_t kMaxHead = 8192;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool equals(std::string_view text, std::string_view lower_case) {
  return std::equal(text.begin(), text.end(), lower_case.begin(), lower_case.end(),
                    [](char a, char b) { return lower(a) == b; });
}

// Headers that ask for something a plain request does not have, whatever their value.
constexpr std::array<std::string_view, 15> kSpecial{
    "authorization",     "content-encoding", "cookie",      "expect",    "forwarded",
    "http2-settings",    "idempotency-key",  "origin",      "te",        "trailer",
    "transfer-encoding", "upgrade",          "traceparent", "x-api-key", "x-tenant"};

bool is_special(std::string_view name) {
  return std::any_of(kSpecial.begin(), kSpecial.end(),
                     [&](std::string_view special) { return equals(name, special); });
}

bool is_token(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

bool is_text(std::string_view value) {
  return std::all_of(value.begin(), value.end(),
                     [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7F; });
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

bool starts_compressed(std::string_view body) {  // gzip or zstd that nobody announced
  return body.starts_with("\x1f\x8b") || body.starts_with("\x28\xb5");
}

}  // namespace

bool PostReader::knows_path(std::string_view path) const {
  return std::find(paths_.begin(), paths_.end(), path) != paths_.end();
}

bool PostReader::knows_host(std::string_view host) const {
  return hosts_.empty() || std::any_of(hosts_.begin(), hosts_.end(), [&](const std::string& known) {
           return known.size() == host.size() && equals(host, known);
         });
}

const std::string* PostReader::format_of(std::string_view type) const {
  type = trim(type.substr(0, type.find(';')));
  for (const auto& [name, format] : types_) {
    if (equals(type, name)) return &format;
  }
  return nullptr;
}

PostRequest PostReader::read(std::string_view data) const {
  constexpr std::string_view kMethod = "POST ";
  constexpr std::string_view kVersion = " HTTP/1.1";
  if (!data.starts_with(kMethod)) return {};
  const std::size_t end = data.substr(0, kMaxHead).find("\r\n\r\n");
  if (end == std::string_view::npos) return {};
  std::string_view head = data.substr(0, end + 2);

  std::size_t line_end = head.find("\r\n");
  std::string_view line = head.substr(0, line_end);
  if (!line.ends_with(kVersion)) return {};
  line.remove_suffix(kVersion.size());
  if (line.size() < kMethod.size()) return {};  // "POST HTTP/1.1"
  if (!knows_path(line.substr(kMethod.size()))) return {};
  head.remove_prefix(line_end + 2);

  bool has_length = false, has_type = false, has_host = false;
  std::size_t length = 0;
  std::string_view type;
  while (!head.empty()) {
    line_end = head.find("\r\n");
    line = head.substr(0, line_end);
    head.remove_prefix(line_end + 2);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return {};
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trim(line.substr(colon + 1));
    if (!is_token(name) || !is_text(value) || is_special(name)) return {};
    if (equals(name, "content-length")) {
      const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), length);
      if (has_length || error != std::errc{} || stop != value.data() + value.size()) return {};
      has_length = true;
    } else if (equals(name, "content-type")) {
      if (has_type) return {};
      type = value;
      has_type = true;
    } else if (equals(name, "connection")) {
      if (!equals(value, "keep-alive")) return {};
    } else if (equals(name, "host")) {
      if (has_host || !knows_host(value)) return {};
      has_host = true;
    }
  }
  PostRequest out;
  out.format = format_of(type);
  if (!has_host || length == 0 || length > max_body_ || out.format == nullptr) return {};
  out.size = end + 4 + length;
  if (data.size() < out.size) {
    out.kind = PostRequest::Kind::kIncomplete;
    return out;
  }
  out.body = data.substr(end + 4, length);
  if (starts_compressed(out.body)) return {};
  out.kind = PostRequest::Kind::kPlain;
  return out;
}

}  // namespace logforest::io
