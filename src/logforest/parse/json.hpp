// JSON records: one object a line, several objects a line, an array of objects; ECS,
// OpenTelemetry, Docker, GCP and journald shapes through the alias table.
#pragma once

#include "logforest/parse/parser.hpp"

namespace logforest::parse {

[[nodiscard]] Format json_format();

}  // namespace logforest::parse
