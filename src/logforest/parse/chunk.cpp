#include "logforest/parse/chunk.hpp"

#include <algorithm>
#include <cstring>

#include "logforest/base/utf8.hpp"
#include "logforest/parse/directives.hpp"
#include "logforest/parse/line_ends.hpp"

namespace logforest::parse {

namespace {
constexpr std::size_t kBlock = LineEnds::kBlock;
constexpr std::size_t kSmallBlock = std::size_t{1} << 10;
constexpr double kRoom = 1.03;
constexpr char kEscape = '\x1b';

// Where a sequence that sets colours ends ("ESC [ 1;31 m", ECMA-48 SGR), or `at`.
std::size_t colour_end(std::string_view text, std::size_t at) noexcept {
  if (text.substr(at, 2) != "\x1b[") return at;
  const std::size_t end = text.find_first_not_of("0123456789;:", at + 2);
  return end != std::string_view::npos && text[end] == 'm' ? end + 1 : at;
}

// The first place of `c` in data[from, end), or `npos`.
std::size_t find_byte(std::string_view data, char c, std::size_t from, std::size_t end) noexcept {
  return data.substr(0, end).find(c, from);
}

bool blank(std::string_view text) noexcept {
  for (const char c : text) {
    if (c != ' ' && c != '\t') return false;
  }
  return true;
}

}  // namespace

bool without_colours(std::string_view text, ByteBuffer& out) {
  out.clear();
  std::size_t from = 0;
  for (std::size_t at = text.find(kEscape); at != std::string_view::npos;
       at = text.find(kEscape, at)) {
    const std::size_t end = colour_end(text, at);
    if (end == at) {
      ++at;
      continue;
    }
    out.append(text.substr(from, at - from));
    from = at = end;
  }
  if (from == 0) return false;
  out.append(text.substr(from));
  return true;
}

struct ChunkParser::Task {
  std::string_view data;
  std::int64_t offset;
  bool last;
  RowBuilder row;
  ChunkResult result;
  // The bytes before `checked` were looked at as a block: usually no line needs a look of its own.
  std::size_t checked = 0;
  std::size_t block = kBlock;  // how much is looked at next
  bool all_utf8 = true;
  std::size_t nul = 0;     // the first before `checked` that is not before the line, or npos
  std::size_t escape = 0;  // likewise
};

ChunkParser::Content ChunkParser::check_block(Task& task, std::size_t at, std::size_t size) {
  const std::size_t end = at + size;
  if (end > task.checked) {
    std::size_t length = std::max(task.block, size);
    const auto look = [&] {
      std::size_t stop = at + length;
      if (stop < task.data.size()) stop = task.data.find('\n', stop);
      const std::string_view block =
          task.data.substr(at, stop >= task.data.size() ? stop : stop + 1 - at);
      task.all_utf8 = valid_utf8(block);
      task.checked = at + block.size();
    };
    look();
    // One bad frame has all frames of its block looked at, so that block must be small.
    if (const std::size_t small = std::max(kSmallBlock, size); !task.all_utf8 && length > small) {
      length = small;
      look();
    }
    task.block = std::min(kBlock, std::max(kSmallBlock, task.all_utf8 ? length * 2 : 0));
    task.nul = find_byte(task.data, 0, at, task.checked);
    task.escape = find_byte(task.data, kEscape, at, task.checked);
  }
  if (task.nul < at) task.nul = find_byte(task.data, 0, at, task.checked);
  if (task.escape < at) task.escape = find_byte(task.data, kEscape, at, task.checked);
  return {!task.all_utf8, task.nul < end, task.escape < end};
}

ChunkParser::ChunkParser(const Format& format, const ParseOptions& options, std::string_view head,
                         const ChunkHook& hook)
    : options_(options),
      hook_(hook),
      strict_utf8_(format.strict_utf8),
      directives_(format.directives),
      colours_(format.name != "json"),  // there an escape is an error
      parser_(format.make(options)),
      framer_(format.make_framer ? format.make_framer(options, head) : nullptr) {}

ChunkResult ChunkParser::parse(std::string_view data, std::int64_t offset, bool last,
                               std::string_view directives) {
  if (directives_) {
    parser_->forget_directives();
    for (; !directives.empty(); directives.remove_prefix(directives.find('\n') + 1)) {
      parser_->take_directive(directives.substr(0, directives.find('\n')));
    }
  }
  auto batch = std::make_shared<RecordBatch>();
  if (shaped_bytes_ != 0) {
    // Chunks of one source are alike; a little more, so that most need not grow.
    const double share =
        std::min(2.0, static_cast<double>(data.size()) / static_cast<double>(shaped_bytes_));
    batch->reserve(shape_, static_cast<std::size_t>(shape_.rows * share * kRoom) + 1);
  }
  Task task{data,
            offset,
            last,
            RowBuilder(options_, *batch),
            {batch, std::make_shared<RejectTable>(), {}}};
  if (framer_) {
    frames(task);
  } else {
    lines(task);
  }
  task.row.finish();
  ChunkResult& result = task.result;
  result.counts.records = static_cast<std::int64_t>(batch->rows);
  result.counts.rejected = static_cast<std::int64_t>(result.rejects->size());
  result.other_records = parser_->take_other_records();
  result.counts.ambiguous_dates = task.row.ambiguous_dates();
  if (hook_) hook_(*batch, *result.rejects);
  if (batch->rows != 0) {
    shape_ = batch->shape();
    shaped_bytes_ = data.size();
  }
  return std::move(result);
}

// Line ends and bytes that need care are found in one pass over each block, the texts of a block
// checked at once: usually no line needs a look of its own.
void ChunkParser::lines(Task& task) {
  const std::string_view data = task.data;
  std::int64_t number = 0;
  std::size_t begin = 0;                  // of the line
  Content may_hold{false, false, false};  // the line, in the blocks before
  LineEnds ends;
  const auto one = [&](std::size_t stop) {
    const std::size_t n = stop - begin;
    ++number;
    const bool returned = n != 0 && data[stop - 1] == '\r';
    line(task, data.substr(begin, returned ? n - 1 : n), begin, number, may_hold);
    begin = stop + 1;
  };
  for (std::size_t at = 0; at < data.size(); at += kBlock) {
    const ByteKinds kinds = find_line_ends(data.substr(at, kBlock), ends);
    may_hold.nul |= kinds.nul;
    may_hold.escape |= kinds.escape;
    may_hold.ill_formed |= kinds.high;
    if (ends.count == 0) continue;
    if (may_hold.ill_formed)
      may_hold.ill_formed = !valid_utf8(data.substr(begin, at + ends.last() - begin));
    const bool ill_formed = may_hold.ill_formed;
    one(at + ends.at[0]);
    for (std::size_t i = 1; i < ends.count; ++i) {
      may_hold = {ill_formed && ends.high_near(begin - at, ends.at[i]), kinds.nul, kinds.escape};
      one(at + ends.at[i]);
    }
    may_hold = {kinds.high, kinds.nul, kinds.escape};
  }
  if (begin < data.size()) one(data.size());
  task.result.counts.lines = number;
}

void ChunkParser::frames(Task& task) {
  LineCounts& counts = task.result.counts;
  std::int64_t number = 1;
  for (std::size_t at = 0; at < task.data.size();) {
    auto frame = framer_->next(task.data, at, true);
    if (!frame || frame->consumed == 0) break;
    // A chunk may end inside a line: only the source's last line needs no line end.
    if (!frame->counted && !task.last && at + frame->consumed == task.data.size() &&
        task.data.back() != '\n') {
      --frame->lines;
    }
    const std::size_t rejected = task.result.rejects->size();
    if (frame->text.empty() && frame->reject == Reject::None) {
      counts.blank += frame->lines;
    } else {
      const auto place = static_cast<std::size_t>(frame->text.data() - task.data.data());
      if (frame->reject != Reject::None) {
        reject(task, frame->reject, frame->text, place, number);
      } else {
        std::string_view text = frame->text;
        rewritten_.clear();
        const bool rewritten = framer_->rewrite(text, rewritten_);
        if (rewritten) {
          std::memset(rewritten_.room(kPadding), 0, kPadding);
          text = rewritten_.view();
        }
        line(task, text, place, number,
             rewritten ? Content{} : check_block(task, place, text.size()));
      }
      if (frame->lines > 1) counts.continuation += frame->lines - 1;
    }
    frame->brackets.any_record = !frame->text.empty();
    frame->brackets.ends_rejected = task.result.rejects->size() > rejected;
    task.result.brackets.append(frame->brackets, number - 1,
                                task.offset + static_cast<std::int64_t>(at));
    number += frame->lines;
    at += frame->consumed;
  }
  counts.lines = number - 1;
}

void ChunkParser::line(Task& task, std::string_view text, std::size_t at, std::int64_t number,
                       Content may_hold) {
  LineCounts& counts = task.result.counts;
  if (blank(text)) {
    ++counts.blank;
    return;
  }
  if (text.size() > options_.max_line_bytes) {
    return reject(task, Reject::LineTooLong, text, at, number);
  }
  if (may_hold.nul && text.find('\0') != std::string_view::npos) {
    return reject(task, Reject::Binary, text, at, number);
  }
  std::string_view clean = text;
  if (may_hold.ill_formed && !valid_utf8(text)) {
    if (strict_utf8_ || parser_->demands_utf8(text)) {
      return reject(task, Reject::InvalidUtf8, text, at, number);
    }
    repaired_.clear();
    counts.repaired_bytes += static_cast<std::int64_t>(append_repaired(repaired_, text));
    std::memset(repaired_.room(kPadding), 0, kPadding);
    clean = repaired_.view();
  }
  if (may_hold.escape && colours_ && without_colours(clean, plain_)) {
    std::memset(plain_.room(kPadding), 0, kPadding);
    clean = plain_.view();
    if (blank(clean)) {
      ++counts.blank;
      return;
    }
  }
  if (directives_) {
    const Directive::Kind kind = read_directive(clean).kind;
    // Only where CSV is read the names of its columns are more than a line of text.
    if (kind != Directive::Kind::None &&
        (parser_->take_directive(clean) || kind != Directive::Kind::CsvFields)) {
      ++counts.blank;
      return;
    }
  }
  const std::size_t before = task.row.batch().rows;
  const LineResult result = parser_->parse_line(clean, task.row);
  if (result.reject != Reject::None) {
    if (task.row.open()) task.row.abandon();
    const std::span<const RejectedPart> parts = parser_->rejected_parts();
    if (parts.empty()) return reject(task, result.reject, text, at, number);
    for (const RejectedPart& part : parts) {
      const bool in_place = clean.data() == text.data();
      const auto inside = static_cast<std::size_t>(in_place ? part.text.data() - text.data() : 0);
      reject(task, part.why, part.text, at + inside, number);
    }
    return;
  }
  if (result.continuation) {
    ++counts.continuation;
    return;
  }
  if (task.row.open()) {
    task.row.commit();
  } else if (task.row.batch().rows == before) {
    ++counts.blank;  // an empty JSON array
  }
}

void ChunkParser::reject(Task& task, Reject why, std::string_view text, std::size_t at,
                         std::int64_t number) {
  std::string_view shown = utf8_prefix(text, options_.max_reject_text);
  if (!valid_utf8(shown)) {
    repaired_.clear();
    append_repaired(repaired_, shown);
    shown = repaired_.view();
  }
  task.result.rejects->add(number, task.offset + static_cast<std::int64_t>(at), why, shown);
}

}  // namespace logforest::parse
