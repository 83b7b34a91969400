// Error logs of Apache httpd ("[Sun Dec 04 04:47:44 2005] [error] ...") and nginx
// ("2015/10/29 20:01:02 [error] 123#0: *9 ..."). Source: httpd ErrorLogFormat, ngx_log.c.
#pragma once

#include <memory>

#include "logforest/parse/parser.hpp"

namespace logforest::parse {

[[nodiscard]] std::unique_ptr<LineParser> make_apache_error_parser();
[[nodiscard]] std::unique_ptr<LineParser> make_nginx_error_parser();

}  // namespace logforest::parse
