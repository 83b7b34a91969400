// Body of one set of kernels. Included once by each kernels_*.cpp, which defines
// LOGFOREST_VECTOR_BYTES; the build sets the instruction set by the file's name. Everything here
// has internal linkage and no library code is used, so no copy can leak into other translation
// units.
// NOLINTBEGIN(misc-definitions-in-headers)
#include <cstddef>
#include <cstdint>

#include "logforest/forest/kernels.hpp"

namespace logforest::forest {
namespace {

// -- casting --

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

using Four __attribute__((vector_size(16), may_alias)) = float;

// to[f * kBlockRows + k] = tile[k * stride + f] for 4 rows and 4 columns.
inline void transpose_4x4(const float* tile, std::size_t stride, float* to) {
  const auto row = [&](std::size_t k) { return *reinterpret_cast<const Four*>(tile + k * stride); };
  const auto column = [&](std::size_t f) { return reinterpret_cast<Four*>(to + f * kBlockRows); };
  const Four low01 = __builtin_shufflevector(row(0), row(1), 0, 4, 1, 5);
  const Four high01 = __builtin_shufflevector(row(0), row(1), 2, 6, 3, 7);
  const Four low23 = __builtin_shufflevector(row(2), row(3), 0, 4, 1, 5);
  const Four high23 = __builtin_shufflevector(row(2), row(3), 2, 6, 3, 7);
  *column(0) = __builtin_shufflevector(low01, low23, 0, 1, 4, 5);
  *column(1) = __builtin_shufflevector(low01, low23, 2, 3, 6, 7);
  *column(2) = __builtin_shufflevector(high01, high23, 0, 1, 4, 5);
  *column(3) = __builtin_shufflevector(high01, high23, 2, 3, 6, 7);
}

template <class T>
unsigned transpose(const T* x, std::size_t rows, std::size_t columns, float* out) {
  constexpr std::size_t kRows = 16;
  constexpr std::size_t kColumns = 64;
  alignas(64) float tile[kRows * kColumns] = {};
  unsigned found = 0;
  for (std::size_t r = 0; r < rows; r += kRows) {
    const std::size_t height = rows - r < kRows ? rows - r : kRows;
    for (std::size_t c = 0; c < columns; c += kColumns) {
      const std::size_t width = columns - c < kColumns ? columns - c : kColumns;
      for (std::size_t k = 0; k < height; ++k) {
        found |= load(x + (r + k) * columns + c, width, tile + k * kColumns);
      }
      float* const to = out + c * kBlockRows + r;
      std::size_t f = 0;
      for (; f + 4 <= width; f += 4) {
        for (std::size_t k = 0; k < kRows; k += 4) {
          transpose_4x4(tile + k * kColumns + f, kColumns, to + f * kBlockRows + k);
        }
      }
      for (; f < width; ++f) {
        for (std::size_t k = 0; k < kRows; ++k) to[f * kBlockRows + k] = tile[k * kColumns + f];
      }
    }
  }
  return found;
}

// -- dense --

using Floats __attribute__((vector_size(LOGFOREST_VECTOR_BYTES), may_alias)) = float;
using Words __attribute__((vector_size(LOGFOREST_VECTOR_BYTES), may_alias)) = std::uint32_t;
using Mask __attribute__((vector_size(LOGFOREST_VECTOR_BYTES), may_alias)) = std::int32_t;
constexpr std::size_t kWidth = LOGFOREST_VECTOR_BYTES / sizeof(float);

// One split over one vector of rows.
template <bool Missing>
struct Splitter {
  const Floats* x;
  Floats threshold;
  Mask missing_left;

  Splitter(const DenseSplit& split, const float* xt)
      : x(reinterpret_cast<const Floats*>(xt + (split.feature & ~kMissingLeftBit) * kBlockRows)),
        threshold(Floats{} + split.threshold),
        missing_left(Mask{} - static_cast<std::int32_t>(split.feature >> 31U)) {}

  Words operator()(std::size_t i, Words left, Words right) const {
    const Floats v = x[i];
    if constexpr (Missing) {
      const Mask go_left = (v <= threshold) | ((v != v) & missing_left);
      return go_left ? left : right;
    } else {
      return v <= threshold ? left : right;
    }
  }
};

template <bool Missing, Operand Kind>
struct Child {
  Splitter<Missing> pair;
  const Words* slot;
  Words low, high;

  Child(const DenseSplit& split, const std::uint32_t* value, const float* xt,
        const std::uint32_t* slots)
      : pair(split, xt), slot(reinterpret_cast<const Words*>(slots)), low{}, high{} {
    if constexpr (Kind == Operand::Slot) slot += value[0] * (kBlockRows / kWidth);
    if constexpr (Kind != Operand::Slot) low = Words{} + value[0];
    if constexpr (Kind == Operand::Pair) high = Words{} + value[1];
  }
  Words operator()(std::size_t i) const {
    if constexpr (Kind == Operand::Constant) return low;
    if constexpr (Kind == Operand::Pair) return pair(i, low, high);
    return slot[i];
  }
};

template <bool Missing, Operand Left, Operand Right>
inline void evaluate(const DenseOp& op, const float* xt, std::size_t vectors,
                     std::uint32_t* slots) {
  const Splitter<Missing> split(op.split, xt);
  const Child<Missing, Left> left(op.pair[0], op.left, xt, slots);
  const Child<Missing, Right> right(op.pair[1], op.right, xt, slots);
  Words* const out = reinterpret_cast<Words*>(slots + op.out * kBlockRows);
  // `vectors` is a multiple of 4; the result may overwrite an operand's slot.
  for (std::size_t i = 0; i < vectors; i += 4) {
    const Words a = split(i, left(i), right(i));
    const Words b = split(i + 1, left(i + 1), right(i + 1));
    const Words c = split(i + 2, left(i + 2), right(i + 2));
    const Words d = split(i + 3, left(i + 3), right(i + 3));
    out[i] = a;
    out[i + 1] = b;
    out[i + 2] = c;
    out[i + 3] = d;
  }
}

template <bool Missing>
void dense_trees(const DenseOp* ops, const std::uint32_t* ends, std::size_t trees, const float* xt,
                 std::size_t rows, std::uint32_t* slots, std::uint32_t* sums) {
  using enum Operand;
  constexpr std::size_t kStep = 4 * kWidth;
  const std::size_t vectors = (rows + kStep - 1) / kStep * 4;
  const DenseOp* op = ops;
  for (std::size_t t = 0; t < trees; ++t) {
    for (const DenseOp* const end = ops + ends[t]; op != end; ++op) {
      switch (op->kind) {
        case 0:
          evaluate<Missing, Constant, Constant>(*op, xt, vectors, slots);
          break;
        case 1:
          evaluate<Missing, Constant, Pair>(*op, xt, vectors, slots);
          break;
        case 2:
          evaluate<Missing, Constant, Slot>(*op, xt, vectors, slots);
          break;
        case 3:
          evaluate<Missing, Pair, Constant>(*op, xt, vectors, slots);
          break;
        case 4:
          evaluate<Missing, Pair, Pair>(*op, xt, vectors, slots);
          break;
        case 5:
          evaluate<Missing, Pair, Slot>(*op, xt, vectors, slots);
          break;
        case 6:
          evaluate<Missing, Slot, Constant>(*op, xt, vectors, slots);
          break;
        case 7:
          evaluate<Missing, Slot, Pair>(*op, xt, vectors, slots);
          break;
        default:
          evaluate<Missing, Slot, Slot>(*op, xt, vectors, slots);
          break;
      }
    }
    Words* const to = reinterpret_cast<Words*>(sums);
    const Words* const from = reinterpret_cast<const Words*>(slots);  // the root's slot is 0
    for (std::size_t i = 0; i < vectors; ++i) to[i] += from[i];
  }
}

void dense(const DenseOp* ops, const std::uint32_t* ends, std::size_t trees, const float* xt,
           std::size_t rows, bool missing, std::uint32_t* slots, std::uint32_t* sums) {
  if (missing) {
    dense_trees<true>(ops, ends, trees, xt, rows, slots, sums);
  } else {
    dense_trees<false>(ops, ends, trees, xt, rows, slots, sums);
  }
}

// -- walk --

constexpr std::size_t kLanes = 8;  // walks at once hide the latency of each other's loads

// One step. Leaves lead to themselves, as their flags are 0.
template <bool Missing>
inline std::uint32_t step(const WalkNode& node, const float* row) {
  const float v = row[node.feature];
  const float t = __builtin_bit_cast(float, node.bits);
  std::uint32_t right = v > t ? 1U : 0U;
  if constexpr (Missing) right |= (v != v ? 1U : 0U) & ~(node.flags >> 1U);
  return node.child + (right & node.flags & 1U);
}

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

// -- explain --

template <std::size_t Lanes>
void explain_rows(const WalkNode* nodes, const std::uint32_t* roots, const std::uint32_t* depths,
                  std::size_t trees, const double* delta, const float* x, std::size_t columns,
                  std::uint32_t* sums, double* shares) {
  for (std::size_t t = 0; t < trees; ++t) {
    std::uint32_t at[Lanes];
    for (std::size_t k = 0; k < Lanes; ++k) at[k] = roots[t];
    for (std::uint32_t depth = depths[t]; depth > 0; --depth) {
      for (std::size_t k = 0; k < Lanes; ++k) {
        const WalkNode& node = nodes[at[k]];
        const std::uint32_t next = step<true>(node, x + k * columns);
        // Node 0 is a root, whose delta is 0: that is what staying at a leaf adds.
        shares[k * columns + node.feature] += delta[next * std::size_t{node.flags & 1U}];
        at[k] = next;
      }
    }
    for (std::size_t k = 0; k < Lanes; ++k) sums[k] += nodes[at[k]].bits;
  }
}

void explain(const WalkNode* nodes, const std::uint32_t* roots, const std::uint32_t* depths,
             std::size_t trees, const double* delta, const float* x, std::size_t rows,
             std::size_t columns, std::uint32_t* sums, double* shares) {
  std::size_t r = 0;
  for (; r + kLanes <= rows; r += kLanes) {
    explain_rows<kLanes>(nodes, roots, depths, trees, delta, x + r * columns, columns, sums + r,
                         shares + r * columns);
  }
  for (; r < rows; ++r) {
    explain_rows<1>(nodes, roots, depths, trees, delta, x + r * columns, columns, sums + r,
                    shares + r * columns);
  }
}

}  // namespace
}  // namespace logforest::forest
// NOLINTEND(misc-definitions-in-headers)
