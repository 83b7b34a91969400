// The column types of a record batch, laid out as Arrow wants them so that export copies nothing.
//
// A column is filled row by row, but only where a record has the field: `set(row, value)` first
// pads with nulls up to `row`, and `finish(rows)` pads to the end. An absent field costs nothing.
// `set` needs row >= size(); `truncate(row)` forgets an abandoned row.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "logforest/base/buffer.hpp"
#include "logforest/base/copy_text.hpp"
#include "logforest/base/hash.hpp"

namespace logforest {

// Arrow validity bits, least significant bit first; empty means: no null so far.
class Validity {
 public:
  // Called before the value of `row` is stored; rows in [size, row) are null. Values cost nothing:
  // their bits are written when the next null comes, or by finish().
  void append(std::size_t size, std::size_t row) {
    if (row > size) return pad(size, row);
    if (row < size) truncate(size, row);
  }
  void finish(std::size_t size, std::size_t rows) {
    if (rows > size) {
      pad(size, rows);
    } else if (nulls_ != 0) {
      catch_up(size);
    }
  }
  void truncate(std::size_t size, std::size_t rows);
  [[nodiscard]] bool is_valid(std::size_t row) const noexcept {
    return row >= known_ || ((bits_[row >> 3] >> (row & 7)) & 1U) != 0;
  }
  [[nodiscard]] std::int64_t null_count() const noexcept { return nulls_; }
  // nullptr when there is no null; finish() was called.
  [[nodiscard]] const std::uint8_t* data() const noexcept {
    return nulls_ == 0 ? nullptr : bits_.data();
  }
  void clear() noexcept {
    bits_.clear();
    known_ = 0;
    nulls_ = 0;
  }
  // For import: takes `rows` bits from Arrow (may be nullptr: all valid) starting at `offset`.
  void assign(const std::uint8_t* bits, std::size_t offset, std::size_t rows);

 private:
  void pad(std::size_t size, std::size_t rows);
  void catch_up(std::size_t size);

  Buffer<std::uint8_t> bits_;  // of the rows below known_; those behind are valid
  std::size_t known_ = 0;
  std::int64_t nulls_ = 0;
};

template <class T>
class FixedColumn {
 public:
  void reserve(std::size_t rows) { values_.reserve(rows); }
  void set(std::size_t row, T value) {
    if (row != values_.size()) start(row);
    values_.push_back(value);
  }
  void finish(std::size_t rows) {
    validity_.finish(values_.size(), rows);
    if (values_.empty()) return values_.zeros(rows);
    values_.resize(rows);
  }
  void truncate(std::size_t rows) {
    if (values_.size() <= rows) return;
    validity_.truncate(values_.size(), rows);
    values_.resize(rows);
  }
  void clear() noexcept {
    values_.clear();
    validity_.clear();
  }
  [[nodiscard]] std::size_t size() const noexcept { return values_.size(); }
  [[nodiscard]] bool is_valid(std::size_t row) const noexcept {
    return row < values_.size() && validity_.is_valid(row);
  }
  [[nodiscard]] T operator[](std::size_t row) const noexcept { return values_[row]; }
  // Every one of `rows` rows gets `value`.
  void fill(std::size_t rows, T value) {
    validity_.clear();
    if (value == T{}) return values_.zeros(rows);
    values_.assign(rows, value);
  }
  // Whether there is memory behind it: not when nothing was ever set, or only zeros.
  [[nodiscard]] bool used() const noexcept { return values_.capacity() != 0; }
  [[nodiscard]] const Buffer<T>& values() const noexcept { return values_; }
  [[nodiscard]] Buffer<T>& mutable_values() noexcept { return values_; }
  [[nodiscard]] const Validity& validity() const noexcept { return validity_; }
  [[nodiscard]] Validity& mutable_validity() noexcept { return validity_; }

 private:
  [[gnu::noinline]] void start(std::size_t row) {
    validity_.append(values_.size(), row);
    values_.resize(row);
  }

  Buffer<T> values_;
  Validity validity_;
};

// UTF-8 strings with 32-bit offsets: a batch holds less than 2 GiB a column. Views returned by
// operator[] point into the column and die with the next change to it.
class Utf8Column {
 public:
  Utf8Column() { offsets_.push_back(0); }
  void reserve(std::size_t rows, std::size_t bytes) {
    offsets_.reserve(rows + 1);
    data_.reserve(bytes);
  }
  void set(std::size_t row, std::string_view value) {
    if (row != size()) start(row);
    copy_text(data_.room(value.size()), value);
    data_.advance(value.size());
    close();
  }
  // The same for a value with kCopyPadding readable bytes behind it: short ones are copied without
  // a look at their length, which changes from row to row.
  void set(std::size_t row, std::string_view value, Padded) {
    if (row != size()) start(row);
    if (value.empty()) return close();  // it may be nowhere
    copy_padded_text(data_.room(value.size() + kCopyPadding), value);
    data_.advance(value.size());
    close();
  }
  // For values built in place: start(row), append to buffer(), close().
  [[gnu::noinline]] void start(std::size_t row) {
    validity_.append(size(), row);
    if (row != size()) offsets_.resize(row + 1, offsets_.back());
  }
  [[nodiscard]] Buffer<char>& buffer() noexcept { return data_; }
  // For values appended to buffer() before it was known whether the row counts: ends the value of
  // `row`, which began where the value before it ended.
  void close_row(std::size_t row) {
    if (row != size()) start(row);
    close();
  }
  void close() { offsets_.push_back(static_cast<std::int32_t>(data_.size())); }

  void finish(std::size_t rows) {
    validity_.finish(size(), rows);
    if (offsets_.back() == 0) return offsets_.zeros(rows + 1);
    offsets_.resize(rows + 1, offsets_.back());
  }
  [[nodiscard]] bool used() const noexcept { return offsets_.capacity() != 0; }
  void truncate(std::size_t rows) {
    if (size() <= rows) return;
    validity_.truncate(size(), rows);
    offsets_.resize(rows + 1);
    data_.resize(static_cast<std::size_t>(offsets_.back()));
  }
  void clear() noexcept {
    offsets_.resize(1);  // the first is always 0
    data_.clear();
    validity_.clear();
  }
  [[nodiscard]] std::size_t size() const noexcept { return offsets_.size() - 1; }
  [[nodiscard]] bool is_valid(std::size_t row) const noexcept {
    return row < size() && validity_.is_valid(row);
  }
  [[nodiscard]] std::string_view operator[](std::size_t row) const noexcept {
    const auto begin = static_cast<std::size_t>(offsets_[row]);
    return {data_.data() + begin, static_cast<std::size_t>(offsets_[row + 1]) - begin};
  }
  [[nodiscard]] const Buffer<std::int32_t>& offsets() const noexcept { return offsets_; }
  [[nodiscard]] Buffer<std::int32_t>& mutable_offsets() noexcept { return offsets_; }
  [[nodiscard]] const Buffer<char>& data() const noexcept { return data_; }
  [[nodiscard]] const Validity& validity() const noexcept { return validity_; }
  [[nodiscard]] Validity& mutable_validity() noexcept { return validity_; }

 private:
  Buffer<std::int32_t> offsets_;  // never empty
  Buffer<char> data_;
  Validity validity_;
};

// Open-addressing interner: equal strings get equal codes in order of first appearance.
class Dictionary {
 public:
  [[nodiscard]] std::int32_t intern(std::string_view value);
  // -1 when absent.
  [[nodiscard]] std::int32_t find(std::string_view value) const noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return values_.size(); }
  [[nodiscard]] std::string_view operator[](std::int32_t code) const noexcept {
    return values_[static_cast<std::size_t>(code)];
  }
  [[nodiscard]] const Utf8Column& values() const noexcept { return values_; }
  void clear() noexcept;

 private:
  void grow();
  struct Slot {
    std::uint32_t tag = 0;
    std::int32_t code = -1;
  };
  std::vector<Slot> slots_;
  Utf8Column values_;
};

// Dictionary-encoded strings. A few values take turns in most columns: short ones that were seen
// lately are found by comparing two words, without hashing and without looking at the dictionary.
class DictColumn {
 public:
  void reserve(std::size_t rows) { codes_.reserve(rows); }
  void set(std::size_t row, std::string_view value) {
    // Longer than two words: they are its ends, and the dictionary is asked for the rest.
    const ShortText key(value);
    // Two places a key: many values in turn (the hosts of a fleet) would push each other out.
    const std::size_t hash = key.hash();
    const std::size_t place = hash % kRecent;
    const bool second = !is_recent(recent_[place], key, value);
    const Recent& recent = recent_[second ? hash / kRecent : place];
    if (second && !is_recent(recent, key, value)) {
      last_ = remember(place, key, value);
      codes_.set(row, last_);
      return;
    }
    last_ = recent.code;
    codes_.set(row, last_);
  }
  void set_code(std::size_t row, std::int32_t code) {
    last_ = code;
    codes_.set(row, code);
  }
  // The value that was stored last.
  [[nodiscard]] std::string_view last() const noexcept { return dictionary_[last_]; }
  // Its code, for set_code of the same column.
  [[nodiscard]] std::int32_t last_code() const noexcept { return last_; }
  // Adds a value to the dictionary; the code may be passed to set_code.
  [[nodiscard]] std::int32_t intern(std::string_view value) { return dictionary_.intern(value); }
  void finish(std::size_t rows) { codes_.finish(rows); }
  [[nodiscard]] bool used() const noexcept { return codes_.used(); }
  void truncate(std::size_t rows) { codes_.truncate(rows); }
  void clear() noexcept {
    codes_.clear();
    dictionary_.clear();
    recent_.fill({});
    last_ = -1;
  }
  [[nodiscard]] std::size_t size() const noexcept { return codes_.size(); }
  [[nodiscard]] bool is_valid(std::size_t row) const noexcept { return codes_.is_valid(row); }
  // Empty view for null.
  [[nodiscard]] std::string_view operator[](std::size_t row) const noexcept {
    return is_valid(row) ? dictionary_[codes_[row]] : std::string_view{};
  }
  [[nodiscard]] const FixedColumn<std::int32_t>& codes() const noexcept { return codes_; }
  [[nodiscard]] FixedColumn<std::int32_t>& mutable_codes() noexcept { return codes_; }
  [[nodiscard]] const Dictionary& dictionary() const noexcept { return dictionary_; }

 private:
  static constexpr std::size_t kRecent = 256;  // a byte of ShortText::hash
  struct Recent {
    ShortText key;
    std::int32_t code = -1;
  };
  [[nodiscard]] bool is_recent(const Recent& recent, const ShortText& key,
                               std::string_view value) const noexcept {
    return recent.code >= 0 && recent.key == key &&
           (value.size() <= ShortText::kLongest || dictionary_[recent.code] == value);
  }

  // The value that was at `place` moves to the other of its places.
  [[gnu::noinline]] std::int32_t remember(std::size_t place, const ShortText& key,
                                          std::string_view value) {
    const Recent& old = recent_[place];
    const std::size_t hash = old.key.hash();
    recent_[hash % kRecent == place ? hash / kRecent : hash % kRecent] = old;
    recent_[place] = {key, dictionary_.intern(value)};
    return recent_[place].code;
  }

  FixedColumn<std::int32_t> codes_;
  Dictionary dictionary_;
  std::array<Recent, kRecent> recent_{};
  std::int32_t last_ = -1;
};

}  // namespace logforest
