// Messages from Python as views, without copying where the source allows: a list or tuple of str,
// an Arrow stream of strings, or the message column of a LogBatch. Made and destroyed with the GIL
// held; the views may be read without it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "arrow_capsule.hpp"

namespace logforest::bindings {

class TextInput {
 public:
  explicit TextInput(const py::object& source);
  TextInput(const TextInput&) = delete;
  TextInput& operator=(const TextInput&) = delete;
  ~TextInput();

  [[nodiscard]] std::span<const std::string_view> views() const noexcept { return views_; }
  // Timestamps of a LogBatch, microseconds; empty otherwise.
  [[nodiscard]] std::span<const std::int64_t> times() const noexcept { return times_; }

 private:
  void from_sequence(const py::object& source);
  void from_stream(const py::object& source);
  void from_batch(const py::object& source);

  std::vector<std::string_view> views_;
  std::vector<std::int64_t> times_;
  std::vector<ArrowArray> arrays_;
  py::object owner_;
};

}  // namespace logforest::bindings
