// Texts without their rare words, and the words apart.
//
// Names and free text make messages differ once numbers are gone (numbers.hpp). A run of letters
// is a word; in the texts of a segment one byte stands for each word that few of its records have,
// and what is left are mostly the templates that the messages were made from. Within a segment a
// word is always apart or never. (Texts are folded; bytes outside of ASCII count as letters.)
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "logforest/search/numbers.hpp"

namespace logforest::search {

inline constexpr char kRareWord = '\x03';
inline constexpr std::size_t kLeastLetters = 2;  // of a word that is apart
inline constexpr NumberCode kFirstWordCode = kNumberCodes;

// Splits the texts of one segment after another.
class WordSplitter {
 public:
  // texts: distinct, without numbers, each ended by NUL, text i from begins[i]; `having[i]` records
  // have it. Words are rare in fewer than `common` records.
  void split(std::string_view texts, std::span<const std::uint32_t> begins,
             std::span<const std::uint32_t> having, std::size_t common);

  // Of the last split.
  [[nodiscard]] const std::string& words() const noexcept { return rare_; }
  [[nodiscard]] const std::string& texts() const noexcept { return out_; }
  [[nodiscard]] std::size_t size() const noexcept { return out_begins_.size(); }  // of texts()
  // Which of texts() the text i became, and what stands at its marks: codes of words, or
  // kNumberHere.
  [[nodiscard]] std::uint16_t text_of(std::size_t i) const noexcept { return text_of_[i]; }
  [[nodiscard]] std::span<const NumberCode> marks_of(std::size_t i) const noexcept {
    return std::span(marks_).subspan(mark_begins_[i], mark_begins_[i + 1] - mark_begins_[i]);
  }
  static constexpr NumberCode kNumberHere = 0xffff;

 private:
  struct Word {
    std::uint32_t begin;
    std::uint32_t size;
    std::uint32_t records;
    NumberCode code;
  };
  struct Token {
    std::uint32_t begin;
    std::uint32_t word;
  };
  [[nodiscard]] std::uint32_t word_at(std::string_view texts, std::size_t begin, std::size_t size);
  void name_rare_words(std::string_view texts, std::size_t common);
  void put_text(std::string_view text, std::size_t offset, std::span<const Token> tokens);

  std::vector<Word> words_;
  std::vector<std::uint32_t> word_slots_;  // number + 1 by hash
  std::vector<Token> tokens_;
  std::vector<std::uint32_t> token_begins_;  // of each text
  std::vector<std::uint32_t> text_slots_;
  std::vector<std::uint32_t> out_begins_;
  std::string rare_;
  std::string out_;
  std::vector<std::uint16_t> text_of_;
  std::vector<NumberCode> marks_;
  std::vector<std::uint32_t> mark_begins_;
};

// What may stand at a mark: a number with one of the codes, or one of the words (ascending).
struct Mark {
  const std::bitset<kNumberCodes>* numbers;  // null: a word
  std::vector<NumberCode> words;
  [[nodiscard]] bool fits(std::size_t code) const noexcept;
};
// What a text that holds a term can hold in a segment with certain rare words.
struct Wording {
  std::string text;
  std::vector<Mark> marks;
};

// A spelling of a term, cut into words: its first and last word may have been cut out of longer
// ones.
class Pattern {
 public:
  explicit Pattern(Spelling spelling);
  // Its wordings in a segment with these rare words and texts (each ended by NUL). They point into
  // the pattern.
  void wordings(std::string_view words, std::string_view texts, std::vector<Wording>& out) const;
  [[nodiscard]] const std::string& text() const noexcept { return spelling_.text; }

 private:
  struct Word {
    std::size_t begin;
    std::size_t size;
    bool cut_before;
    bool cut_after;
  };
  Spelling spelling_;
  std::vector<Word> words_;
};

}  // namespace logforest::search
