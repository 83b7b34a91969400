// One object that stands for many records: {"logGroup": ..., "logEvents": [{...}, {...}]} of
// CloudWatch Logs, {"resourceLogs": [{"resource": ..., "scopeLogs": [{"logRecords": [...]}]}]} of
// OpenTelemetry. What surrounds the records is the context of each of them.
//
// An object is a batch when it has exactly one list of objects and neither time, message nor level
// of its own, and the list's first object either is a record (has a time, and a message or the name
// of an event) or has exactly one such list itself, at most kDeepestBatch lists deep. All objects
// on the way to the records are like the first.
#pragma once

#include <cstddef>
#include <vector>

#include "logforest/parse/json_walk.hpp"
#include "logforest/parse/parser.hpp"

namespace logforest::parse::json {

inline constexpr std::size_t kDeepestBatch = 4;
// The context is repeated with each record: at most so many times the bytes that were read.
inline constexpr std::size_t kMostRepeated = 16;

// An object as its members look: what makes it a record, or a wrapper of records.
struct Shape {
  bool timed = false;
  bool message = false;
  bool event = false;  // its name, or what went wrong
  bool level = false;
  std::size_t lists = 0;  // members that are lists of objects
  const char* list = nullptr;
  bool list_first = false;
  bool pages = true;       // all others are numbers of pages and the like
  std::size_t fields = 0;  // members apart from the list, and what is in them
  std::size_t bytes = 0;   // of these
  [[nodiscard]] bool record() const noexcept { return timed && (message || event); }
  [[nodiscard]] bool wrapper() const noexcept { return lists == 1 && !timed && !message && !level; }
};

// The shape of the object at `w`, which is behind it then; false where it is no JSON.
[[nodiscard]] bool shape_of(Walker& w, Shape& out);
// Whether a member's value at `w` is a list of objects, OpenTelemetry's attributes aside.
[[nodiscard]] bool is_list(Walker& w, std::string_view name);

// How many lists deep the records of the object at `begin` are, or 0: it is no batch.
[[nodiscard]] std::size_t batch_depth(const char* begin, const char* end,
                                      const ParseOptions& options);

}  // namespace logforest::parse::json
