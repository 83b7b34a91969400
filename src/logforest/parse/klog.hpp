// glog and klog (Kubernetes): "Lmmdd hh:mm:ss.uuuuuu threadid file:line] message".
// Source: glog's logging.cc, k8s.io/klog.
#pragma once

#include <memory>

#include "logforest/parse/parser.hpp"

namespace logforest::parse {

[[nodiscard]] std::unique_ptr<LineParser> make_klog_parser();

}  // namespace logforest::parse
