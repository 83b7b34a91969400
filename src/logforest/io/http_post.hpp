// The one kind of HTTP request that must cost a microsecond: a plain POST of one small body.
//
// Reads a request that is exactly what clients send who post record by record: HTTP/1.1, a known
// path without a query, Content-Length, a known Content-Type, nothing that asks for more (no
// encoding, no key, no credentials, no Expect). Anything else, and anything odd, is left to the
// general HTTP parser: this one never decides that a request is bad.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace logforest::io {

struct PostRequest {
  enum class Kind {
    kOther,       // for the general parser
    kIncomplete,  // plain so far; `size` bytes are needed in all
    kPlain,
  };
  Kind kind = Kind::kOther;
  std::size_t size = 0;  // of head and body
  std::string_view body;
  const std::string* format = nullptr;  // what the Content-Type stands for
};

class PostReader {
 public:
  // `types`: Content-Type in lower case (empty: none sent) -> format. Larger bodies than
  // `max_body` bytes, and empty ones, are for the general parser; so are requests of which the
  // Host is none of `hosts` (in lower case; empty: any will do).
  PostReader(std::vector<std::string> paths, std::vector<std::pair<std::string, std::string>> types,
             std::size_t max_body, std::vector<std::string> hosts = {})
      : paths_(std::move(paths)),
        types_(std::move(types)),
        max_body_(max_body),
        hosts_(std::move(hosts)) {}

  // `data` starts with a request line. The result points into `data` and into this object.
  [[nodiscard]] PostRequest read(std::string_view data) const;

 private:
  [[nodiscard]] bool knows_path(std::string_view path) const;
  [[nodiscard]] bool knows_host(std::string_view host) const;
  [[nodiscard]] const std::string* format_of(std::string_view type) const;

  std::vector<std::string> paths_;
  std::vector<std::pair<std::string, std::string>> types_;
  std::size_t max_body_;
  std::vector<std::string> hosts_;
};

}  // namespace logforest::io
