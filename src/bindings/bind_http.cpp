#include "logforest/io/http_post.hpp"
#include "py.hpp"

namespace logforest::bindings {

void bind_http(py::module_& m) {
  using io::PostReader;
  using io::PostRequest;
  py::class_<PostReader>(m, "PostReader")
      .def(py::init<std::vector<std::string>, std::vector<std::pair<std::string, std::string>>,
                    std::size_t, std::vector<std::string>>(),
           py::arg("paths"), py::arg("types"), py::arg("max_body"),
           py::arg("hosts") = std::vector<std::string>{})
      // (body, format, size) of a plain POST; the size needed in all when it is incomplete; None
      // for whatever the general parser should see.
      .def(
          "read",
          [](const PostReader& reader, const py::bytes& data) -> py::object {
            const PostRequest request = reader.read(static_cast<std::string_view>(data));
            switch (request.kind) {
              case PostRequest::Kind::kPlain:
                return py::make_tuple(py::bytes(request.body.data(), request.body.size()),
                                      py::str(*request.format), request.size);
              case PostRequest::Kind::kIncomplete:
                return py::int_(request.size);
              case PostRequest::Kind::kOther:
                break;
            }
            return py::none();
          },
          py::arg("data"));
}

}  // namespace logforest::bindings
