#define LOGFOREST_VECTOR_BYTES 16
#include "logforest/forest/kernels_body.hpp"

namespace logforest::forest {

const KernelTable kBaselineKernels = {
    "baseline",       7,     load<double>, load<float>, transpose<double>,
    transpose<float>, dense, walk,         explain};

}  // namespace logforest::forest
