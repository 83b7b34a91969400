#include "logforest/io/redis_stream.hpp"

#include <simdjson.h>

#include <charconv>
#include <optional>

#include "logforest/base/error.hpp"
#include "logforest/base/hash.hpp"
#include "logforest/io/block_codec.hpp"

namespace logforest::io {

namespace {

constexpr std::int64_t kSingleBase = std::int64_t{1} << 52;
constexpr std::int64_t kEpochMs = 1735689600000;  // 2025-01-01: 2^40 ms of range lie behind it

std::string_view text(const redisReply& reply) { return {reply.str, reply.len}; }

std::int64_t to_int(std::string_view value) {
  std::int64_t result = 0;
  std::from_chars(value.data(), value.data() + value.size(), result);
  return result;
}

// Appends a JSON string; bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view value) {
  static constexpr char kHex[] = "0123456789abcdef";
  const bool valid = simdjson::validate_utf8(value.data(), value.size());
  out.push_back('"');
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20) {
      out += "\\u00";
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    } else if (byte >= 0x80 && !valid) {
      out += "\xef\xbf\xbd";
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

bool is_json_object(std::string_view value, simdjson::dom::parser& parser) {
  if (value.find('{') == std::string_view::npos || value.find('\n') != std::string_view::npos)
    return false;
  simdjson::dom::element element;
  return parser.parse(value.data(), value.size()).get(element) == simdjson::SUCCESS &&
         element.is_object();
}

void append_single(std::string& out, const redisReply& fields, simdjson::dom::parser& parser) {
  out.push_back('{');
  for (std::size_t i = 0; i + 1 < fields.elements; i += 2) {
    const std::string_view key = text(*fields.element[i]);
    const std::string_view value = text(*fields.element[i + 1]);
    if (i > 0) out.push_back(',');
    append_json_string(out, key);
    out.push_back(':');
    if (key == "metadata" && is_json_object(value, parser)) {
      out += value;
    } else {
      append_json_string(out, value);
    }
  }
  out += "}\n";
}

const redisReply* find_field(const redisReply& fields, std::string_view name) {
  for (std::size_t i = 0; i + 1 < fields.elements; i += 2) {
    if (text(*fields.element[i]) == name) return fields.element[i + 1];
  }
  return nullptr;
}

StreamItem decode_block(std::string_view id, const redisReply& fields) {
  StreamItem item;
  item.block = true;
  item.entry_ids.emplace_back(id);
  item.tenant = "default";
  item.format = "auto";
  for (std::size_t i = 0; i + 1 < fields.elements; i += 2) {
    const std::string_view name = text(*fields.element[i]);
    const std::string_view value = text(*fields.element[i + 1]);
    if (name == "data")
      item.data = value;
    else if (name == "codec")
      item.codec = value;
    else if (name == "format")
      item.format = value;
    else if (name == "tenant")
      item.tenant = value;
    else if (name == "key")
      item.key = value;
    else if (name == "trace")
      item.trace = value;
    else if (name == "options")
      item.options = value;
    else if (name == "first_id")
      item.first_id = to_int(value);
    else if (name == "count")
      item.count = to_int(value);
    else if (name == "stored")
      item.stored = true;
    else if (name == "received")
      item.received_us = to_int(value);
  }
  if (item.key.empty()) item.key = id;
  return item;
}

}  // namespace

PlainBytes PlainBytes::part(std::size_t at, std::size_t size) const {
  if (at > bytes.size() || size > bytes.size() - at) {
    throw ConfigError("a part of the block ends behind its " + std::to_string(bytes.size()) +
                      " bytes");
  }
  return {unpacked, bytes.substr(at, size)};
}

PlainBytes open_item(const StreamItem& item) {
  if (item.codec.empty()) return {nullptr, item.data};
  const std::size_t size = unpacked_size(item.codec, item.data);
  auto out = std::make_shared<Buffer<char>>();
  unpack_block(item.data, out->room(size), size);
  out->advance(size);
  const std::string_view bytes(out->data(), size);
  return {std::move(out), bytes};
}

std::int64_t single_record_id(std::string_view entry_id) noexcept {
  const std::size_t dash = entry_id.find('-');
  const std::int64_t ms = to_int(entry_id.substr(0, dash)) - kEpochMs;
  const std::int64_t sequence =
      dash == std::string_view::npos ? 0 : to_int(entry_id.substr(dash + 1));
  if (ms >= 0 && ms < (std::int64_t{1} << 40) && sequence >= 0 && sequence < 4096) {
    return kSingleBase + (ms << 12) + sequence;
  }
  // An id chosen by its producer, or a burst beyond 4096 a millisecond: spread by hash.
  return kSingleBase +
         static_cast<std::int64_t>(hash_bytes(entry_id) & ((std::uint64_t{1} << 52) - 1));
}

void decode_entries(const redisReply& entries, StreamRead& out) {
  simdjson::dom::parser parser;
  bool joining = false;
  for (std::size_t i = 0; i < entries.elements; ++i) {
    const redisReply& entry = *entries.element[i];
    if (entry.type != REDIS_REPLY_ARRAY || entry.elements < 2) continue;
    const std::string_view id = text(*entry.element[0]);
    const redisReply& fields = *entry.element[1];
    if (fields.type != REDIS_REPLY_ARRAY) {  // pending, but no longer in the stream
      out.lost.emplace_back(id);
      continue;
    }
    if (find_field(fields, "data") != nullptr) {
      out.items.push_back(decode_block(id, fields));
      joining = false;
      continue;
    }
    if (!joining) {
      out.items.emplace_back();
      out.items.back().format = "json";
      out.items.back().tenant = "default";
      // The entry id carries the time of receipt.
      out.items.back().received_us = to_int(id.substr(0, id.find('-'))) * 1000;
      joining = true;
    }
    StreamItem& item = out.items.back();
    append_single(item.data, fields, parser);
    item.entry_ids.emplace_back(id);
    item.record_ids.push_back(single_record_id(id));
    ++item.count;
  }
}

std::vector<StreamItem> split_item(const StreamItem& item) {
  std::vector<StreamItem> out;
  std::size_t at = 0;
  for (std::size_t i = 0; i < item.record_ids.size(); ++i) {
    const std::size_t end = item.data.find('\n', at) + 1;
    StreamItem one;
    one.entry_ids = {item.entry_ids[i]};
    one.record_ids = {item.record_ids[i]};
    one.data = item.data.substr(at, end - at);
    one.format = item.format;
    one.tenant = item.tenant;
    one.count = 1;
    one.received_us = item.received_us;
    out.push_back(std::move(one));
    at = end;
  }
  return out;
}

StreamRead read_group(RedisConnection& redis, std::string_view stream, std::string_view group,
                      std::string_view consumer, std::int64_t count, Milliseconds block,
                      std::string_view from) {
  const std::string count_text = std::to_string(count);
  const std::string block_text = std::to_string(block.count());
  RedisArgs args{"XREADGROUP", "GROUP", group, consumer, "COUNT", count_text};
  if (block.count() > 0) args.insert(args.end(), {"BLOCK", block_text});
  args.insert(args.end(), {"STREAMS", stream, from});
  const RedisReply reply = redis.command(args, block);
  StreamRead out;
  if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 1 &&
      reply->element[0]->elements == 2) {
    decode_entries(*reply->element[0]->element[1], out);
  }
  return out;
}

StreamRead claim_idle(RedisConnection& redis, std::string_view stream, std::string_view group,
                      std::string_view consumer, Milliseconds min_idle, std::string_view cursor,
                      std::int64_t count) {
  const std::string count_text = std::to_string(count);
  const std::string idle_text = std::to_string(min_idle.count());
  const RedisReply reply = redis.command(
      RedisArgs{"XAUTOCLAIM", stream, group, consumer, idle_text, cursor, "COUNT", count_text});
  StreamRead out;
  if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 2) return out;
  out.cursor = text(*reply->element[0]);
  decode_entries(*reply->element[1], out);
  if (reply->elements > 2) {
    for (std::size_t i = 0; i < reply->element[2]->elements; ++i) {
      out.lost.emplace_back(text(*reply->element[2]->element[i]));
    }
  }
  return out;
}

}  // namespace logforest::io
