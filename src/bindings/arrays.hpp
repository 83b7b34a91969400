// NumPy arrays at the border: named once, used by every binding and by _core.pyi.
//   MatrixIn  C-contiguous float64 or float32, two dimensions, read in place
//   VectorIn  C-contiguous float64, one dimension, converted if need be
// Outputs own their buffer.
#pragma once

#include <pybind11/numpy.h>

#include <cstdint>
#include <span>
#include <utility>

#include "logforest/base/error.hpp"
#include "logforest/forest/grow.hpp"
#include "py.hpp"

namespace logforest::bindings {

using MatrixIn = py::array;
using VectorIn = py::array_t<double, py::array::c_style | py::array::forcecast>;

// Calls f with a forest::Matrix<double> or <float> over the array's own memory. The caller holds
// the array for as long as the matrix lives.
template <class F>
auto with_matrix(const MatrixIn& x, F&& f) {
  if (x.ndim() != 2) throw ConfigError("the array must have two dimensions");
  if ((x.flags() & py::array::c_style) == 0) throw ConfigError("the array must be C-contiguous");
  if (x.size() == 0) throw ConfigError("the array is empty");
  const auto rows = static_cast<std::size_t>(x.shape(0));
  const auto columns = static_cast<std::size_t>(x.shape(1));
  const auto& dtype = x.dtype();
  if (dtype.num() == py::detail::npy_api::NPY_DOUBLE_ && dtype.byteorder() != '>') {
    return std::forward<F>(f)(
        forest::Matrix<double>{static_cast<const double*>(x.data()), rows, columns});
  }
  if (dtype.num() == py::detail::npy_api::NPY_FLOAT_ && dtype.byteorder() != '>') {
    return std::forward<F>(f)(
        forest::Matrix<float>{static_cast<const float*>(x.data()), rows, columns});
  }
  throw ConfigError("the array must be float64 or float32");
}

template <class T>
std::span<T> as_span(py::array_t<T>& a) {
  return {a.mutable_data(), static_cast<std::size_t>(a.size())};
}

// A NumPy array with a copy of the values.
template <class T>
py::array_t<T> to_array(std::span<const T> values) {
  return py::array_t<T>(static_cast<py::ssize_t>(values.size()), values.data());
}

}  // namespace logforest::bindings
