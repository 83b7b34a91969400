// Fortinet's key=value logs (FortiGate, FortiWeb, FortiMail, ...): date=2024-05-01 time=10:00:01
// eventtime=... tz="+0200" level="notice" srcip=192.0.2.4 msg="..."; perhaps behind <PRI>.
// Source: "FortiOS Log Message Reference", Fortinet (fields of the log header).
#pragma once

#include "logforest/parse/parser.hpp"

namespace logforest::parse {

[[nodiscard]] Format fortigate_format();

}  // namespace logforest::parse
