// Saved forests: a sealed container (base/container.hpp) of kind "isolation_forest".
//
//   text meta | u32 features | u32[trees] sample sizes | u32[trees] node counts
//   | u8[nodes] marks (bit 0 inner, bit 1 missing left)
//   | u32[nodes] feature of an inner node, training rows of a leaf | f32[inner nodes] thresholds
//   | f32[] recent rows of a stream | f64[] their scores
//
// Nodes are in preorder and children are not written down: the marks alone say where they are, so a
// file cannot describe a cycle. About 14 bytes per split. `meta` belongs to the caller.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "logforest/forest/isolation_forest.hpp"

namespace logforest::forest {

struct SavedForest {
  IsolationForest forest;
  std::string meta;
  std::vector<float> recent_rows;
  std::vector<double> recent_scores;
};

[[nodiscard]] std::string save_forest(const IsolationForest& forest, std::string_view meta,
                                      std::span<const float> recent_rows,
                                      std::span<const double> recent_scores);

// Throws ModelError, and nothing else, for anything that save_forest did not write.
[[nodiscard]] SavedForest load_forest(std::string_view bytes);

}  // namespace logforest::forest
