#include "logforest/normalize/fingerprint.hpp"
#include "py.hpp"

namespace logforest::bindings {

void bind_normalize(py::module_& m) {
  m.def(
      "fingerprint", [](std::string_view message) { return fingerprint(message); },
      py::arg("message"));
  m.def(
      "template_text",
      [](std::string_view message) {
        std::string out;
        template_text(message, out);
        // A cut at kMaxTemplateBytes may fall inside a character.
        return py::reinterpret_steal<py::str>(
            PyUnicode_DecodeUTF8(out.data(), static_cast<Py_ssize_t>(out.size()), "replace"));
      },
      py::arg("message"));
}

}  // namespace logforest::bindings
