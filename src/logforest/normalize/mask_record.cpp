// Masking of JSON texts, of the columns of a batch and of rejected lines.
#include <algorithm>

#include "logforest/base/utf8.hpp"
#include "logforest/normalize/chars.hpp"
#include "logforest/normalize/mask.hpp"
#include "logforest/normalize/mask_match.hpp"
#include "logforest/normalize/replace.hpp"
#include "logforest/normalize/secrets.hpp"
#include "logforest/parse/json_scan.hpp"

namespace logforest::normalize {

namespace {

// The content of a JSON string that still ends where it did: no bare quote, no half escape.
bool sound(std::string_view content) noexcept {
  for (std::size_t i = 0; i < content.size(); ++i) {
    if (content[i] == '"') return false;
    if (content[i] == '\\' && ++i == content.size()) return false;
  }
  return true;
}

bool escapes_are_valid(std::string_view content) noexcept {
  for (std::size_t i = content.find('\\'); i < content.size(); i = content.find('\\', i + 2)) {
    if (i + 1 == content.size()) return false;
    if (content[i + 1] == 'u') {
      if (i + 6 > content.size()) return false;
      for (std::size_t k = i + 2; k < i + 6; ++k) {
        if (!is(content[k], kHex)) return false;
      }
    } else if (std::string_view("\"\\/bfnrt").find(content[i + 1]) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

bool all_digits(std::string_view s) noexcept {
  return std::all_of(s.begin(), s.end(), [](char c) { return is(c, kDigit); });
}

bool is_cookie(SecretName name) noexcept {
  return name == SecretName::Cookie || name == SecretName::SetCookie;
}

// Walks a JSON text token by token; no recursion, so depth costs nothing.
class JsonMask {
 public:
  JsonMask(const Masker& masker, std::string_view json) : masker_(masker), s_(json) {}

  bool run(std::string& out) {
    out.clear();
    std::size_t i = 0;
    while (i < s_.size()) {
      const char c = s_[i];
      if (c == '"') {
        i = text(i, out);
        continue;
      }
      if (c == '{' || c == '[') {
        ++depth_;
        if (pending_ && secret_depth_ == 0) secret_depth_ = depth_;
        pending_ = false;
      } else if (c == '}' || c == ']') {
        if (depth_ == secret_depth_) secret_depth_ = 0;
        if (depth_ > 0) --depth_;
        pending_ = false;
      } else if (c == ',') {
        pending_ = false;
      } else if (c == '-' || is(c, kDigit)) {
        i = number(i, out);
        continue;
      }
      out.push_back(c);
      ++i;
    }
    return changed_;
  }

 private:
  std::size_t text(std::size_t open, std::string& out) {
    std::size_t close = open + 1;
    while (close < s_.size() && s_[close] != '"') close += s_[close] == '\\' ? 2 : 1;
    close = std::min(close, s_.size());
    const std::string_view content = s_.substr(open + 1, close - open - 1);
    std::size_t next = close + 1;
    while (next < s_.size() && is(s_[next], kSpace)) ++next;
    const bool key = next < s_.size() && s_[next] == ':';
    out.push_back('"');
    if (!key && secret() && !is_no_secret(content)) {
      out += token_ ? "<TOKEN>" : "<PASSWORD>";
      changed_ = true;
    } else if (content.find('\\') != std::string_view::npos && escapes_are_valid(content)) {
      decoded(content, out);
    } else if (!(id_ && !key && all_digits(content)) && masker_.mask(content, scratch_)) {
      out += sound(scratch_) ? std::string_view(scratch_) : std::string_view("<MASKED>");
      changed_ = true;
    } else {
      out += content;
    }
    if (close < s_.size()) out.push_back('"');
    if (key) id_ = is_id_name(content);
    if (key && secret_depth_ == 0) {
      const SecretName name = secret_name(content);
      pending_ = name != SecretName::None && !(is_cookie(name) && !quoted_next(next + 1));
      if (pending_) token_ = name != SecretName::Password;
      if (pending_) pending_ = token_ ? masker_.rules().token : masker_.rules().password;
    }
    return close + 1;
  }

  // Escapes hide what is to be found, and may be cut by a mask: the text itself is searched.
  void decoded(std::string_view content, std::string& out) {
    bytes_.clear();
    const std::string_view text = parse::json::unescape(content, bytes_);
    if (!masker_.mask(text, scratch_)) {
      out += content;
      return;
    }
    changed_ = true;
    if (!valid_utf8(scratch_)) {
      out += "<MASKED>";
      return;
    }
    bytes_.clear();
    append_json_string(bytes_, scratch_);
    out.append(bytes_.data() + 1, bytes_.size() - 2);
  }

  // "cookies": 3 is a number of cookies.
  [[nodiscard]] bool quoted_next(std::size_t i) const noexcept {
    while (i < s_.size() && is(s_[i], kSpace)) ++i;
    return i < s_.size() && (s_[i] == '"' || s_[i] == '{' || s_[i] == '[');
  }

  std::size_t number(std::size_t begin, std::string& out) {
    std::size_t end = begin;
    while (end < s_.size() &&
           (is(s_[end], kAlpha | kDigit) || s_[end] == '-' || s_[end] == '+' || s_[end] == '.'))
      ++end;
    const std::string_view value = s_.substr(begin, end - begin);
    if (secret()) {
      out += token_ ? "\"<TOKEN>\"" : "\"<PASSWORD>\"";
      changed_ = true;
    } else if (!id_ && masker_.mask(value, scratch_)) {
      out.append("\"").append(scratch_).append("\"");
      changed_ = true;
    } else {
      out += value;
    }
    return end;
  }

  [[nodiscard]] bool secret() const noexcept { return pending_ || secret_depth_ != 0; }

  const Masker& masker_;
  std::string_view s_;
  std::string scratch_;
  ByteBuffer bytes_;
  std::size_t depth_ = 0;
  std::size_t secret_depth_ = 0;  // where the value of a secret key began
  bool pending_ = false;          // the last key was a secret's
  bool token_ = false;
  bool id_ = false;  // the last key names a number of a machine
  bool changed_ = false;
};

// f(row, value, out) -> changed. The column is rebuilt only if a value changes; until all rows are
// done it is as it was.
template <class F>
void rewrite(Utf8Column& column, const F& f) {
  std::string out;
  const std::size_t rows = column.size();
  std::size_t row = 0;
  while (row < rows && !(column.is_valid(row) && f(row, column[row], out))) ++row;
  if (row == rows) return;
  Utf8Column changed;
  for (std::size_t r = 0; r < row; ++r) {
    if (column.is_valid(r)) changed.set(r, column[r]);
  }
  changed.set(row, out);
  for (std::size_t r = row + 1; r < rows; ++r) {
    if (column.is_valid(r))
      changed.set(r, f(r, column[r], out) ? std::string_view(out) : column[r]);
  }
  changed.finish(rows);
  column = std::move(changed);
}

// Whether a text is the last line of a private key whose lines became records: the lines around it
// tell, for it may be as short as a word. What is not in sight at an end of the column counts as
// seen, but not on both sides.
bool ends_private_key(const Utf8Column& column, std::size_t row) {
  const std::string_view text = column[row];
  if (text.empty() || text.size() > 76 || text.size() % 4 != 0) return false;
  const bool followed = row + 1 < column.size();
  if (followed && !(column.is_valid(row + 1) && closes_private_key(column[row + 1]))) return false;
  if (row == 0) return followed && is_base64(text);
  return column.is_valid(row - 1) &&
         (is_key_line(column[row - 1]) || opens_private_key(column[row - 1])) && is_base64(text);
}

}  // namespace

bool Masker::mask_json(std::string_view json, std::string& out) const {
  // Whatever is to be masked in JSON shows in its text too, escapes aside; most texts end here.
  std::string scratch;
  const bool escapes = json.find('\\') != std::string_view::npos;
  return (escapes || mask(json, scratch)) && JsonMask(*this, json).run(out);
}

void Masker::mask(RecordBatch& batch) const {
  const auto text = [this](std::size_t, std::string_view value, std::string& out) {
    return mask(value, out);
  };
  mask_lines(batch.message);
  rewrite(batch.endpoint, text);
  rewrite(batch.metadata, [this](std::size_t, std::string_view value, std::string& out) {
    return mask_json(value, out);
  });
  rewrite(batch.ip_address, text);
  if (!rules_.user_id) {
    rewrite(batch.user_id, text);
    return;
  }
  rewrite(batch.user_id, [this](std::size_t, std::string_view value, std::string& out) {
    if (is_no_secret(value)) return false;
    out.clear();
    append_replacement(rules_, Kind::User, value, out);
    return true;
  });
}

void Masker::mask(RejectTable& rejects) const { mask_lines(rejects.text); }

void Masker::mask_lines(Utf8Column& column) const {
  rewrite(column, [this, &column](std::size_t row, std::string_view value, std::string& out) {
    if (!rules_.token || !ends_private_key(column, row)) return mask(value, out);
    out.clear();
    append_replacement(rules_, Kind::Token, value, out);
    return true;
  });
}

}  // namespace logforest::normalize
