// The values of a table's row (w3c_table.cpp, csv_table.cpp).
#pragma once

#include <cstddef>
#include <string_view>

#include "logforest/base/byte_buffer.hpp"
#include "logforest/parse/scan.hpp"

namespace logforest::parse {

// Cuts a row: by tabs, by commas or by runs of blanks; a value may be quoted ("" is a quote).
class TableValues {
 public:
  TableValues(std::string_view line, char separator) noexcept
      : rest_(line), separator_(separator) {}

  bool next(std::string_view& value, ByteBuffer& scratch) {
    if (separator_ == ' ') rest_.remove_prefix(scan::skip_blanks(rest_, 0));
    if (done_ || (separator_ == ' ' && rest_.empty())) return false;
    std::size_t end = 0;
    if (!rest_.starts_with('"') || !quoted(value, end, scratch)) {
      end = separator_ == ' ' ? rest_.find_first_of(" \t") : scan::find(rest_, separator_);
      value = rest_.substr(0, end);
    }
    if (end == std::string_view::npos) {
      done_ = true;
      rest_ = {};
    } else {
      rest_.remove_prefix(end + 1);
    }
    return true;
  }
  [[nodiscard]] std::string_view rest() const noexcept { return rest_; }
  [[nodiscard]] bool at_end() noexcept {
    return separator_ == ' ' ? scan::skip_blanks(rest_, 0) == rest_.size() : done_;
  }

 private:
  bool quoted(std::string_view& value, std::size_t& end, ByteBuffer& scratch) {
    bool doubled = false;
    std::size_t at = 1;
    for (;; ++at) {
      at = scan::find(rest_, '"', at);
      if (at == std::string_view::npos) return false;
      if (at + 1 < rest_.size() && rest_[at + 1] == '"') {
        doubled = true;
        ++at;
        continue;
      }
      break;
    }
    end = at + 1;
    if (end == rest_.size()) {
      end = std::string_view::npos;
    } else if (rest_[end] != separator_ && !(separator_ == ' ' && rest_[end] == '\t')) {
      return false;
    }
    value = rest_.substr(1, at - 1);
    if (!doubled) return true;
    const std::size_t begin = scratch.size();
    for (std::size_t i = 0; i < value.size(); ++i) {
      scratch.push(value[i]);
      if (value[i] == '"') ++i;
    }
    value = scratch.view().substr(begin);
    return true;
  }

  std::string_view rest_;
  char separator_;
  bool done_ = false;
};

}  // namespace logforest::parse
