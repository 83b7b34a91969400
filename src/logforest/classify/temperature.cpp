#include "logforest/classify/temperature.hpp"

#include <algorithm>
#include <cmath>

namespace logforest::classify {

void softmax(std::span<double> scores, double temperature) noexcept {
  const double top = *std::max_element(scores.begin(), scores.end());
  double sum = 0.0;
  for (double& s : scores) {
    s = std::exp((s - top) / temperature);
    sum += s;
  }
  for (double& s : scores) s /= sum;
}

double fit_temperature(std::span<const double> scores, std::span<const std::int32_t> truth,
                       std::size_t classes) {
  const auto loss = [&](double log_temperature) {
    const double t = std::exp(log_temperature);
    double total = 0.0;
    for (std::size_t d = 0; d < truth.size(); ++d) {
      const double* row = scores.data() + d * classes;
      const double top = *std::max_element(row, row + classes);
      double sum = 0.0;
      for (std::size_t c = 0; c < classes; ++c) sum += std::exp((row[c] - top) / t);
      total += std::log(sum) - (row[truth[d]] - top) / t;
    }
    return total;
  };
  // The loss is convex in 1/T, so it has one minimum in log T: golden section.
  constexpr double ratio = 0.6180339887498949;
  double low = std::log(1e-3);
  double high = std::log(1e3);
  double a = high - ratio * (high - low);
  double b = low + ratio * (high - low);
  double loss_a = loss(a);
  double loss_b = loss(b);
  while (high - low > 1e-4) {
    if (loss_a <= loss_b) {
      high = b;
      b = a;
      loss_b = loss_a;
      a = high - ratio * (high - low);
      loss_a = loss(a);
    } else {
      low = a;
      a = b;
      loss_a = loss_b;
      b = low + ratio * (high - low);
      loss_b = loss(b);
    }
  }
  return std::exp((low + high) / 2);
}

}  // namespace logforest::classify
