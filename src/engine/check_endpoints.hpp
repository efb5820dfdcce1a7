#pragma once

#include "engine/task_kind.hpp"

namespace weir::engine {

// What is wrong with the tables and files of a task, as far as it can be told without opening a connection (TaskKind::check):
// options that the connector does not have or that have another type, and Parquet files without a ClickHouse. What a
// template decides is known only in a run.
void check_copy(const TaskPlace& place, TaskFindings& findings);
void check_generate(const TaskPlace& place, TaskFindings& findings);

}  // namespace weir::engine
