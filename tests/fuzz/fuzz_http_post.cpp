// The short way for plain POSTs: what it takes is inside the data and as long as its
// Content-Length says, and a request that comes in pieces is the same request.
#include <algorithm>

#include "fuzz.hpp"
#include "logforest/io/http_post.hpp"

using namespace logforest;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const io::PostReader reader({"/ingest", "/logs"},
                                     {{"", "auto"},
                                      {"application/json", "json"},
                                      {"application/x-ndjson", "json"},
                                      {"text/plain", "auto"}},
                                     1000, {"localhost:8000", "[::1]:8000"});
  using Kind = io::PostRequest::Kind;
  const std::string whole(fuzz::view(data, size));  // its end is guarded
  const io::PostRequest found = reader.read(whole);
  if (found.kind == Kind::kPlain) {
    fuzz::require(found.format != nullptr && !found.body.empty() && found.body.size() <= 1000,
                  "plain without a body or a format", whole);
    fuzz::require(found.size <= whole.size() &&
                      found.body.data() + found.body.size() == whole.data() + found.size,
                  "a body that is not the request's end", whole);
    const std::string alone = whole.substr(0, found.size);
    fuzz::require(reader.read(alone).kind == Kind::kPlain, "what follows matters", whole);
  } else if (found.kind == Kind::kIncomplete) {
    fuzz::require(found.size == 0 || found.size > whole.size(), "enough, yet incomplete", whole);
  }
  if (found.kind == Kind::kOther) return 0;
  // Its parts: nothing is known before the head's end, then only bytes of the body are missing.
  const std::size_t head = whole.find("\r\n\r\n") + 4;
  for (std::size_t n = 0; n < std::min(whole.size(), found.size); ++n) {
    const io::PostRequest part = reader.read(whole.substr(0, n));
    if (n < head) {
      fuzz::require(part.kind == Kind::kOther, "decided before the head's end", whole);
    } else {
      fuzz::require(part.kind == Kind::kIncomplete && part.size == found.size,
                    "its part is another request", whole);
    }
  }
  return 0;
}
