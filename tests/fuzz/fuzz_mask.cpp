// Masking: twice is once, UTF-8 stays UTF-8, kernels agree. Texts made of parts (the first byte is
// odd) also keep their template.
#include "fuzz.hpp"
#include "logforest/base/utf8.hpp"
#include "logforest/normalize/fingerprint.hpp"
#include "logforest/normalize/mask.hpp"
#include "logforest/normalize/mask_scan.hpp"

using namespace logforest;
using namespace logforest::normalize;

namespace {

MaskRules rules(Replacement replacement) {
  MaskRules r;
  r.phone = true;
  r.ip = IpRule::Mask;
  r.replacement = replacement;
  r.key = "0123456789abcdef";
  return r;
}

std::string composed(std::string_view choices) {
  static constexpr std::string_view parts[] = {"bob@example.com",
                                               "4111 1111 1111 1111",
                                               "5500000000000004",
                                               "GB29 NWBK 6016 1331 9268 19",
                                               "10.1.2.3",
                                               "2001:db8::1",
                                               "fe80::dead:beef",
                                               "+49 30 1234567",
                                               "(555) 123-4567",
                                               "password=x1",
                                               "\"token\": \"a b\"",
                                               "Authorization: Bearer abc",
                                               "AKIAABCDEFGHIJKLMNOP",
                                               "postgres://u:p@h/d",
                                               "/a/b?token=x&y=1",
                                               "took 5 ms",
                                               "user",
                                               "'q'",
                                               "a=b",
                                               "12:30:45",
                                               "C:\\x\\y",
                                               "{\"k\":\"v\"}",
                                               "<EMAIL>",
                                               "std::vector"};
  static constexpr std::string_view gaps[] = {" ", ", ", "; ", " | "};
  std::string out;
  for (const char c : choices.substr(0, 40)) {
    const auto n = static_cast<unsigned char>(c);
    out += parts[n % std::size(parts)];
    out += gaps[n / std::size(parts) % std::size(gaps)];
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Masker plain(rules(Replacement::Mask));
  static const Masker keyed(rules(Replacement::Pseudonym));
  static const Masker storage{MaskRules{}};
  if (size == 0) return 0;
  const std::string text(fuzz::view(data + 1, size - 1));
  const bool utf8 = valid_utf8(text);
  for (const Masker* masker : {&plain, &keyed, &storage}) {
    std::string once;
    if (!masker->mask(text, once)) continue;
    fuzz::require(!utf8 || valid_utf8(once), "no longer UTF-8", text, once);
    std::string twice;
    fuzz::require(!masker->mask(once, twice), "masking twice changes more", once, twice);
    std::string json;
    (void)masker->mask_json(text, json);
  }
  std::vector<std::uint64_t> a(text.size() / 64 + 1), b(a);
  mask_candidates(text.data(), text.size(), ~0U, a.data());
  normalize::detail::mask_candidates_portable(text.data(), text.size(), ~0U, b.data());
  fuzz::require(a == b, "kernels differ", text);

  if (data[0] % 2 != 0) {
    const std::string message = composed(text);
    std::string once = message;
    (void)plain.mask(message, once);
    std::string twice;
    fuzz::require(!plain.mask(once, twice), "masking twice changes more", once, twice);
    std::string before, after;
    template_text(message, before);
    template_text(once, after);
    fuzz::require(before == after, "the template changed", before, after);
  }
  return 0;
}
