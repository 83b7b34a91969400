#include "logforest/parse/text_formats.hpp"

#include <utility>

#include "logforest/parse/access_log.hpp"
#include "logforest/parse/app_log.hpp"
#include "logforest/parse/error_log.hpp"
#include "logforest/parse/framing.hpp"
#include "logforest/parse/klog.hpp"
#include "logforest/parse/labelled_log.hpp"
#include "logforest/parse/regex_format.hpp"
#include "logforest/parse/syslog.hpp"

namespace logforest::parse {

namespace {

using Make = std::function<std::unique_ptr<LineParser>(const ParseOptions&)>;

Format text_format(std::string name, std::string description, int rank, Make make) {
  Format format;
  format.name = std::move(name);
  format.description = std::move(description);
  format.rank = rank;
  format.make = std::move(make);
  format.detect = [parser = format.make](const std::vector<std::string_view>& lines) {
    Format self;
    self.make = parser;
    return accepted_share(self, lines);
  };
  return format;
}

template <class F>
Make without_options(F make) {
  return [make](const ParseOptions&) { return make(); };
}

}  // namespace

std::vector<Format> text_formats() {
  std::vector<Format> out;

  Format rfc5424 = text_format("rfc5424", "syslog, RFC 5424, octet-counted or by line", 90,
                               without_options(make_syslog5424_parser));
  rfc5424.make_framer = syslog_framer_for;
  rfc5424.family = "syslog";
  out.push_back(std::move(rfc5424));

  out.push_back(
      text_format("klog", "glog and Kubernetes' klog", 85, without_options(make_klog_parser)));
  out.back().multiline = true;

  Format combined = text_format(
      "apache_combined", "Apache and nginx access logs with referrer and user agent", 80,
      [](const ParseOptions&) { return make_access_log_parser(AccessLayout::Combined); });
  combined.family = "access";
  out.push_back(std::move(combined));

  Format common =
      text_format("apache_common", "Apache and nginx access logs", 79,
                  [](const ParseOptions&) { return make_access_log_parser(AccessLayout::Common); });
  common.family = "access";
  // Whoever asks for it by name also gets what is appended to a line.
  common.make = [](const ParseOptions&) { return make_access_log_parser(AccessLayout::Any); };
  out.push_back(std::move(common));

  out.push_back(text_format("apache_error", "Apache httpd error log", 78,
                            without_options(make_apache_error_parser)));
  out.back().multiline = true;
  out.push_back(
      text_format("nginx_error", "nginx error log", 77, without_options(make_nginx_error_parser)));
  out.back().multiline = true;
  out.push_back(text_format("labelled", "alert label in front: BGL, Thunderbird, Spirit, Liberty",
                            76, without_options(make_labelled_parser)));

  Format rfc3164 =
      text_format("rfc3164", "syslog, RFC 3164 and its relatives (journald short, Cisco)", 50,
                  without_options(make_syslog3164_parser));
  rfc3164.make_framer = syslog_framer_for;
  rfc3164.family = "syslog";
  rfc3164.multiline = true;
  out.push_back(std::move(rfc3164));

  Format applog = text_format("applog", "timestamp level [thread] logger: message, in any order",
                              40, [](const ParseOptions&) { return make_app_log_parser(true); });
  applog.multiline = true;
  applog.family = "application";
  out.push_back(std::move(applog));

  Format stamped = text_format("timestamped", "a time stamp, then text", 5,
                               [](const ParseOptions&) { return make_app_log_parser(false); });
  stamped.multiline = true;
  stamped.family = "application";
  out.push_back(std::move(stamped));
  return out;
}

}  // namespace logforest::parse
