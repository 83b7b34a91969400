// Calibration of scores: probabilities are softmax(scores / T) with the T that fits held-in labels
// best. T > 0 never changes which class comes first.
#pragma once

#include <cstdint>
#include <span>

namespace logforest::classify {

// In place; `scores` become probabilities.
void softmax(std::span<double> scores, double temperature) noexcept;

// The T in [1e-3, 1e3] with the smallest mean log loss; scores are [rows, classes].
[[nodiscard]] double fit_temperature(std::span<const double> scores,
                                     std::span<const std::int32_t> truth, std::size_t classes);

}  // namespace logforest::classify
