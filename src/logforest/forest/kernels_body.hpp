// Body of one set of kernels. Included once by each kernels_*.cpp, which sets the instruction set by
// its file name; everything here has internal linkage, so no copy can leak into other code.

#include <bit>
#include <cstddef>
#include <cstdint>

#include "logforest/forest/kernels.hpp"

namespace logforest::forest {
namespace {

template <class T>
unsigned load(const T* x, std::size_t cells, float* out) {
  std::uint32_t missing = 0;
  std::uint32_t infinite = 0;
  for (std::size_t i = 0; i < cells; ++i) {
    const auto v = static_cast<float>(x[i]);
    out[i] = v;
    const std::uint32_t magnitude = __builtin_bit_cast(std::uint32_t, v) & 0x7fffffffU;
    missing |= magnitude > 0x7f800000U ? 1U : 0U;
    infinite |= magnitude == 0x7f800000U ? 1U : 0U;
  }
  return missing | (infinite << 1U);
}

unsigned load_double(const double* x, std::size_t cells, float* out) { return load(x, cells, out); }
unsigned load_float(const float* x, std::size_t cells, float* out) { return load(x, cells, out); }

// One step of a walk. Leaves lead to themselves, as their flags are 0.
template <bool Missing>
inline std::uint32_t step(const WalkNode& node, const float* row) {
  const float v = row[node.feature];
  const float t = __builtin_bit_cast(float, node.bits);
  std::uint32_t right = 0;
  if constexpr (Missing) {
    const std::uint32_t absent = (v != v ? 1U : 0U) & ~(node.flags >> 1U);
    right = (v > t ? 1U : 0U) | absent;
  } else {
    right = v > t ? 1U : 0U;
  }
  return node.child + (right & node.flags & 1U);
}

// Lanes walks at once hide the latency of each other's loads.
constexpr std::size_t kLanes = 8;

template <bool Missing>
void walk_rows(const WalkNode* nodes, const std::uint32_t* roots, const std::uint32_t* depths,
               std::size_t trees, const float* x, std::size_t columns, std::uint32_t* sums) {
  for (std::size_t t = 0; t < trees; ++t) {
    std::uint32_t at[kLanes];
    for (std::size_t k = 0; k < kLanes; ++k) at[k] = roots[t];
    for (std::uint32_t depth = depths[t]; depth > 0; --depth) {
      for (std::size_t k = 0; k < kLanes; ++k) {
        at[k] = step<Missing>(nodes[at[k]], x + k * columns);
      }
    }
    for (std::size_t k = 0; k < kLanes; ++k) sums[k] += nodes[at[k]].bits;
  }
}

// A single row: several trees at once instead.
template <bool Missing>
std::uint32_t walk_one(const WalkNode* nodes, const std::uint32_t* roots,
                       const std::uint32_t* depths, std::size_t trees, const float* row) {
  std::uint32_t sum = 0;
  std::size_t t = 0;
  for (; t + kLanes <= trees; t += kLanes) {
    std::uint32_t at[kLanes];
    std::uint32_t deepest = 0;
    for (std::size_t k = 0; k < kLanes; ++k) {
      at[k] = roots[t + k];
      deepest = depths[t + k] > deepest ? depths[t + k] : deepest;
    }
    for (; deepest > 0; --deepest) {
      for (std::size_t k = 0; k < kLanes; ++k) at[k] = step<Missing>(nodes[at[k]], row);
    }
    for (std::size_t k = 0; k < kLanes; ++k) sum += nodes[at[k]].bits;
  }
  for (; t < trees; ++t) {
    std::uint32_t at = roots[t];
    while ((nodes[at].flags & 1U) != 0) at = step<Missing>(nodes[at], row);
    sum += nodes[at].bits;
  }
  return sum;
}

template <bool Missing>
void walk_block(const WalkNode* nodes, const std::uint32_t* roots, const std::uint32_t* depths,
                std::size_t trees, const float* x, std::size_t rows, std::size_t columns,
                std::uint32_t* sums) {
  std::size_t r = 0;
  for (; r + kLanes <= rows; r += kLanes) {
    walk_rows<Missing>(nodes, roots, depths, trees, x + r * columns, columns, sums + r);
  }
  for (; r < rows; ++r) {
    sums[r] += walk_one<Missing>(nodes, roots, depths, trees, x + r * columns);
  }
}

void walk(const WalkNode* nodes, const std::uint32_t* roots, const std::uint32_t* depths,
          std::size_t trees, const float* x, std::size_t rows, std::size_t columns, bool missing,
          std::uint32_t* sums) {
  if (missing) {
    walk_block<true>(nodes, roots, depths, trees, x, rows, columns, sums);
  } else {
    walk_block<false>(nodes, roots, depths, trees, x, rows, columns, sums);
  }
}

}  // namespace
}  // namespace logforest::forest
