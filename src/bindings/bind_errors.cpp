// All exceptions in one place:
//   LogforestError > ParseError(ValueError), ModelError(ValueError), ConfigError(ValueError),
//                    QueueError(ConnectionError), StoreError(ConnectionError)
// They are created in Python (errors.py is pure) and looked up here once.
#include <cerrno>
#include <utility>

#include "logforest/base/error.hpp"
#include "py.hpp"

namespace logforest::bindings {

namespace {
void raise(const char* type, const char* message) {
  const py::object cls = py::module_::import("logforest.errors").attr(type);
  PyErr_SetString(cls.ptr(), message);
}

void raise_io(const IoError& e) {
  if (e.source() == IoError::Source::File) {
    PyErr_SetString(PyExc_OSError, e.what());
    return;
  }
  const char* type = e.source() == IoError::Source::Queue ? "QueueError" : "StoreError";
  const py::object cls = py::module_::import("logforest.errors").attr(type);
  const py::object instance = cls(e.what());
  instance.attr("retryable") = e.retryable();
  instance.attr("code") = e.code();
  PyErr_SetObject(cls.ptr(), instance.ptr());
}
}  // namespace

void bind_errors(py::module_& /*m*/) {
  py::register_exception_translator([](std::exception_ptr p) {
    try {
      if (p) std::rethrow_exception(std::move(p));
    } catch (const ConfigError& e) {
      raise("ConfigError", e.what());
    } catch (const ModelError& e) {
      raise("ModelError", e.what());
    } catch (const IoError& e) {
      raise_io(e);
    }
  });
}

}  // namespace logforest::bindings
