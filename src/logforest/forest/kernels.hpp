// The inner loops of scoring, compiled several times from kernels_body.hpp (baseline x86-64,
// x86-64-v3, x86-64-v4) and chosen at run time. All give bit-equal results: they make the same
// comparisons and add integers.
//
// A leaf's value is its normalised path length in fixed point, so a forest's sum is an exact
// integer whatever the order of addition (see isolation_forest.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace logforest::forest {

// Walking form: siblings are adjacent, children after their parent; 16 bytes a node.
struct WalkNode {
  std::uint32_t bits;     // inner: the threshold (bits of the float); leaf: its value
  std::uint32_t feature;  // leaf: 0
  std::uint32_t child;    // left child, the right one follows; leaf: itself
  std::uint32_t flags;    // bit 0: inner node; bit 1: missing values go left
};

// Rows a kernel call works on at a time.
inline constexpr std::size_t kBlockRows = 128;

struct KernelTable {
  const char* name;
  // Converts `rows` rows to float32 in `out` [rows][columns]. Returns bit 0: some value is missing,
  // bit 1: some value is infinite (or too large for float32).
  unsigned (*load_double)(const double* x, std::size_t cells, float* out);
  unsigned (*load_float)(const float* x, std::size_t cells, float* out);
  // sums[r] += value of the leaf that row r reaches, over trees whose roots and depths are given.
  void (*walk)(const WalkNode* nodes, const std::uint32_t* roots, const std::uint32_t* depths,
               std::size_t trees, const float* x, std::size_t rows, std::size_t columns,
               bool missing, std::uint32_t* sums);
};

extern const KernelTable kBaselineKernels;

// The best kernels for this processor, or the ones asked for by LOGFOREST_KERNELS ("baseline",
// "v3", "v4") where the processor has them.
[[nodiscard]] const KernelTable& kernels();
// Chooses by name ("auto" for the best). Throws ConfigError for a name the machine cannot run.
void select_kernels(const char* name);

}  // namespace logforest::forest
