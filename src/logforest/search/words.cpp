#include "logforest/search/words.hpp"

#include <algorithm>
#include <array>
#include <bit>

#include "logforest/base/hash.hpp"
#include "logforest/search/find_in.hpp"

namespace logforest::search {

namespace {
constexpr std::size_t kMostWords = 0xff00 - kFirstWordCode;
constexpr std::size_t kLeastSlots = 1024;

constexpr auto kLetters = [] {
  std::array<bool, 256> letters{};
  for (std::size_t c = 'a'; c <= 'z'; ++c) letters[c] = true;
  for (std::size_t c = 0x80; c < 256; ++c) letters[c] = true;
  return letters;
}();
bool is_letter(char c) noexcept { return kLetters[static_cast<unsigned char>(c)]; }

// f(begin, size) for each run of letters.
template <class F>
void each_word(std::string_view text, F&& f) {
  for (std::size_t at = 0; at < text.size();) {
    if (!is_letter(text[at])) {
      ++at;
      continue;
    }
    std::size_t end = at + 1;
    while (end < text.size() && is_letter(text[end])) ++end;
    f(at, end - at);
    at = end;
  }
}
}  // namespace

// --- building -------------------------------------------------------------------------------

std::uint32_t WordSplitter::word_at(std::string_view texts, std::size_t begin, std::size_t size) {
  if (words_.size() * 2 >= word_slots_.size()) {
    word_slots_.assign(std::max(kLeastSlots, word_slots_.size() * 2), 0);
    for (std::uint32_t n = 0; n < words_.size(); ++n) {
      const auto hash = hash_bytes(texts.substr(words_[n].begin, words_[n].size));
      std::size_t at = hash & (word_slots_.size() - 1);
      while (word_slots_[at] != 0) at = (at + 1) & (word_slots_.size() - 1);
      word_slots_[at] = n + 1;
    }
  }
  const std::string_view word = texts.substr(begin, size);
  const std::size_t mask = word_slots_.size() - 1;
  for (std::size_t at = hash_bytes(word) & mask;; at = (at + 1) & mask) {
    if (word_slots_[at] == 0) {
      words_.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(size), 0, 0});
      return (word_slots_[at] = static_cast<std::uint32_t>(words_.size())) - 1;
    }
    const Word& known = words_[word_slots_[at] - 1];
    if (texts.substr(known.begin, known.size) == word) return word_slots_[at] - 1;
  }
}

void WordSplitter::name_rare_words(std::string_view texts, std::size_t common) {
  rare_.clear();
  std::size_t named = 0;
  for (Word& word : words_) {
    if (word.records >= common || named == kMostWords) continue;
    word.code = static_cast<NumberCode>(kFirstWordCode + named++);
    rare_.append(texts.substr(word.begin, word.size));
    rare_.push_back('\0');
  }
}

// Appends a text and its marks; it is taken back if it is there already.
void WordSplitter::put_text(std::string_view text, std::size_t offset,
                            std::span<const Token> tokens) {
  const std::size_t begin = out_.size();
  const auto copy = [&](std::size_t from, std::size_t to) {
    for (const char c : text.substr(from, to - from)) {
      if (c == kShortNumber) marks_.push_back(kNumberHere);
      out_.push_back(c);
    }
  };
  std::size_t done = 0;
  for (const Token& token : tokens) {
    const Word& word = words_[token.word];
    if (word.code == 0) continue;
    copy(done, token.begin - offset);
    out_.push_back(kRareWord);
    marks_.push_back(word.code);
    done = token.begin - offset + word.size;
  }
  copy(done, text.size());
  out_.push_back('\0');

  const std::string_view made = std::string_view(out_).substr(begin);
  const std::size_t mask = text_slots_.size() - 1;
  std::size_t at = hash_bytes(made) & mask;
  for (; text_slots_[at] != 0; at = (at + 1) & mask) {
    const std::uint32_t known = text_slots_[at] - 1;
    const std::size_t end = known + 1 < out_begins_.size() ? out_begins_[known + 1] : begin;
    if (std::string_view(out_).substr(out_begins_[known], end - out_begins_[known]) == made) {
      text_of_.push_back(static_cast<std::uint16_t>(known));
      out_.resize(begin);
      return;
    }
  }
  text_of_.push_back(static_cast<std::uint16_t>(out_begins_.size()));
  out_begins_.push_back(static_cast<std::uint32_t>(begin));
  text_slots_[at] = static_cast<std::uint32_t>(out_begins_.size());
}

void WordSplitter::split(std::string_view texts, std::span<const std::uint32_t> begins,
                         std::span<const std::uint32_t> having, std::size_t common) {
  words_.clear();
  std::ranges::fill(word_slots_, 0);
  tokens_.clear();
  token_begins_.clear();
  const auto text_at = [&](std::size_t i) {
    const std::size_t end = i + 1 < begins.size() ? begins[i + 1] : texts.size();
    return texts.substr(begins[i], end - begins[i] - 1);
  };
  for (std::size_t i = 0; i < begins.size(); ++i) {
    token_begins_.push_back(static_cast<std::uint32_t>(tokens_.size()));
    each_word(text_at(i), [&](std::size_t at, std::size_t size) {
      if (size < kLeastLetters) return;
      const std::uint32_t word = word_at(texts, begins[i] + at, size);
      words_[word].records += having[i];
      tokens_.push_back({static_cast<std::uint32_t>(begins[i] + at), word});
    });
  }
  token_begins_.push_back(static_cast<std::uint32_t>(tokens_.size()));
  name_rare_words(texts, common);

  text_slots_.assign(std::bit_ceil(std::max<std::size_t>(begins.size(), 32) * 2), 0);
  out_.clear();
  out_begins_.clear();
  text_of_.clear();
  marks_.clear();
  mark_begins_.clear();
  for (std::size_t i = 0; i < begins.size(); ++i) {
    mark_begins_.push_back(static_cast<std::uint32_t>(marks_.size()));
    put_text(text_at(i), begins[i],
             std::span(tokens_).subspan(token_begins_[i], token_begins_[i + 1] - token_begins_[i]));
  }
  mark_begins_.push_back(static_cast<std::uint32_t>(marks_.size()));
}

// --- searching ------------------------------------------------------------------------------

bool Mark::fits(std::size_t code) const noexcept {
  if (numbers != nullptr) return code >= kNumberCodes || numbers->test(code);
  return code < kFirstWordCode || std::ranges::binary_search(words, static_cast<NumberCode>(code));
}

Pattern::Pattern(Spelling spelling) : spelling_(std::move(spelling)) {
  const std::size_t end = spelling_.text.size();
  each_word(spelling_.text, [&](std::size_t at, std::size_t size) {
    words_.push_back({at, size, at == 0, at + size == end});
  });
}

namespace {
// Codes of the rare words that begin, end, are or hold a piece.
std::vector<NumberCode> codes_of(std::string_view words, std::string_view piece, bool cut_before,
                                 bool cut_after) {
  std::string needle;
  if (!cut_before) needle.push_back('\0');
  needle.append(piece);
  if (!cut_after) needle.push_back('\0');
  std::vector<NumberCode> out;
  std::size_t code = kFirstWordCode;
  std::size_t counted = 0;
  const auto found = [&](std::size_t at) {  // the byte of the piece, or before it
    code +=
        static_cast<std::size_t>(std::count(words.begin() + static_cast<std::ptrdiff_t>(counted),
                                            words.begin() + static_cast<std::ptrdiff_t>(at), '\0'));
    counted = at;
    if (out.empty() || out.back() != code) out.push_back(static_cast<NumberCode>(code));
  };
  if (!cut_before && words.starts_with(std::string_view(needle).substr(1))) found(0);
  for (std::size_t at = find_in(words, needle, 0); at != std::string_view::npos;
       at = find_in(words, needle, at + 1)) {
    found(cut_before ? at : at + 1);
  }
  return out;
}
// Whether a word stands in the texts: then it is not rare.
bool is_common(std::string_view texts, std::string_view word) noexcept {
  for (std::size_t at = find_in(texts, word, 0); at != std::string_view::npos;
       at = find_in(texts, word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || !is_letter(texts[at - 1])) && (end == texts.size() || !is_letter(texts[end])))
      return true;
  }
  return false;
}
}  // namespace

void Pattern::wordings(std::string_view words, std::string_view texts,
                       std::vector<Wording>& out) const {
  // How each word can stand there: as it is, by a mark, or either.
  struct Ways {
    bool literal;
    std::vector<NumberCode> codes;
  };
  std::vector<Ways> ways;
  std::size_t choices = 1;
  for (const Word& word : words_) {
    const bool cut = word.cut_before || word.cut_after;
    const std::string_view piece = std::string_view(spelling_.text).substr(word.begin, word.size);
    std::vector<NumberCode> codes;
    if (cut || (word.size >= kLeastLetters && !is_common(texts, piece)))
      codes = codes_of(words, piece, word.cut_before, word.cut_after);
    const bool literal = cut || codes.empty();
    if (literal && !codes.empty()) choices *= 2;
    ways.push_back({literal, std::move(codes)});
  }
  for (std::size_t choice = 0; choice < choices; ++choice) {
    Wording wording;
    std::size_t rest = choice;
    std::size_t done = 0;
    std::size_t number = 0;
    const auto copy = [&](std::size_t to) {
      for (; done < to; ++done) {
        const char c = spelling_.text[done];
        if (c == kShortNumber) wording.marks.push_back({&spelling_.codes[number++], {}});
        wording.text.push_back(c);
      }
    };
    for (std::size_t i = 0; i < words_.size(); ++i) {
      bool by_mark = !ways[i].literal;
      if (ways[i].literal && !ways[i].codes.empty()) {
        by_mark = (rest & 1) != 0;
        rest >>= 1;
      }
      if (!by_mark) continue;
      copy(words_[i].begin);
      wording.text.push_back(kRareWord);
      wording.marks.push_back({nullptr, ways[i].codes});
      done += words_[i].size;
    }
    copy(spelling_.text.size());
    out.push_back(std::move(wording));
  }
}

}  // namespace logforest::search
