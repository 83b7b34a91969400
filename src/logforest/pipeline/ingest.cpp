#include "logforest/pipeline/ingest.hpp"

#include <cstring>
#include <map>
#include <memory>
#include <tuple>

#include "logforest/base/parallel.hpp"
#include "logforest/parse/reader.hpp"
#include "logforest/parse/registry.hpp"

namespace logforest::pipeline {

namespace {

// From this size on a body is worth a chunk of its own.
constexpr std::size_t kLargeBytes = std::size_t{64} << 10;
// A common chunk is closed at this size, so that two threads have something to share.
constexpr std::size_t kRunBytes = std::size_t{256} << 10;
constexpr std::size_t kHeadBytes = std::size_t{1} << 16;

parse::ParseOptions options_of(const Body& body, const std::string& format) {
  parse::ParseOptions options;
  options.format = format;
  options.tenant = body.tenant;
  options.service = body.service;
  options.source = body.source;
  options.received_us = body.received_us;
  options.threads = 1;
  return options;
}

void append_column(Utf8Column& to, const Utf8Column& from, std::size_t at, std::size_t rows) {
  for (std::size_t i = 0; i < rows; ++i) {
    if (from.is_valid(i)) to.set(at + i, from[i]);
  }
}
void append_column(DictColumn& to, const DictColumn& from, std::size_t at, std::size_t rows) {
  for (std::size_t i = 0; i < rows; ++i) {
    if (from.is_valid(i)) to.set(at + i, from[i]);
  }
}
template <class T>
void append_column(FixedColumn<T>& to, const FixedColumn<T>& from, std::size_t at,
                   std::size_t rows) {
  for (std::size_t i = 0; i < rows; ++i) {
    if (from.is_valid(i)) to.set(at + i, from[i]);
  }
}

void append_rows(RecordBatch& to, const RecordBatch& from) {
  const auto append = [&](auto member) {
    append_column(to.*member, from.*member, to.rows, from.rows);
  };
  append(&RecordBatch::id);
  append(&RecordBatch::tenant);
  append(&RecordBatch::timestamp);
  append(&RecordBatch::level);
  append(&RecordBatch::service);
  append(&RecordBatch::source);
  append(&RecordBatch::message);
  append(&RecordBatch::endpoint);
  append(&RecordBatch::method);
  append(&RecordBatch::status_code);
  append(&RecordBatch::response_time);
  append(&RecordBatch::ip_address);
  append(&RecordBatch::user_id);
  append(&RecordBatch::trace_id);
  append(&RecordBatch::span_id);
  append(&RecordBatch::category);
  append(&RecordBatch::template_id);
  append(&RecordBatch::metadata);
  append(&RecordBatch::created_at);
  to.rows += from.rows;
}

// The parser of a run of small bodies; senders mostly agree, so it is made rarely. The parser
// refers to the options, which therefore stay where they are.
class SmallParser {
 public:
  [[nodiscard]] const std::string& format_name() const { return format_->name; }
  [[nodiscard]] parse::ChunkResult parse(const Body& body) {
    std::string_view data = body.data;
    if (data.starts_with("\xef\xbb\xbf")) data.remove_prefix(3);
    const std::size_t skipped = body.data.size() - data.size();
    std::memcpy(padded_.room(data.size() + parse::kPadding), data.data(), data.size());
    std::memset(padded_.data() + data.size(), 0, parse::kPadding);
    const std::string_view copy{padded_.data(), data.size()};
    parse::ParseOptions options = options_of(body, body.format);
    const auto format = parse::resolve_format(options, copy.substr(0, kHeadBytes));
    options.format = format->name;
    if (!parser_ || format != format_ || !same(options)) {
      parser_.reset();
      format_ = format;
      options_ = options;
      parser_ = std::make_unique<parse::ChunkParser>(*format_, options_, copy.substr(0, kHeadBytes),
                                                     no_hook_);
    }
    options_.received_us = body.received_us;
    return parser_->parse(copy, static_cast<std::int64_t>(skipped), true);
  }

 private:
  [[nodiscard]] bool same(const parse::ParseOptions& o) const {
    return std::tie(o.tenant, o.service, o.source) ==
           std::tie(options_.tenant, options_.service, options_.source);
  }

  const parse::ChunkHook no_hook_;
  parse::ParseOptions options_;
  std::shared_ptr<const parse::Format> format_;
  std::unique_ptr<parse::ChunkParser> parser_;
  ByteBuffer padded_;
};

void merge_format(std::string& all, const std::string& one) {
  if (all.empty()) {
    all = one;
  } else if (all != one && !one.empty()) {
    all = "mixed";
  }
}

// Bodies [begin, end), all small, or one large.
struct Run {
  std::size_t begin;
  std::size_t end;
};

std::vector<Run> cut_runs(std::span<const Body> bodies) {
  std::vector<Run> runs;
  std::size_t bytes = 0;
  bool open = false;
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    const std::size_t size = bodies[i].data.size();
    if (size >= kLargeBytes) {
      runs.push_back({i, i + 1});
      open = false;
      continue;
    }
    if (!open || bytes + size > kRunBytes) {
      runs.push_back({i, i});
      bytes = 0;
      open = true;
    }
    runs.back().end = i + 1;
    bytes += size;
  }
  return runs;
}

LogBatch parse_run(std::span<const Body> bodies, std::span<Part> parts,
                   const parse::ChunkHook& hook) {
  if (bodies.size() == 1) {
    LogBatch logs =
        parse::parse_buffer(bodies[0].data, options_of(bodies[0], bodies[0].format), hook);
    parts[0] = {static_cast<std::int64_t>(logs.num_rows()),
                static_cast<std::int64_t>(logs.rejected->size())};
    return logs;
  }
  LogBatch out;
  auto batch = std::make_shared<RecordBatch>();
  SmallParser parser;
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    const parse::ChunkResult result = parser.parse(bodies[i]);
    append_rows(*batch, *result.batch);
    out.rejected->append(*result.rejects);
    out.counts += result.counts;
    merge_format(out.format, parser.format_name());
    parts[i] = {result.counts.records, result.counts.rejected};
  }
  batch->finish();
  if (hook) hook(*batch, *out.rejected);
  if (batch->rows != 0) out.chunks.push_back(std::move(batch));
  return out;
}

}  // namespace

Ingested ingest(std::span<const Body> bodies, const parse::ChunkHook& hook, int threads) {
  Ingested out;
  out.parts.resize(bodies.size());
  const std::vector<Run> runs = cut_runs(bodies);
  std::vector<LogBatch> results(runs.size());
  parallel_for(runs.size(), resolve_threads(threads), [&](std::size_t i, std::size_t) {
    const Run run = runs[i];
    results[i] = parse_run(bodies.subspan(run.begin, run.end - run.begin),
                           std::span(out.parts).subspan(run.begin, run.end - run.begin), hook);
  });
  for (LogBatch& result : results) {
    for (auto& chunk : result.chunks) out.logs.chunks.push_back(std::move(chunk));
    out.logs.rejected->append(*result.rejected);
    out.logs.counts += result.counts;
    merge_format(out.logs.format, result.format);
  }
  return out;
}

LogBatch copy_with(const LogBatch& logs, const parse::ChunkHook& hook) {
  LogBatch out = logs;
  out.rejected = std::make_shared<RejectTable>(*logs.rejected);
  for (auto& chunk : out.chunks) {
    chunk = std::make_shared<RecordBatch>(*chunk);
    if (hook) hook(*chunk, *out.rejected);
  }
  return out;
}

void assign_ids(LogBatch& logs, std::int64_t first) {
  for (const auto& chunk : logs.chunks) {
    chunk->id.clear();
    for (std::size_t row = 0; row < chunk->rows; ++row) chunk->id.set(row, first++);
  }
}

}  // namespace logforest::pipeline
