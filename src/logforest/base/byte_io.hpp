// Small binary files of our own: magic, little-endian fields in a fixed order, checksum. The reader
// trusts nothing: every length is checked against what is left, every number for being finite.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "logforest/base/error.hpp"
#include "logforest/base/hash.hpp"

namespace logforest {

static_assert(std::endian::native == std::endian::little, "files are little-endian");

class StateWriter {
 public:
  explicit StateWriter(std::string_view magic) : bytes_(magic) {}
  template <class T>
  void number(T value) {
    char raw[sizeof(T)];
    std::memcpy(raw, &value, sizeof(T));
    bytes_.append(raw, sizeof(T));
  }
  void text(std::string_view value) {
    number(static_cast<std::uint64_t>(value.size()));
    bytes_.append(value);
  }
  // Adds the checksum; the writer is empty afterwards.
  [[nodiscard]] std::string finish() {
    number(hash_bytes(bytes_));
    return std::move(bytes_);
  }

 private:
  std::string bytes_;
};

// Throws ModelError, naming `what`, on anything that StateWriter did not write.
class StateReader {
 public:
  StateReader(std::string_view bytes, std::string_view magic, std::string what)
      : what_(std::move(what)) {
    constexpr std::size_t kTail = sizeof(std::uint64_t);
    if (bytes.size() < magic.size() + kTail || bytes.substr(0, magic.size()) != magic) {
      throw ModelError("not a " + what_ + " (or of another version)");
    }
    rest_ = bytes.substr(0, bytes.size() - kTail);
    if (load_le64(bytes.data() + rest_.size()) != hash_bytes(rest_)) {
      fail("the checksum does not match");
    }
    rest_.remove_prefix(magic.size());
  }
  template <class T>
  [[nodiscard]] T number() {
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }
  [[nodiscard]] bool flag() {
    const auto value = number<std::uint8_t>();
    if (value > 1) fail("a flag is neither 0 nor 1");
    return value == 1;
  }
  [[nodiscard]] double finite() {
    const auto value = number<double>();
    if (!std::isfinite(value)) fail("a number is not finite");
    return value;
  }
  [[nodiscard]] std::size_t count(std::uint64_t most) {
    const auto value = number<std::uint64_t>();
    if (value > most) fail("a count is too large");
    return static_cast<std::size_t>(value);
  }
  [[nodiscard]] std::string_view text() { return take(count(rest_.size())); }
  void expect_end() const {
    if (!rest_.empty()) fail("there is more than expected");
  }
  [[noreturn]] void fail(const char* why) const { throw ModelError(what_ + ": " + why); }

 private:
  std::string_view take(std::size_t n) {
    if (n > rest_.size()) fail("it ends too early");
    const std::string_view part = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return part;
  }
  std::string what_;
  std::string_view rest_;
};

}  // namespace logforest
