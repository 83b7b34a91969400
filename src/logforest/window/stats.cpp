#include "logforest/window/stats.hpp"

#include <algorithm>
#include <bit>

#include "logforest/base/error.hpp"
#include "logforest/base/hash.hpp"

namespace logforest::window {

namespace {

constexpr char kVersion = 1;
constexpr std::uint64_t kMaxCount = std::uint64_t{1} << 40;  // so that sums of states stay in range

void put_number(std::string& out, UInt128 value) {
  while (value >= 128) {
    out.push_back(static_cast<char>(static_cast<unsigned>(value & 127) | 128U));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

void put_double(std::string& out, double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  for (unsigned i = 0; i < 8; ++i) out.push_back(static_cast<char>(bits >> (8 * i)));
}

[[noreturn]] void damaged(const char* what) {
  throw ConfigError(std::string("window state is damaged: ") + what);
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  [[nodiscard]] bool done() const noexcept { return at_ == bytes_.size(); }
  UInt128 number() {
    UInt128 value = 0;
    for (unsigned shift = 0;; shift += 7) {
      if (at_ == bytes_.size()) damaged("it ends early");
      const auto byte = static_cast<unsigned char>(bytes_[at_++]);
      const UInt128 part = byte & 127U;
      if (shift > 126 || (shift == 126 && part > 3)) damaged("number too large");
      value |= part << shift;
      if (byte < 128) return value;
    }
  }
  std::uint64_t small() {
    const UInt128 value = number();
    if (value >> 63 != 0) damaged("number too large");
    return static_cast<std::uint64_t>(value);
  }
  double real() {
    if (bytes_.size() - at_ < 8) damaged("it ends early");
    const std::uint64_t bits = load_le64(bytes_.data() + at_);
    at_ += 8;
    return std::bit_cast<double>(bits);
  }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
};

}  // namespace

void Stats::merge(const Stats& other) {
  count_ += other.count_;
  sum_ += other.sum_;
  add_squares(other.sumsq_);
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  sketch_.merge(other.sketch_);
}

double Stats::sum() const noexcept { return static_cast<double>(sum_) / kScale; }

double Stats::sum_of_squares() const noexcept {
  return static_cast<double>(sumsq_) / (kScale * kScale);
}

double Stats::mean() const noexcept {
  return static_cast<double>(sum_) / static_cast<double>(count_) / kScale;
}

double Stats::quantile(double q) const noexcept {
  return std::clamp(sketch_.quantile(q, static_cast<std::uint64_t>(count_)), min_, max_);
}

double Stats::stddev() const noexcept {
  const auto n = static_cast<UInt128>(count_);
  const UInt128 magnitude = sum_ < 0 ? -static_cast<UInt128>(sum_) : static_cast<UInt128>(sum_);
  UInt128 squares = 0;
  UInt128 square_of_sum = 0;
  double spread = 0;  // n * sumsq - sum^2
  if (!__builtin_mul_overflow(n, sumsq_, &squares) &&
      !__builtin_mul_overflow(magnitude, magnitude, &square_of_sum)) {
    spread = static_cast<double>(squares - square_of_sum);
  } else {
    const auto total = static_cast<double>(sum_);
    spread = std::max(0.0, static_cast<double>(n) * static_cast<double>(sumsq_) - total * total);
  }
  const auto count = static_cast<double>(count_);
  return std::sqrt(spread / count / (count - 1)) / kScale;
}

void Stats::serialise(std::string& out) const {
  out.push_back(kVersion);
  put_number(out, static_cast<UInt128>(count_));
  if (count_ == 0) return;
  const auto sign = static_cast<UInt128>(sum_ >> 127);  // zigzag
  put_number(out, (static_cast<UInt128>(sum_) << 1) ^ sign);
  put_number(out, sumsq_);
  put_double(out, min_);
  put_double(out, max_);
  std::uint32_t next = 0;
  sketch_.for_each([&](std::uint32_t bin, std::uint64_t n) {
    put_number(out, bin - next);
    put_number(out, n);
    next = bin + 1;
  });
}

Stats Stats::parse(std::string_view bytes) {
  Stats s;
  if (bytes.empty()) return s;
  if (bytes.front() != kVersion) damaged("unknown version");
  Reader in(bytes.substr(1));
  const std::uint64_t count = in.small();
  s.count_ = static_cast<std::int64_t>(count);
  if (count == 0) {
    if (!in.done()) damaged("bytes left over");
    return s;
  }
  if (count > kMaxCount) damaged("number too large");
  const UInt128 zigzag = in.number();
  s.sum_ = static_cast<Int128>((zigzag >> 1) ^ (~(zigzag & 1) + 1));
  const auto most = static_cast<Int128>(count) << 51;
  if (s.sum_ > most || s.sum_ < -most) damaged("sum out of range");
  s.sumsq_ = in.number();
  s.min_ = in.real();
  s.max_ = in.real();
  if (!(s.min_ <= s.max_) || std::isinf(s.min_) || std::isinf(s.max_)) damaged("minimum, maximum");
  std::uint64_t bin = 0;
  std::uint64_t left = count;
  while (left > 0) {
    const std::uint64_t gap = in.small();
    const std::uint64_t n = in.small();
    if (gap >= Sketch::kBins - bin) damaged("bin out of range");
    bin += gap;
    if (n == 0 || n > left) damaged("counts do not add up");
    s.sketch_.add_bin(static_cast<std::uint32_t>(bin), n);
    left -= n;
    ++bin;
    if (bin == Sketch::kBins && left > 0) damaged("counts do not add up");
  }
  if (!in.done()) damaged("bytes left over");
  return s;
}

}  // namespace logforest::window
