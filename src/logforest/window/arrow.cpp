#include "logforest/window/arrow.hpp"

#include <algorithm>
#include <charconv>

#include "logforest/base/error.hpp"

namespace logforest::window {

namespace {

// Owns the columns of an exported table; parts that a table lacks stay empty.
struct Columns {
  FixedColumn<std::int64_t> start, end, count, errors, rt_count;
  FixedColumn<double> error_rate, sum, sumsq, mean, stddev, min, max, p50, p95, p99;
  std::vector<DictColumn> keys;
  std::vector<FixedColumn<std::int64_t>> numbers;  // keys that are numbers
  Utf8Column state;
};

class Builder {
 public:
  explicit Builder(const Aggregate& windows) : windows_(windows) {
    c_->keys.resize(windows.spec().by.size());
    c_->numbers.resize(windows.spec().by.size());
  }

  void fill(bool result, bool partials, bool state) {
    std::string bytes;
    std::size_t row = 0;
    for (const std::size_t i : windows_.order()) {
      const Group& g = windows_.group(i);
      const Stats& s = g.response_time;
      c_->start.set(row, g.start);
      for (std::size_t k = 0; k < c_->keys.size(); ++k) key(row, i, k);
      c_->count.set(row, g.count);
      c_->errors.set(row, g.errors);
      if (result) {
        c_->end.set(row, g.start + windows_.spec().every);
        c_->error_rate.set(row, static_cast<double>(g.errors) / static_cast<double>(g.count));
        if (s.count() > 0) {
          c_->mean.set(row, s.mean());
          c_->p50.set(row, s.quantile(0.5));
          c_->p95.set(row, s.quantile(0.95));
          c_->p99.set(row, s.quantile(0.99));
        }
        if (s.count() > 1) c_->stddev.set(row, s.stddev());
      }
      if (partials) {
        c_->rt_count.set(row, s.count());
        if (s.count() > 0) {
          c_->sum.set(row, s.sum());
          c_->sumsq.set(row, s.sum_of_squares());
        }
      }
      if (s.count() > 0) {
        c_->min.set(row, s.min());
        c_->max.set(row, s.max());
      }
      if (state) {
        bytes.clear();
        s.serialise(bytes);
        c_->state.set(row, bytes);
      }
      ++row;
    }
    rows_ = row;
  }

  void add_keys() {
    for (std::size_t k = 0; k < c_->keys.size(); ++k) {
      const std::string name(key_name(windows_.spec().by[k]));
      if (windows_.spec().by[k] == Key::TemplateId) {
        add(name, "l", c_->numbers[k]);
      } else {
        add(name, "i", c_->keys[k], "u");
      }
    }
  }
  template <class C>
  void add(std::string name, std::string format, C& column, std::string dictionary = {}) {
    column.finish(rows_);
    table_.schema.push_back({std::move(name), std::move(format), std::move(dictionary), true});
    table_.chunk.columns.push_back(arrow::column(column));
  }
  [[nodiscard]] Columns& columns() noexcept { return *c_; }
  [[nodiscard]] Table finish() {
    table_.chunk.rows = static_cast<std::int64_t>(rows_);
    table_.chunk.owner = c_;
    return std::move(table_);
  }

 private:
  void key(std::size_t row, std::size_t group, std::size_t k) {
    const std::int32_t code = windows_.code(group, k);
    if (code < 0) return;
    const std::string_view text = windows_.dictionary(k)[code];
    if (windows_.spec().by[k] == Key::TemplateId) {
      std::int64_t value = 0;
      std::from_chars(text.data(), text.data() + text.size(), value);
      c_->numbers[k].set(row, value);
    } else {
      c_->keys[k].set(row, text);
    }
  }

  const Aggregate& windows_;
  std::shared_ptr<Columns> c_ = std::make_shared<Columns>();
  std::size_t rows_ = 0;
  Table table_;
};

// --- reading ------------------------------------------------------------------------------

struct Release {
  ArrowSchema schema{};
  ArrowArray array{};
  ~Release() {
    if (schema.release != nullptr) schema.release(&schema);
    if (array.release != nullptr) array.release(&array);
  }
};

bool valid(const ArrowArray& a, std::size_t row) {
  if (a.null_count == 0 || a.buffers[0] == nullptr) return true;
  const std::size_t at = static_cast<std::size_t>(a.offset) + row;
  return ((static_cast<const std::uint8_t*>(a.buffers[0])[at >> 3] >> (at & 7)) & 1U) != 0;
}

std::int64_t number(const ArrowArray& a, std::size_t row) {
  return static_cast<const std::int64_t*>(a.buffers[1])[static_cast<std::size_t>(a.offset) + row];
}

std::string_view bytes(const ArrowArray& a, std::size_t row) {
  const auto* offsets = static_cast<const std::int32_t*>(a.buffers[1]) + a.offset;
  const auto begin = static_cast<std::size_t>(offsets[row]);
  return {static_cast<const char*>(a.buffers[2]) + begin,
          static_cast<std::size_t>(offsets[row + 1]) - begin};
}

std::size_t find_column(const ArrowSchema& schema, std::string_view name,
                        std::string_view formats) {
  for (std::int64_t i = 0; i < schema.n_children; ++i) {
    const ArrowSchema& child = *schema.children[i];
    if (child.name != name) continue;
    std::string_view format = child.format;
    if (format.starts_with("tsu:")) format = "t";
    if (child.dictionary != nullptr || formats.find(format) == std::string_view::npos) {
      throw ConfigError("column \"" + std::string(name) + "\" of the windows has Arrow type \"" +
                        child.format + "\", which cannot be read");
    }
    return static_cast<std::size_t>(i);
  }
  throw ConfigError("the windows have no column \"" + std::string(name) + "\"");
}

void check_row(const Group& g, std::int64_t count, std::int64_t errors) {
  constexpr std::int64_t limit = std::int64_t{1} << 40;
  if (count <= 0 || count > limit || errors < 0 || errors > count ||
      g.response_time.count() > count)
    throw ConfigError("window state is damaged: counts do not add up");
}

}  // namespace

Table result_table(const Aggregate& windows, bool state) {
  Builder b(windows);
  b.fill(true, false, state);
  Columns& c = b.columns();
  b.add("window_start", "tsu:UTC", c.start);
  b.add_keys();
  b.add("count", "l", c.count);
  b.add("error_count", "l", c.errors);
  b.add("error_rate", "g", c.error_rate);
  b.add("response_time_mean", "g", c.mean);
  b.add("response_time_std", "g", c.stddev);
  b.add("response_time_min", "g", c.min);
  b.add("response_time_max", "g", c.max);
  b.add("response_time_p50", "g", c.p50);
  b.add("response_time_p95", "g", c.p95);
  b.add("response_time_p99", "g", c.p99);
  b.add("window_end", "tsu:UTC", c.end);
  if (state) b.add("state", "z", c.state);
  return b.finish();
}

Table partials_table(const Aggregate& windows) {
  Builder b(windows);
  b.fill(false, true, true);
  Columns& c = b.columns();
  b.add("window_start", "tsu:UTC", c.start);
  b.add_keys();
  b.add("count", "l", c.count);
  b.add("error_count", "l", c.errors);
  b.add("response_time_count", "l", c.rt_count);
  b.add("response_time_sum", "g", c.sum);
  b.add("response_time_sumsq", "g", c.sumsq);
  b.add("response_time_min", "g", c.min);
  b.add("response_time_max", "g", c.max);
  b.add("state", "z", c.state);
  return b.finish();
}

Aggregate from_arrow(ArrowArrayStream* stream, const Spec& spec) {
  const auto fail = [stream](const char* what) {
    const char* detail = stream->get_last_error(stream);
    throw ConfigError(std::string(what) + ": " + (detail != nullptr ? detail : "unknown"));
  };
  Aggregate out(spec);
  Release type;
  if (stream->get_schema(stream, &type.schema) != 0) fail("cannot read the Arrow schema");
  const std::size_t start_at = find_column(type.schema, "window_start", "tl");
  const std::size_t count_at = find_column(type.schema, "count", "l");
  const std::size_t errors_at = find_column(type.schema, "error_count", "l");
  const std::size_t state_at = find_column(type.schema, "state", "z");
  std::vector<std::size_t> keys_at;
  for (const Key key : spec.by)
    keys_at.push_back(find_column(type.schema, key_name(key), key == Key::TemplateId ? "l" : "u"));

  std::vector<std::int32_t> codes(spec.by.size() + 1);
  for (;;) {
    Release chunk;
    if (stream->get_next(stream, &chunk.array) != 0) fail("cannot read from the Arrow stream");
    if (chunk.array.release == nullptr) break;
    const auto column = [&chunk](std::size_t i) -> const ArrowArray& {
      return *chunk.array.children[i];
    };
    for (std::size_t row = 0; row < static_cast<std::size_t>(chunk.array.length); ++row) {
      if (!valid(column(start_at), row) || !valid(column(count_at), row) ||
          !valid(column(errors_at), row))
        throw ConfigError("window_start, count and error_count of windows are never null");
      const std::int64_t start = number(column(start_at), row);
      if (window_start(start, spec.step) != start)
        throw ConfigError("window_start is not aligned to the width of the windows");
      for (std::size_t k = 0; k < keys_at.size(); ++k) {
        const ArrowArray& key = column(keys_at[k]);
        if (!valid(key, row)) {
          codes[k] = -1;
        } else if (spec.by[k] == Key::TemplateId) {
          codes[k] = out.intern(k, std::to_string(number(key, row)));
        } else {
          codes[k] = out.intern(k, bytes(key, row));
        }
      }
      Group read;
      if (valid(column(state_at), row))
        read.response_time = Stats::parse(bytes(column(state_at), row));
      check_row(read, number(column(count_at), row), number(column(errors_at), row));
      Group& g = out.group(out.find_or_add(start, codes.data()));
      g.count += number(column(count_at), row);
      g.errors += number(column(errors_at), row);
      g.response_time.merge(read.response_time);
    }
  }
  return out;
}

}  // namespace logforest::window
