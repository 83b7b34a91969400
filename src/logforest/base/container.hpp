// The file format of everything that is saved: magic, kind, version, payload, checksum.
//
//   "LOGFOREST" | u8 container version | u8 length + kind | u32 version | u64 size | payload | u64
//   hash
//
// Integers are little-endian. The checksum covers kind, version and payload. A reader refuses
// anything that is cut, altered, of another kind or newer than it knows; it never reads past the
// end and never allocates more than the payload has bytes for.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "logforest/base/error.hpp"
#include "logforest/base/hash.hpp"

namespace logforest {

class ByteWriter {
 public:
  template <class T>
  requires std::is_arithmetic_v<T>
  void put(T value) {
    static_assert(std::endian::native == std::endian::little);
    out_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void put_text(std::string_view s) {
    put(static_cast<std::uint32_t>(s.size()));
    out_.append(s);
  }
  template <class T>
  requires std::is_arithmetic_v<T>
  void put_array(const T* values, std::size_t n) {
    put(static_cast<std::uint64_t>(n));
    out_.append(reinterpret_cast<const char*>(values), n * sizeof(T));
  }
  [[nodiscard]] const std::string& bytes() const noexcept { return out_; }

 private:
  std::string out_;
};

// Every getter throws ModelError when the data end early.
class ByteReader {
 public:
  explicit ByteReader(std::string_view in) noexcept : in_(in) {}
  template <class T>
  requires std::is_arithmetic_v<T>
  [[nodiscard]] T get() {
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  [[nodiscard]] std::string_view get_text() { return take(get<std::uint32_t>()); }
  [[nodiscard]] bool get_flag() {
    const auto value = get<std::uint8_t>();
    if (value > 1) throw ModelError("the data are malformed: a flag is neither 0 nor 1");
    return value == 1;
  }
  [[nodiscard]] double get_finite() {
    const auto value = get<double>();
    if (!std::isfinite(value)) throw ModelError("the data are malformed: a number is not finite");
    return value;
  }
  // A setting, for which the file need not hold anything.
  [[nodiscard]] std::size_t get_at_most(std::uint64_t most) {
    const auto value = get<std::uint64_t>();
    if (value > most) throw ModelError("the data are malformed: a number is too large");
    return static_cast<std::size_t>(value);
  }
  // A count of things that take at least `each` bytes: refused if they cannot be there.
  [[nodiscard]] std::size_t get_count(std::size_t each) {
    const auto n = get<std::uint64_t>();
    if (n > in_.size() / each) throw ModelError("the data are malformed: a count exceeds the file");
    return static_cast<std::size_t>(n);
  }
  template <class Vector>
  void get_array(Vector& out) {
    using T = typename Vector::value_type;
    const std::size_t n = get_count(sizeof(T));
    out.resize(n);
    const std::string_view raw = take(n * sizeof(T));
    if (n > 0) std::memcpy(out.data(), raw.data(), raw.size());
  }
  void expect_end() const {
    if (!done()) throw ModelError("the data are malformed: there is more than expected");
  }
  [[nodiscard]] bool done() const noexcept { return in_.empty(); }

 private:
  std::string_view take(std::size_t n) {
    if (n > in_.size()) throw ModelError("the data end early");
    const std::string_view out = in_.substr(0, n);
    in_.remove_prefix(n);
    return out;
  }
  std::string_view in_;
};

inline constexpr std::string_view kContainerMagic = "LOGFOREST";

[[nodiscard]] inline std::uint64_t container_checksum(std::string_view kind, std::uint32_t version,
                                                      std::string_view payload) noexcept {
  return hash_bytes(payload, hash_bytes(kind, version));
}

[[nodiscard]] inline std::string seal(std::string_view kind, std::uint32_t version,
                                      std::string_view payload) {
  std::string out(kContainerMagic);
  out.push_back(1);
  out.push_back(static_cast<char>(kind.size()));
  out.append(kind);
  ByteWriter head;
  head.put(version);
  head.put(static_cast<std::uint64_t>(payload.size()));
  out.append(head.bytes());
  out.append(payload);
  ByteWriter tail;
  tail.put(container_checksum(kind, version, payload));
  out.append(tail.bytes());
  return out;
}

struct Opened {
  std::uint32_t version;
  std::string_view payload;  // of the bytes that were opened
};

[[nodiscard]] inline Opened open_sealed(std::string_view bytes, std::string_view kind,
                                        std::uint32_t newest) {
  const std::string what(kind);
  if (!bytes.starts_with(kContainerMagic)) throw ModelError("not a logforest file");
  ByteReader in(bytes.substr(kContainerMagic.size()));
  if (in.get<std::uint8_t>() != 1)
    throw ModelError("written by a newer release: upgrade logforest");
  const std::size_t length = in.get<std::uint8_t>();
  const std::size_t head = kContainerMagic.size() + 2 + length + 12;
  if (bytes.size() < head + 8) throw ModelError("the file is cut short");
  const std::string_view found = bytes.substr(kContainerMagic.size() + 2, length);
  if (found != kind) throw ModelError("the file does not hold a " + what);
  ByteReader rest(bytes.substr(kContainerMagic.size() + 2 + length));
  const auto version = rest.get<std::uint32_t>();
  const auto size = rest.get<std::uint64_t>();
  if (size != bytes.size() - head - 8) throw ModelError("the file is cut short or has grown");
  const std::string_view payload = bytes.substr(head, static_cast<std::size_t>(size));
  ByteReader tail(bytes.substr(bytes.size() - 8));
  if (tail.get<std::uint64_t>() != container_checksum(kind, version, payload)) {
    throw ModelError("the checksum does not match: the file is damaged");
  }
  if (version == 0 || version > newest) {
    throw ModelError("this " + what + " was written by a newer release: upgrade logforest");
  }
  return {version, payload};
}

}  // namespace logforest
