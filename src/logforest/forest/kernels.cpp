#include "logforest/forest/kernels.hpp"

#include <atomic>
#include <cstdlib>
#include <string>
#include <string_view>

#include "logforest/base/error.hpp"

namespace logforest::forest {
namespace {

#if defined(__x86_64__)
bool has_v3() noexcept {
  return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("bmi2") != 0 &&
         __builtin_cpu_supports("fma") != 0;
}
bool has_v4() noexcept {
  return has_v3() && __builtin_cpu_supports("avx512f") != 0 &&
         __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512cd") != 0 &&
         __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512vl") != 0;
}
#endif

const KernelTable* find(std::string_view name) noexcept {
  if (name == "baseline") return &kBaselineKernels;
#if defined(__x86_64__)
  if ((name == "v4" || name == "auto") && has_v4()) return &kV4Kernels;
  if ((name == "v3" || name == "auto") && has_v3()) return &kV3Kernels;
#endif
  return name == "auto" ? &kBaselineKernels : nullptr;
}

const KernelTable* first_choice() noexcept {
  const char* const asked = std::getenv("LOGFOREST_KERNELS");
  const KernelTable* const found = asked == nullptr ? nullptr : find(asked);
  return found != nullptr ? found : find("auto");
}

std::atomic<const KernelTable*>& current() noexcept {
  static std::atomic<const KernelTable*> table{first_choice()};
  return table;
}

}  // namespace

const KernelTable& kernels() noexcept { return *current().load(std::memory_order_relaxed); }

void select_kernels(const char* name) {
  const KernelTable* const found = find(name);
  if (found == nullptr) {
    throw ConfigError("no kernels named '" + std::string(name) +
                      "' on this machine: use auto, baseline, v3 or v4");
  }
  current() = found;
}

}  // namespace logforest::forest
