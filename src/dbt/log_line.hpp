#pragma once

#include <optional>
#include <string_view>

#include "base/log.hpp"

namespace weir::dbt {

// A line of dbt's output with --log-format json (https://docs.getdbt.com/reference/events-logging): its level, time and
// message. What is not JSON (Python's warnings, a stack trace) is a line of level Warn. Nothing for lines without a text.
std::optional<LogLine> read_log_line(std::string_view text, Instant now);

}  // namespace weir::dbt
