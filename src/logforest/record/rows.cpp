#include "logforest/record/rows.hpp"

#include <tuple>

namespace logforest {

namespace {

template <class T>
void copy_rows(const FixedColumn<T>& from, FixedColumn<T>& to, std::size_t begin, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    if (from.is_valid(begin + i)) to.set(i, from[begin + i]);
  }
}
void copy_rows(const Utf8Column& from, Utf8Column& to, std::size_t begin, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    if (from.is_valid(begin + i)) to.set(i, from[begin + i]);
  }
}
void copy_rows(const DictColumn& from, DictColumn& to, std::size_t begin, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    if (from.is_valid(begin + i)) to.set(i, from[begin + i]);
  }
}

}  // namespace

std::shared_ptr<RecordBatch> slice(const RecordBatch& from, std::size_t begin, std::size_t count) {
  auto out = std::make_shared<RecordBatch>();
  auto& f = const_cast<RecordBatch&>(from);  // for_each_column has no const form; only read here
  std::size_t at = 0;
  const auto column_at = [&](std::size_t index, auto&& use) {
    std::size_t i = 0;
    f.for_each_column([&](auto& column) {
      if (i++ == index) use(column);
    });
  };
  out->for_each_column([&](auto& to) {
    column_at(at++, [&](auto& source) {
      if constexpr (std::is_same_v<std::decay_t<decltype(source)>, std::decay_t<decltype(to)>>) {
        copy_rows(source, to, begin, count);
      }
    });
  });
  out->rows = count;
  out->finish();
  return out;
}

LogBatch concat(std::span<const LogBatch* const> parts) {
  LogBatch out;
  bool first = true;
  for (const LogBatch* part : parts) {
    out.chunks.insert(out.chunks.end(), part->chunks.begin(), part->chunks.end());
    out.rejected->append(*part->rejected);
    out.counts += part->counts;
    if (first) {
      out.format = part->format;
    } else if (out.format != part->format) {
      out.format = "mixed";
    }
    first = false;
  }
  return out;
}

std::pair<LogBatch, LogBatch> split(const LogBatch& batch, std::size_t rows) {
  LogBatch first;
  LogBatch rest;
  first.format = rest.format = batch.format;
  first.rejected = batch.rejected;
  first.counts = batch.counts;
  std::size_t left = rows;
  for (const auto& chunk : batch.chunks) {
    if (left >= chunk->rows) {
      first.chunks.push_back(chunk);
      left -= chunk->rows;
    } else if (left == 0) {
      rest.chunks.push_back(chunk);
    } else {
      first.chunks.push_back(slice(*chunk, 0, left));
      rest.chunks.push_back(slice(*chunk, left, chunk->rows - left));
      left = 0;
    }
  }
  const auto moved = static_cast<std::int64_t>(rest.num_rows());
  first.counts.records -= moved;
  rest.counts.records = moved;
  first.counts.lines -= moved;
  rest.counts.lines = moved;
  return {std::move(first), std::move(rest)};
}

}  // namespace logforest
