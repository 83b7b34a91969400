// STRUCTURED-DATA of RFC 5424 section 6.3, checked and written as JSON in one pass:
// [id name="value"] becomes "id":{"name":"value"}.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "logforest/base/byte_buffer.hpp"
#include "logforest/parse/row_builder.hpp"

namespace logforest::parse {

class StructuredData {
 public:
  // From the first '[' at `p` to behind the last ']'. Members go to the row's metadata; on a fault
  // it returns false, and the row is to be abandoned. Padding is behind `end` (LineParser).
  [[nodiscard]] bool write(const char*& p, const char* end, RowBuilder& row);

 private:
  struct Parameter {
    std::string_view name, value;
  };
  [[nodiscard]] bool known(std::string_view name) noexcept;
  bool rare_element(std::string_view id, const char*& p, const char* end, RowBuilder& row);
  void rare_members(std::string_view body);
  void append_value(std::string_view value);

  std::array<std::string_view, 16> names_;  // of the element's parameters so far
  std::size_t count_ = 0;
  std::vector<Parameter> parameters_;
  ByteBuffer json_;
  ByteBuffer text_;
};

}  // namespace logforest::parse
