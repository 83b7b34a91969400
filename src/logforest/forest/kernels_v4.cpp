#define LOGFOREST_VECTOR_BYTES 64
#include "logforest/forest/kernels_body.hpp"

namespace logforest::forest {

const KernelTable kV4Kernels = {
    "v4", 18, load<double>, load<float>, transpose<double>, transpose<float>, dense, walk, explain};

}  // namespace logforest::forest
