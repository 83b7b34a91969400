// The inner loops of scoring, compiled three times from kernels_body.hpp (baseline x86-64,
// x86-64-v3, x86-64-v4) and chosen at run time. All give bit-equal results: they make the same
// comparisons and add integers.
//
// Two ways through a forest:
//   dense  evaluates every split for a block of rows, bottom-up and without a branch on data: the
//          values of a block travel from the leaves to the root, each split choosing between its
//          children's values. Best while trees are small (100 trees of 256 rows: 6,200 splits, but
//          8 or more rows a cycle).
//   walk   follows 8 rows (or, for single rows, 8 trees) at once from the root to their leaves.
//   Best
//          for large trees, few rows, very many features.
//
// A leaf's value is its normalised path length in fixed point, so a forest's sum is an exact
// integer whatever the order of addition (see isolation_forest.hpp).
#pragma once

#include <cstddef>
#include <cstdint>

namespace logforest::forest {

// Walking form: siblings are adjacent, children after their parent; 16 bytes a node.
struct WalkNode {
  std::uint32_t bits;     // inner: the threshold (bits of the float); leaf: its value
  std::uint32_t feature;  // leaf: 0
  std::uint32_t child;    // left child, the right one follows; leaf: itself
  std::uint32_t flags;    // bit 0: inner node; bit 1: missing values go left
};

// Dense form: one operation is a split whose children are each a constant (a leaf), a pair (a split
// between two leaves, evaluated on the spot) or a slot (the result of an earlier operation).
enum class Operand : std::uint8_t { Constant, Pair, Slot };

struct DenseSplit {
  float threshold;
  std::uint32_t feature;  // bit 31: missing values go left
};
inline constexpr std::uint32_t kMissingLeftBit = 0x80000000U;

struct DenseOp {
  DenseSplit split;
  DenseSplit pair[2];      // of the left and the right child, where it is a Pair
  std::uint32_t left[2];   // left child: {value} | {low, high value of the pair} | {slot}
  std::uint32_t right[2];  // right child
  std::uint16_t out;       // slot for the result
  std::uint8_t kind;       // 3 * left operand + right operand
};

inline constexpr std::size_t kBlockRows = 512;  // rows a kernel call works on, at most
inline constexpr std::size_t kMostSlots = 64;
inline constexpr std::size_t kBlockAlign = 64;  // bytes; of every buffer below

struct KernelTable {
  const char* name;
  std::uint32_t dense_gain;  // splits that dense evaluates in the time of one step of a walk
  // Casts rows to float32: load_* keeps the order, transpose_* writes feature f of row r to
  // out[f * kBlockRows + r]. Bit 0 of the result: a value is missing; bit 1: one is infinite.
  unsigned (*load_double)(const double* x, std::size_t cells, float* out);
  unsigned (*load_float)(const float* x, std::size_t cells, float* out);
  unsigned (*transpose_double)(const double* x, std::size_t rows, std::size_t columns, float* out);
  unsigned (*transpose_float)(const float* x, std::size_t rows, std::size_t columns, float* out);
  // sums[r] += value of the leaf that row r reaches, over all trees.
  void (*dense)(const DenseOp* ops, const std::uint32_t* ends, std::size_t trees, const float* xt,
                std::size_t rows, bool missing, std::uint32_t* slots, std::uint32_t* sums);
  void (*walk)(const WalkNode* nodes, const std::uint32_t* roots, const std::uint32_t* depths,
               std::size_t trees, const float* x, std::size_t rows, std::size_t columns,
               bool missing, std::uint32_t* sums);
  // As walk; shares[r * columns + f] += delta of every node that row r enters over a split on f.
  void (*explain)(const WalkNode* nodes, const std::uint32_t* roots, const std::uint32_t* depths,
                  std::size_t trees, const double* delta, const float* x, std::size_t rows,
                  std::size_t columns, std::uint32_t* sums, double* shares);
};

extern const KernelTable kBaselineKernels;
extern const KernelTable kV3Kernels;
extern const KernelTable kV4Kernels;

// The kernels in use: the best for this processor, or those that the environment variable
// LOGFOREST_KERNELS or select_kernels asked for.
[[nodiscard]] const KernelTable& kernels() noexcept;
// "baseline", "v3", "v4" or "auto". Throws ConfigError for a name that this machine cannot run.
void select_kernels(const char* name);

}  // namespace logforest::forest
