#include "logforest/forest/kernels_body.hpp"

namespace logforest::forest {

const KernelTable kBaselineKernels = {"baseline", load_double, load_float, walk};

const KernelTable& kernels() { return kBaselineKernels; }

}  // namespace logforest::forest
