// The contract between the reader (which cuts input into lines and chunks), the parsers of single
// lines, and the row builder (which harmonises fields into columns).
#pragma once

#include <algorithm>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "logforest/base/byte_buffer.hpp"
#include "logforest/base/error.hpp"
#include "logforest/record/record_batch.hpp"

namespace logforest::parse {

struct ParseOptions {
  std::string format = "auto";  // a registered name, "auto" or "regex" (then `pattern`)
  std::string pattern;          // RE2 with named groups, for format "regex"
  std::string tenant = "default";
  std::string service;            // used where a record has neither service nor source
  std::string source;             // likewise (a file's name)
  std::string file;               // the path that is read, for rejected lines
  std::int64_t received_us = 0;   // time of receipt: default time, year inference, created_at
  std::int32_t zone_minutes = 0;  // offset east of UTC for stamps without one
  bool day_first = false;         // 03/04/2025: 3 April (true) or March 4 (false)
  std::size_t max_line_bytes = std::size_t{1} << 20;
  std::size_t max_depth = 512;  // of JSON; at most 4096
  std::size_t max_fields = 1000;
  std::size_t max_reject_text = 2048;
  std::size_t chunk_bytes = std::size_t{1} << 22;
  int threads = 0;       // 0: one per core
  bool ask_all = false;  // every format, about every line: tests that shortcuts change nothing
};

class RowBuilder;  // row_builder.hpp

// What became of one line.
struct LineResult {
  Reject reject = Reject::None;
  bool continuation = false;  // the line belongs to the record before it
};

// An element of an array, say, whose neighbours are records.
struct RejectedPart {
  Reject why;
  std::string_view text;
};

// Parses one line (without its line end) into the builder. One object per thread: it may keep
// scratch memory, but results must not depend on earlier lines other than directives. It must not
// throw on any input and must not read outside `line`, except that kPadding readable bytes follow
// it, among them a line end or NUL. The line is valid UTF-8 (what was not is U+FFFD or already
// rejected, see Format).
class LineParser {
 public:
  LineParser() = default;
  LineParser(const LineParser&) = delete;
  LineParser& operator=(const LineParser&) = delete;
  virtual ~LineParser() = default;
  // On rejection the builder's open row is abandoned by the caller; on success an open row is
  // committed by the caller. A line that holds several records commits all but the last itself.
  virtual LineResult parse_line(std::string_view line, RowBuilder& row) = 0;
  // False for lines that can only continue the record before them (stack traces). The reader
  // asks this to choose chunk borders; single-line formats keep the default.
  [[nodiscard]] virtual bool starts_record(std::string_view /*line*/) const { return true; }
  // For a line that is not UTF-8: whether its format makes that an error (RFC 5424 behind a BOM).
  [[nodiscard]] virtual bool demands_utf8(std::string_view /*line*/) const noexcept {
    return false;
  }
  // For formats with directives (directives.hpp): a line of that shape, true when it means
  // something to this format; and the end of what earlier lines said.
  virtual bool take_directive(std::string_view /*line*/) { return false; }
  virtual void forget_directives() {}
  // Of a line that was rejected: what of it was at fault, where that is not all of it. The views
  // are of that line, and hold until the next one.
  [[nodiscard]] virtual std::span<const RejectedPart> rejected_parts() const noexcept { return {}; }
  // Records since the last call that were of another format than the source's own ("auto").
  [[nodiscard]] virtual std::int64_t take_other_records() noexcept { return 0; }
};

inline constexpr std::size_t kPadding = 64;

// The brackets around records ([{...}, {...}]) of a part of a source, or of the parts before it.
struct Brackets {
  std::int64_t closes = 0;  // that close what an earlier part opened
  std::int64_t opens = 0;   // that nothing closed so far
  std::int64_t line = 0;    // of the first of these, from 1
  std::int64_t offset = 0;  // and its place
  bool alone = false;       // on a line without a record
  bool any_record = false;
  bool ends_rejected = false;  // the last record is broken, and may have swallowed brackets

  void open(std::int64_t its_line, std::int64_t its_offset, bool is_alone) noexcept {
    if (opens++ != 0) return;
    line = its_line;
    offset = its_offset;
    alone = is_alone;
  }
  void close() noexcept { opens > 0 ? --opens : ++closes; }
  // Goes on with the part that follows, which began behind `lines` lines and `bytes` bytes.
  void append(const Brackets& next, std::int64_t lines, std::int64_t bytes) noexcept {
    const std::int64_t closed = std::min(opens, next.closes);
    opens -= closed;
    closes += next.closes - closed;
    if (next.opens > 0) open(next.line + lines, next.offset + bytes, next.alone);
    opens += next.opens > 0 ? next.opens - 1 : 0;
    if (next.any_record) ends_rejected = next.ends_rejected;
    any_record |= next.any_record;
  }
};

// What a framer found at a position: one record's text, or what to skip.
struct Frame {
  std::string_view text;         // empty: nothing here (separators, blank lines)
  std::size_t consumed = 0;      // bytes up to the next frame, line end included; never 0
  std::int64_t lines = 1;        // line ends inside `consumed` (a last line without one counts)
  Reject reject = Reject::None;  // set: `text` is rejected as it is
  bool counted = false;          // `lines` is one a frame, line ends or not (octet counts)
  Brackets brackets = {};        // before the text; places count from the frame
};

// Cuts bytes into records where a record is not simply a line (JSON over several lines, octet
// counted syslog). One object per thread; a frame must depend only on the bytes from `position`,
// which is always a place where a frame starts.
class Framer {
 public:
  Framer() = default;
  Framer(const Framer&) = delete;
  Framer& operator=(const Framer&) = delete;
  virtual ~Framer() = default;
  // The frame at data[position...]; `complete` tells that no byte follows `data`. Nothing when the
  // frame may go on behind `data`; with `complete` there always is one while bytes are left.
  virtual std::optional<Frame> next(std::string_view data, std::size_t position, bool complete) = 0;
  // For records that are no text: makes text of one for the parser. False: it is text.
  virtual bool rewrite(std::string_view /*text*/, ByteBuffer& /*out*/) { return false; }
};

// A format known by name: how to make its parser and how sure it is that sample lines are its own.
struct Format {
  std::string name;
  std::string description;
  std::function<std::unique_ptr<LineParser>(const ParseOptions&)> make;
  // Share of `lines` (0..1) that are this format's; ties go to the more specific (higher rank).
  std::function<double(const std::vector<std::string_view>& lines)> detect;
  int rank = 0;
  // True: a line that is not UTF-8 is rejected. False: it is repaired with U+FFFD and counted.
  bool strict_utf8 = false;
  // Empty, or returning nullptr: one line, one frame. `head` is the first 64 KiB of the source (all
  // of a shorter one) and decides once for the source.
  std::function<std::unique_ptr<Framer>(const ParseOptions&, std::string_view head)> make_framer =
      {};
  // Formats of one family may alternate without making the source "mixed".
  std::string family = {};
  // Stack traces and indented lines go on with this format's records.
  bool multiline = false;
  // Lines like "#Fields: ..." say how the rows behind them are read; they are no records.
  bool directives = false;
  // The bytes that a record may begin with; others need not be tried.
  std::bitset<256> first_bytes = std::bitset<256>().set();
};

}  // namespace logforest::parse
