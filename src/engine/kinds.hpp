#pragma once

#include "engine/task_kind.hpp"

// The task kinds, one file each; task_kind.cpp lists them.
namespace weir::engine {

TaskKind generate_kind();
TaskKind copy_kind();
TaskKind sql_kind();
TaskKind model_kind();
TaskKind check_kind();
TaskKind reconcile_kind();
TaskKind replicate_kind();
TaskKind command_kind();
TaskKind dbt_kind();
TaskKind wait_kind();
TaskKind pipeline_kind();

}  // namespace weir::engine
