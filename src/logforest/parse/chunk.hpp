// Parses one chunk of a source: cuts it into frames, feeds the line parser, keeps accounts.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "logforest/base/byte_buffer.hpp"
#include "logforest/parse/parser.hpp"
#include "logforest/parse/row_builder.hpp"

namespace logforest::parse {

// Runs in the worker thread on each finished chunk (masking, fingerprints, categories).
using ChunkHook = std::function<void(RecordBatch&, RejectTable&)>;

struct ChunkResult {
  std::shared_ptr<RecordBatch> batch;
  std::shared_ptr<RejectTable> rejects;  // line numbers count from the start of the chunk
  LineCounts counts;
  std::int64_t other_records = 0;  // of another format than the source's own
  Brackets brackets = {};          // places count from the source's start, lines from the chunk's
};

// Copies `text` without a terminal's colours; false when there are none.
[[nodiscard]] bool without_colours(std::string_view text, ByteBuffer& out);

// One object per thread.
class ChunkParser {
 public:
  ChunkParser(const Format& format, const ParseOptions& options, std::string_view head,
              const ChunkHook& hook);

  // `data` starts and ends at frame boundaries; kPadding readable bytes follow it, and a control
  // character behind or at its end. `offset` is its place in the source; `last`: no byte follows.
  // `directives`: the lines of earlier chunks that are in force.
  [[nodiscard]] ChunkResult parse(std::string_view data, std::int64_t offset, bool last,
                                  std::string_view directives = {});

  [[nodiscard]] LineParser& line_parser() noexcept { return *parser_; }
  [[nodiscard]] Framer* framer() noexcept { return framer_.get(); }

 private:
  struct Task;
  // What a text may hold, from a look at more than itself.
  struct Content {
    bool ill_formed = true;  // bytes that are not UTF-8
    bool nul = true;
    bool escape = true;
  };
  static Content check_block(Task& task, std::size_t at, std::size_t size);
  void lines(Task& task);
  void frames(Task& task);
  void line(Task& task, std::string_view text, std::size_t at, std::int64_t line_number,
            Content may_hold);
  void reject(Task& task, Reject why, std::string_view text, std::size_t at, std::int64_t number);

  const ParseOptions& options_;
  const ChunkHook& hook_;
  bool strict_utf8_;
  bool directives_;
  bool colours_;  // of terminals are taken out
  std::unique_ptr<LineParser> parser_;
  std::unique_ptr<Framer> framer_;
  ByteBuffer repaired_;
  ByteBuffer rewritten_;
  ByteBuffer plain_;
  BatchShape shape_;  // of the last chunk that had records, and its bytes
  std::size_t shaped_bytes_ = 0;
};

}  // namespace logforest::parse
