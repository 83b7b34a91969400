#include "logforest/base/parallel.hpp"
#include "logforest/normalize/mask.hpp"
#include "py.hpp"

namespace logforest::bindings {

namespace {

using normalize::IpRule;
using normalize::Masker;
using normalize::MaskRules;
using normalize::Replacement;

MaskRules rules_from(const py::dict& d) {
  MaskRules r;
  r.email = d["email"].cast<bool>();
  r.card = d["card"].cast<bool>();
  r.iban = d["iban"].cast<bool>();
  r.token = d["token"].cast<bool>();
  r.password = d["password"].cast<bool>();
  r.phone = d["phone"].cast<bool>();
  const auto ip = d["ip"].cast<std::string>();
  r.ip = ip == "off" ? IpRule::Off : (ip == "prefix" ? IpRule::Prefix : IpRule::Mask);
  r.ipv4_prefix = d["ipv4_prefix"].cast<unsigned>();
  r.ipv6_prefix = d["ipv6_prefix"].cast<unsigned>();
  r.user_id = d["user_id"].cast<bool>();
  const auto replacement = d["replacement"].cast<std::string>();
  r.replacement = replacement == "hash"        ? Replacement::Hash
                  : replacement == "pseudonym" ? Replacement::Pseudonym
                                               : Replacement::Mask;
  r.key = d["key"].cast<std::string>();
  for (const auto& [name, pattern] : d["custom"].cast<py::dict>())
    r.custom.emplace_back(name.cast<std::string>(), pattern.cast<std::string>());
  return r;
}

// UTF-8 of a str, lone surrogates included.
class Text {
 public:
  explicit Text(py::handle text) {
    Py_ssize_t size = 0;
    if (const char* data = PyUnicode_AsUTF8AndSize(text.ptr(), &size)) {
      view_ = {data, static_cast<std::size_t>(size)};
      return;
    }
    if (PyErr_ExceptionMatches(PyExc_UnicodeEncodeError) == 0) throw py::error_already_set();
    PyErr_Clear();
    bytes_ = py::reinterpret_steal<py::bytes>(
        PyUnicode_AsEncodedString(text.ptr(), "utf-8", "surrogatepass"));
    if (!bytes_) throw py::error_already_set();
    view_ = static_cast<std::string_view>(bytes_);
  }
  [[nodiscard]] std::string_view view() const noexcept { return view_; }

 private:
  py::bytes bytes_;
  std::string_view view_;
};

py::object mask_text(const Masker& masker, const py::object& text, std::string& out) {
  const Text utf8(text);
  if (!masker.mask(utf8.view(), out)) return text;
  return py::reinterpret_steal<py::object>(
      PyUnicode_DecodeUTF8(out.data(), static_cast<Py_ssize_t>(out.size()), "surrogatepass"));
}

}  // namespace

void bind_mask(py::module_& m) {
  py::class_<Masker, std::shared_ptr<Masker>>(m, "Masker")
      .def(py::init(
               [](const py::dict& rules) { return std::make_shared<Masker>(rules_from(rules)); }),
           py::arg("rules"))
      .def(
          "mask_text",
          [](const Masker& self, const py::str& text) {
            std::string out;
            return mask_text(self, text, out);
          },
          py::arg("text"))
      .def(
          "mask_json",
          [](const Masker& self, const py::str& text) -> py::object {
            std::string out;
            const Text utf8(text);
            if (!self.mask_json(utf8.view(), out)) return text;
            return py::str(out);
          },
          py::arg("text"))
      .def(
          "mask_bytes",
          [](const Masker& self, const py::bytes& text) -> py::bytes {
            std::string out;
            // bytes never change and the caller holds them.
            const auto view = static_cast<std::string_view>(text);
            if (!without_gil([&] { return self.mask(view, out); })) return text;
            return py::bytes(out);
          },
          py::arg("text"))
      .def(
          "mask_list",
          [](const Masker& self, const py::list& texts) {
            py::list masked(texts.size());
            std::string out;
            for (std::size_t i = 0; i < texts.size(); ++i) {
              const py::object item = texts[i];
              masked[i] = item.is_none() ? item : mask_text(self, py::str(item), out);
            }
            return masked;
          },
          py::arg("texts"))
      .def(
          "mask_batch",
          [](const Masker& self, const LogBatch& logs, int threads) {
            // A batch that Python holds never changes: a copy is masked.
            return without_gil([&] {
              auto copy = std::make_shared<LogBatch>(logs);
              parallel_for(copy->chunks.size(), resolve_threads(threads),
                           [&](std::size_t i, std::size_t) {
                             auto chunk = std::make_shared<RecordBatch>(*copy->chunks[i]);
                             self.mask(*chunk);
                             copy->chunks[i] = std::move(chunk);
                           });
              copy->rejected = std::make_shared<RejectTable>(*logs.rejected);
              self.mask(*copy->rejected);
              return copy;
            });
          },
          py::arg("logs"), py::arg("threads") = 0);
}

}  // namespace logforest::bindings
