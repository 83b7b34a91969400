#define LOGFOREST_VECTOR_BYTES 32
#include "logforest/forest/kernels_body.hpp"

namespace logforest::forest {

const KernelTable kV3Kernels = {
    "v3", 16, load<double>, load<float>, transpose<double>, transpose<float>, dense, walk, explain};

}  // namespace logforest::forest
