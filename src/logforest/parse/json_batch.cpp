#include "logforest/parse/json_batch.hpp"

#include <algorithm>

#include "logforest/parse/json_parser.hpp"

namespace logforest::parse {

namespace json {

namespace {

class Check {
 public:
  Check(const char* end, const ParseOptions& options)
      : w_(nullptr, end, std::min<std::size_t>(options.max_depth, 4096)),
        most_fields_(options.max_fields) {}

  // The records' depth, or 0.
  std::size_t object(const char* begin) {
    w_.go(begin);
    Shape shape;
    if (!shape_of(w_, shape) || !shape.wrapper()) return 0;
    const auto bytes = static_cast<std::size_t>(w_.at() - begin);
    if (!(shape.list_first && shape.pages)) add(shape);
    if (!list(shape.list, 1) || repeated_ / kMostRepeated > bytes) return 0;
    return depth_;
  }

 private:
  void add(const Shape& shape) noexcept {
    context_bytes_ += shape.bytes;
    context_fields_ += shape.fields;
  }

  bool list(const char* begin, std::size_t level) {
    w_.go(begin + 1);
    do {
      if (w_.peek() != '{') return false;
      if (depth_ == 0 || level < depth_) {
        const char* const element = w_.at();
        Shape shape;
        if (!shape_of(w_, shape)) return false;
        if (depth_ == 0 && shape.record()) depth_ = level;
        if (depth_ != level) {
          if (!shape.wrapper() || level == kDeepestBatch) return false;
          const char* const behind = w_.at();
          const std::size_t bytes = context_bytes_;
          const std::size_t fields = context_fields_;
          add(shape);
          if (!list(shape.list, level + 1)) return false;
          context_bytes_ = bytes;
          context_fields_ = fields;
          w_.go(behind);
          continue;
        }
        w_.go(element);
      }
      if (context_fields_ > most_fields_) return false;
      std::size_t fields = most_fields_ - context_fields_;
      if (!w_.value(fields)) return false;
      repeated_ += context_bytes_;
    } while (w_.take(','));
    return w_.take(']');
  }

  Walker w_;
  std::size_t most_fields_;
  std::size_t depth_ = 0;  // of the records; 0 until the first is seen
  std::size_t context_bytes_ = 0;
  std::size_t context_fields_ = 0;
  std::size_t repeated_ = 0;
};

}  // namespace

bool is_list(Walker& w, std::string_view name) {
  if (w.peek() != '[') return false;
  const char* const begin = w.at();
  w.go(begin + 1);
  const bool objects = w.peek() == '{';
  w.go(begin);
  if (!objects) return false;
  const Alias* const alias = find_alias(name);
  return alias == nullptr || !alias->prefix;
}

bool shape_of(Walker& w, Shape& out) {
  constexpr auto kAny = static_cast<std::size_t>(-1);
  if (!w.take('{')) return false;
  if (w.take('}')) return true;
  bool first = true;
  do {
    static_cast<void>(w.peek());
    const char* const begin = w.at();
    const auto name = w.member();
    if (!name) return false;
    const char next = w.peek();
    if (is_list(w, *name)) {
      ++out.lists;
      out.list = w.at();
      out.list_first = first;
      if (!w.value()) return false;
    } else {
      const Target target = target_of(*name);
      out.timed |= target == Target::Timestamp;
      out.message |= target == Target::Message;
      out.event |= target == Target::Event;
      out.level |= target == Target::Level;
      out.pages = out.pages && next != '{' && next != '[' && target != Target::Service &&
                  target != Target::Source;
      std::size_t left = kAny;
      if (!w.value(left)) return false;
      out.fields += 1 + (kAny - left);
      out.bytes += static_cast<std::size_t>(w.at() - begin) + 1;
    }
    first = false;
  } while (w.take(','));
  return w.take('}');
}

std::size_t batch_depth(const char* begin, const char* end, const ParseOptions& options) {
  return Check(end, options).object(begin);
}

}  // namespace json

// Takes the record at record_begin_, whose first list of objects is at `list`, as a batch: where it
// ends, its last row open; nullptr when it is none, nothing is changed then.
const char* JsonParser::batch(RowBuilder& row, const char* list) {
  if (row.has(Target::Timestamp) || row.has(Target::Message) || row.has(Target::Level)) {
    return nullptr;
  }
  json::Walker first(list + 1, end_);  // most lists are no records: that shows quickly
  json::Shape shape;
  if (!json::shape_of(first, shape) || !(shape.record() || shape.wrapper())) return nullptr;
  const std::size_t depth = json::batch_depth(record_begin_, end_, options_);
  if (depth == 0) return nullptr;
  row.abandon();
  context_.clear();
  return batch_object(row, record_begin_, depth);
}

// The records inside the object at `p`, `depth` lists deep.
const char* JsonParser::batch_object(RowBuilder& row, const char* p, std::size_t depth) {
  const std::size_t mark = context_.size();
  json::Walker w(p, end_);
  bool pages = false;
  if (mark == 0) {
    json::Shape shape;
    static_cast<void>(json::shape_of(w, shape));
    pages = shape.list_first && shape.pages;
    w.go(p);
  }
  const char* list = nullptr;
  static_cast<void>(w.take('{'));
  do {
    static_cast<void>(w.peek());
    const char* const begin = w.at();
    const auto name = w.member();
    if (!name) break;
    if (json::is_list(w, *name)) {
      list = w.at();
    } else if (!pages) {
      context_.push_back(begin);
    }
  } while (w.value() && w.take(','));
  static_cast<void>(w.take('}'));
  const char* const behind = w.at();
  // They are read from the back: the nearest object first, each from its front.
  std::reverse(context_.begin() + static_cast<std::ptrdiff_t>(mark), context_.end());

  w.go(list + 1);
  do {
    static_cast<void>(w.peek());
    w.go(depth > 1 ? batch_object(row, w.at(), depth - 1) : batch_record(row, w.at()));
  } while (w.take(','));
  context_.resize(mark);
  return behind;
}

const char* JsonParser::batch_record(RowBuilder& row, const char* p) {
  if (row.open()) row.commit();
  row.begin();
  position_ = 0;
  fields_left_ = options_.max_fields;
  in_batch_ = true;
  const char* const behind = members(row, p + 1, nullptr, 1);
  in_batch_ = false;
  row.begin_context();
  for (std::size_t i = context_.size(); i-- > 0;) {
    Guess guess;
    Member member;
    const char* const at = new_key(context_[i] + 1, nullptr, guess, member);
    if (at != nullptr) value(row, at, member, 1);
  }
  row.end_context();
  error_ = Reject::None;
  if (behind != nullptr) return behind;  // always: all of it was looked at
  json::Walker w(p, end_);
  static_cast<void>(w.value());
  return w.at();
}

}  // namespace logforest::parse
