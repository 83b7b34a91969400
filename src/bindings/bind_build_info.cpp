#include <hiredis/hiredis.h>
#include <libpq-fe.h>
#include <simdjson.h>

#include <Eigen/Core>
#include <string>

#include "py.hpp"

namespace logforest::bindings {

void bind_build_info(py::module_& m) {
  m.attr("__version__") = LOGFOREST_VERSION;
  m.def(
      "build_info",
      [] {
        py::dict d;
        d["version"] = LOGFOREST_VERSION;
        d["compiler"] = std::string("g++ ") + __VERSION__;
        d["cplusplus"] = static_cast<long>(__cplusplus);
        d["pybind11"] =
            std::to_string(PYBIND11_VERSION_MAJOR) + "." + std::to_string(PYBIND11_VERSION_MINOR);
        d["simdjson"] = std::to_string(simdjson::SIMDJSON_VERSION_MAJOR) + "." +
                        std::to_string(simdjson::SIMDJSON_VERSION_MINOR) + "." +
                        std::to_string(simdjson::SIMDJSON_VERSION_REVISION);
        d["simdjson_kernel"] = simdjson::get_active_implementation()->name();
        d["eigen"] = std::to_string(EIGEN_WORLD_VERSION) + "." +
                     std::to_string(EIGEN_MAJOR_VERSION) + "." +
                     std::to_string(EIGEN_MINOR_VERSION);
        d["hiredis"] = std::to_string(HIREDIS_MAJOR) + "." + std::to_string(HIREDIS_MINOR) + "." +
                       std::to_string(HIREDIS_PATCH);
        d["libpq"] = PQlibVersion();
#if defined(__SANITIZE_ADDRESS__)
        d["sanitizer"] = "address";
#elif defined(__SANITIZE_THREAD__)
        d["sanitizer"] = "thread";
#else
        d["sanitizer"] = "none";
#endif
        return d;
      },
      R"(What this build was made with: versions of logforest, compiler and libraries, and the sanitizer.

Examples
--------
>>> import logforest as lf
>>> lf.build_info()["version"] == lf.__version__
True
)");
}

}  // namespace logforest::bindings
