// Reads a source into a LogBatch: cuts it into chunks at record boundaries, parses the chunks on
// several threads, puts the results together in input order.
//
// The result depends on the bytes and the options only: not on how the bytes were cut into
// feed() calls, nor on the number of threads. Memory is bounded by the chunks in flight (about
// threads + 2 times ParseOptions::chunk_bytes) plus the results nobody has taken yet; a line
// longer than ParseOptions::max_line_bytes is dropped while it is read and becomes one reject.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "logforest/parse/chunk.hpp"
#include "logforest/parse/parser.hpp"
#include "logforest/record/record_batch.hpp"

namespace logforest::parse {

// One source, fed piece by piece. Not thread safe: one caller at a time; it may be another thread
// each time. Errors of the source itself (unknown format) throw ConfigError from any call.
class Reader {
 public:
  explicit Reader(ParseOptions options, ChunkHook hook = {});
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // Takes the next bytes; parses on this thread too when the others are busy.
  void feed(std::string_view bytes);
  // Reads a file descriptor to its end, or until `ready_rows` is reached (0: no limit). False at
  // the end. Throws IoError.
  bool feed_descriptor(int descriptor, std::size_t ready_rows = 0);
  // The whole source at once; the bytes must stay valid until finish() has returned.
  void feed_whole(std::string_view data);
  // No more bytes will come. Afterwards only take() and finish() may be called.
  void close();

  // Rows of parsed chunks that can be taken in order right now.
  [[nodiscard]] std::size_t ready_rows();
  // All that is parsed and in order; with `rows`, whole chunks until that many are there.
  [[nodiscard]] LogBatch take(std::size_t rows = 0);
  // close(), waits for the rest, and returns everything that was not taken.
  [[nodiscard]] LogBatch finish();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// A whole source in memory; nothing but its last chunk is copied.
[[nodiscard]] LogBatch parse_buffer(std::string_view data, const ParseOptions& options,
                                    const ChunkHook& hook = {});

}  // namespace logforest::parse
