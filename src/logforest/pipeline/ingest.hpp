// What a service receives: many bodies at once, large and small, of one or several senders.
//
// Large bodies are parsed on threads of their own. Runs of small ones (a record a request) are
// parsed one after the other into one common chunk, so that a thousand requests cost a thousand
// lines and not a thousand batches. Records keep the order of the bodies.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "logforest/parse/chunk.hpp"
#include "logforest/record/record_batch.hpp"

namespace logforest::pipeline {

struct Body {
  std::string_view data;  // must stay valid during the call
  std::string format;     // a registered name or "auto"
  std::string tenant;
  std::string service;  // used where a record has neither service nor source
  std::string source;
  std::int64_t received_us = 0;
};

// How many records and rejects of the batch are a body's; both come in the order of the bodies.
struct Part {
  std::int64_t records = 0;
  std::int64_t rejected = 0;
};

struct Ingested {
  LogBatch logs;  // rejects: lines and offsets count within their body
  std::vector<Part> parts;
};

// `hook` runs once on each chunk (masking, fingerprints, categories). `threads` 0: one per core;
// the result does not depend on it. Throws ConfigError for an unknown format.
[[nodiscard]] Ingested ingest(std::span<const Body> bodies, const parse::ChunkHook& hook,
                              int threads);

// A copy that may be changed (the original may have been exported), after `hook`.
[[nodiscard]] LogBatch copy_with(const LogBatch& logs, const parse::ChunkHook& hook);

// Numbers the records first, first + 1, ... in order. The batch must not have been exported.
void assign_ids(LogBatch& logs, std::int64_t first);

}  // namespace logforest::pipeline
