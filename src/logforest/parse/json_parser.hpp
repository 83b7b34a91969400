// Private to json*.cpp.
#pragma once

#include <array>
#include <vector>

#include "logforest/parse/json_scan.hpp"
#include "logforest/parse/row_builder.hpp"

namespace logforest::parse {

class JsonParser final : public LineParser {
 public:
  explicit JsonParser(const ParseOptions& options) : options_(options) {}
  LineResult parse_line(std::string_view line, RowBuilder& row) override;

 private:
  struct Member {
    FieldKey key;
    const Alias* alias;
  };
  // Keys come in the same order in record after record: each position remembers its key with the
  // closing quote, where it stood (context) and what it meant.
  struct Guess {
    std::array<char, 16> bytes{};
    unsigned mask = 0;       // of the bytes that count; 0: nothing remembered
    std::size_t length = 0;  // without the quote
    const Alias* context = nullptr;
    const Alias* alias = nullptr;
  };

  LineResult records_of_line(RowBuilder& row);
  Reject record(RowBuilder& row);
  bool members(RowBuilder& row, const Alias* context, std::size_t depth);
  bool key(const Alias* context, Member& out);
  bool value(RowBuilder& row, const Member& member, std::size_t depth);
  bool text_value(RowBuilder& row, const Member& member);
  bool list_value(RowBuilder& row, const Member& member, std::size_t depth);
  bool skip(std::size_t depth);
  bool attribute_list(RowBuilder& row, std::string_view list, const Member& member);
  bool byte_list(RowBuilder& row, const Member& member, std::string_view list);
  bool inner_line(RowBuilder& row, std::string_view text);
  bool batch(RowBuilder& row);  // json_batch.cpp
  void batch_object(RowBuilder& row, const char* p, std::size_t depth);
  void batch_record(RowBuilder& row, const char* p);
  [[nodiscard]] const Alias* look_up(const Alias* context, std::string_view key) const noexcept;
  bool fail(Reject why) noexcept {
    error_ = why;
    return false;
  }
  bool syntax() noexcept { return fail(p_ >= end_ ? Reject::Truncated : Reject::InvalidJson); }

  const ParseOptions& options_;
  const char* p_ = nullptr;
  const char* end_ = nullptr;
  Reject error_ = Reject::None;
  std::size_t fields_left_ = 0;
  std::size_t position_ = 0;  // keys seen in this record
  const char* record_begin_ = nullptr;
  bool may_be_batch_ = false;  // not looked at yet
  bool in_batch_ = false;      // in a record of a batch: its message may be a line of the program
  std::vector<const char*> context_;  // members around the records of a batch
  bool inside_line_ = false;          // parsing a line that was inside a line
  ByteBuffer scratch_;
  ByteBuffer key_scratch_;
  ByteBuffer inner_;
  std::array<Guess, 64> guesses_{};
};

}  // namespace logforest::parse
