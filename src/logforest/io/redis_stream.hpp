// Entries of the log queue, decoded from XREADGROUP / XAUTOCLAIM / XRANGE replies.
//
// Two kinds of entries share the stream. A block (field "data") carries many records as raw bytes.
// Other producers write one record per entry (fields timestamp, level, source, application,
// message, metadata); runs of those are joined into one item of NDJSON, one line per entry, so
// that no work per record is left to Python.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "logforest/base/buffer.hpp"
#include "logforest/io/redis_connection.hpp"

namespace logforest::io {

struct StreamItem {
  std::vector<std::string> entry_ids;  // one for a block, one per line for joined entries
  bool block = false;
  bool stored = false;  // written directly, here for the other groups only
  std::string data;     // as it lies in Redis: packed when there is a codec
  std::string codec;    // see block_codec.hpp; empty: plain bytes
  std::string format;
  std::string tenant;
  std::string key;            // names the block in the ledger
  std::string trace;          // W3C traceparent
  std::string options;        // further parse options, a JSON object
  std::int64_t first_id = 0;  // ids of the block's records: first_id + row
  std::int64_t count = 0;     // ids reserved for the block
  std::int64_t received_us = 0;
  std::vector<std::int64_t> record_ids;  // joined entries: the id of each line's record
};

// The plain bytes of an item, or of a part of it. Without a codec they lie in the item, which must
// then live as long.
struct PlainBytes {
  std::shared_ptr<const Buffer<char>> unpacked;
  std::string_view bytes;

  // ConfigError when it does not lie inside.
  [[nodiscard]] PlainBytes part(std::size_t at, std::size_t size) const;
};
// ConfigError: damaged.
[[nodiscard]] PlainBytes open_item(const StreamItem& item);

// The id of a record that came as an entry of its own: computed from the entry id, so that each
// delivery gives the same. Lies in [2^52, 2^53); blocks use the ids below.
[[nodiscard]] std::int64_t single_record_id(std::string_view entry_id) noexcept;

struct StreamRead {
  std::vector<StreamItem> items;
  std::vector<std::string> lost;  // ids that are pending but were deleted or trimmed (Redis' loss)
  std::string cursor;             // of XAUTOCLAIM; "0-0" at the end
};

// Decodes the array of entries of one stream.
void decode_entries(const redisReply& entries, StreamRead& out);

// One item for each entry of a joined item.
[[nodiscard]] std::vector<StreamItem> split_item(const StreamItem& item);

// XREADGROUP GROUP group consumer COUNT count BLOCK block STREAMS stream from (">" for new ones).
[[nodiscard]] StreamRead read_group(RedisConnection& redis, std::string_view stream,
                                    std::string_view group, std::string_view consumer,
                                    std::int64_t count, Milliseconds block, std::string_view from);

// XAUTOCLAIM: takes over entries idle for at least min_idle, from `cursor` on.
[[nodiscard]] StreamRead claim_idle(RedisConnection& redis, std::string_view stream,
                                    std::string_view group, std::string_view consumer,
                                    Milliseconds min_idle, std::string_view cursor,
                                    std::int64_t count);

}  // namespace logforest::io
