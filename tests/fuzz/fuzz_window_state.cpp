// Window states: damaged bytes are refused, what is read is written back as it was.
#include "fuzz.hpp"
#include "logforest/base/error.hpp"
#include "logforest/window/stats.hpp"

using namespace logforest;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const window::Stats stats = window::Stats::parse(fuzz::view(data, size));
    std::string bytes;
    stats.serialise(bytes);
    const window::Stats again = window::Stats::parse(bytes);
    std::string same;
    again.serialise(same);
    fuzz::require(bytes == same, "the state changes on its way");
    if (stats.count() > 1) (void)stats.stddev();
    if (stats.count() > 0) {
      fuzz::require(stats.quantile(0.5) >= stats.min() && stats.quantile(1) <= stats.max(),
                    "quantile out of range");
    }
    window::Stats sum = stats;
    sum.merge(again);
  } catch (const ConfigError&) {
  }
  return 0;
}
