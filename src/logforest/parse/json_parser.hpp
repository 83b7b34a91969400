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
  [[nodiscard]] std::span<const RejectedPart> rejected_parts() const noexcept override {
    return parts_;
  }

 private:
  struct Member {
    FieldKey key;
    const Alias* alias;
  };
  // Keys come in the same order in record after record: each position remembers its key with all
  // that stands before the value, where it stood (context) and what it meant.
  struct Guess {
    static constexpr std::size_t kBytes = 32;
    std::array<char, kBytes> bytes{};
    std::uint32_t mask = 0;    // of the bytes that count; 0: nothing remembered
    std::uint32_t length = 0;  // of the key
    std::uint32_t skip = 0;    // from the key to its value
    const Alias* context = nullptr;
    const Alias* alias = nullptr;
    [[nodiscard]] bool hit(const char* key, const Alias* its_context) const noexcept;
    void learn(const char* key, std::size_t key_length, const char* value, const Alias* its_context,
               const Alias* its_alias) noexcept;
  };

  // All of these take the place where they begin and return the one behind what they read, or
  // nullptr: error_ says why, or that a batch was taken (None).
  LineResult objects(RowBuilder& row, const char* p, bool taken);
  LineResult elements(RowBuilder& row, const char* p);
  LineResult cut_short(std::size_t taken, const char* p);
  const char* record(RowBuilder& row, const char* p);
  const char* members(RowBuilder& row, const char* p, const Alias* context, std::size_t depth);
  const char* key(const char* p, const Alias* context, Member& out);
  const char* new_key(const char* begin, const Alias* context, Guess& guess, Member& out);
  const char* value(RowBuilder& row, const char* p, const Member& member, std::size_t depth);
  const char* text_value(RowBuilder& row, const char* p, const Member& member);
  bool put_text(RowBuilder& row, const Member& member, std::string_view text);
  const char* number_value(RowBuilder& row, const char* p, const Member& member);
  const char* list_value(RowBuilder& row, const char* p, const Member& member, std::size_t depth);
  const char* skip(const char* p, std::size_t depth);
  bool attribute_list(RowBuilder& row, std::string_view list, const Member& member);
  bool byte_list(RowBuilder& row, const Member& member, std::string_view list);
  bool inner_line(RowBuilder& row, std::string_view text);
  // json_batch.cpp
  const char* batch(RowBuilder& row, const char* list);
  const char* batch_object(RowBuilder& row, const char* p, std::size_t depth);
  const char* batch_record(RowBuilder& row, const char* p);
  [[nodiscard]] const Alias* look_up(const Alias* context, std::string_view key) const noexcept;
  const char* fail(Reject why) noexcept {
    error_ = why;
    return nullptr;
  }
  const char* syntax(const char* p) noexcept {
    return fail(p >= end_ ? Reject::Truncated : Reject::InvalidJson);
  }

  const ParseOptions& options_;
  const char* end_ = nullptr;
  Reject error_ = Reject::None;
  std::size_t fields_left_ = 0;
  std::size_t position_ = 0;  // keys seen in this record
  const char* record_begin_ = nullptr;
  const char* batch_end_ = nullptr;
  bool may_be_batch_ = false;  // not looked at yet
  bool in_batch_ = false;      // in a record of a batch: its message may be a line of the program
  std::vector<const char*> context_;  // members around the records of a batch
  bool inside_line_ = false;          // parsing a line that was inside a line
  std::vector<RejectedPart> parts_;
  ByteBuffer scratch_;
  ByteBuffer key_scratch_;
  ByteBuffer inner_;
  std::array<Guess, 64> guesses_{};
};

}  // namespace logforest::parse
