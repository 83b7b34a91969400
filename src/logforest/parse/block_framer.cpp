#include "logforest/parse/block_framer.hpp"

#include <algorithm>
#include <utility>

#include "logforest/parse/scan.hpp"

namespace logforest::parse {

using namespace scan;

namespace {

class BlockFramer final : public Framer {
 public:
  BlockFramer(RecordEnd end, std::size_t longest) : end_(std::move(end)), longest_(longest) {}

  std::optional<Frame> next(std::string_view data, std::size_t position, bool complete) override {
    const std::string_view rest = data.substr(position);
    const std::size_t stop = find(rest, '\n');
    if (stop == npos && !complete) return std::nullopt;
    const std::size_t line = stop == npos ? rest.size() : stop + 1;
    // What is behind the longest record does not decide where this one ends.
    const std::string_view seen = rest.substr(0, longest_);
    const bool all = complete && seen.size() == rest.size();
    std::size_t size = end_(seen, all);
    if (size == 0) {
      if (rest.size() <= longest_) return std::nullopt;
      const std::size_t fits = seen.rfind('\n');
      size = fits == npos ? npos : fits + 1;
    }
    if (size == npos) size = line;
    std::string_view text = rest.substr(0, size);
    const auto lines = static_cast<std::int64_t>(std::count(text.begin(), text.end(), '\n')) +
                       (text.ends_with('\n') ? 0 : 1);
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
    return Frame{text, size, lines};
  }

 private:
  RecordEnd end_;
  std::size_t longest_;
};

}  // namespace

std::unique_ptr<Framer> make_block_framer(RecordEnd end, std::size_t longest) {
  return std::make_unique<BlockFramer>(std::move(end), longest);
}

std::size_t ends_before(std::string_view record, bool complete, LineBegins begins) {
  std::size_t at = find(record, '\n');
  while (at != npos) {
    ++at;
    const std::size_t stop = find(record, '\n', at);
    if (stop == npos && !complete) return 0;
    std::string_view line = record.substr(at, stop == npos ? npos : stop - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (begins(record.substr(0, at), line)) return at;
    at = stop;
  }
  return complete ? record.size() : 0;
}

}  // namespace logforest::parse
