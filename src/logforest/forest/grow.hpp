// Growing isolation trees (Liu, Ting, Zhou, ICDM 2008).
//
// Each tree draws psi rows (without replacement, or with it for `bootstrap`, or in proportion to
// weights) and splits them at a uniform point of a uniformly chosen feature until a row is alone,
// no feature varies, or the depth reaches ceil(log2(psi)). Cost: O(psi log psi) per tree whatever
// the number of rows, as the sample is drawn by Floyd's method and only the features that are tried
// are read.
//
// Missing values: a feature with missing values in a node sends them left or right at random; one
// without sends later ones to the child with more rows (an unseen gap does not look abnormal); one
// that is constant but for its gaps splits the gaps off to the right.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "logforest/forest/tree.hpp"

namespace logforest::forest {

inline constexpr const char* kInfinityMessage =
    "Input X contains infinity or a value too large for dtype('float32').";

// A C-contiguous matrix of rows x columns that belongs to the caller.
template <class T>
struct Matrix {
  const T* data = nullptr;
  std::size_t rows = 0;
  std::size_t columns = 0;
  [[nodiscard]] const T* row(std::size_t i) const noexcept { return data + i * columns; }
};

struct GrowOptions {
  std::uint32_t sample_size = 256;  // psi, at most the number of rows unless bootstrap
  std::uint32_t features = 0;       // features a tree may use; 0 = all
  bool bootstrap = false;           // draw rows with replacement
  std::span<const double> weights;  // empty, or one weight >= 0 per row
  std::uint64_t seed = 0;
  int threads = 1;
};

// Trees number first .. first + count - 1 of the stream of trees that `options.seed` defines.
// Throws ConfigError for options that do not fit the matrix, ModelError for infinite values. Only
// the cells that the trees try are read, so infinite cells that no tree met go unseen here.
template <class T>
[[nodiscard]] std::vector<std::shared_ptr<const Tree>> grow_trees(Matrix<T> x, std::uint64_t first,
                                                                  std::size_t count,
                                                                  const GrowOptions& options);

}  // namespace logforest::forest
