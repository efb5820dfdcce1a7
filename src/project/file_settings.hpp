#pragma once

#include <vector>

#include "base/setting.hpp"
#include "project/project.hpp"

// What the project's own files may say, apart from what connectors and task kinds add. These descriptions validate the
// files and make their JSON Schemas.
namespace weir::project {

// weir.yml; `connections` and `environments` are open maps here, since their values depend on the type they name.
const std::vector<Setting>& weir_settings();
// dbt_project.yml (https://docs.getdbt.com/reference/dbt_project.yml).
const std::vector<Setting>& dbt_project_settings();
// The keys of every connection, beside those of its type.
const std::vector<Setting>& connection_settings();
const std::vector<Setting>& environment_settings();
// pipelines/*.yml; `tasks` is an open map here.
const std::vector<Setting>& pipeline_settings();
// The keys of every task, beside the one of its kind.
const std::vector<Setting>& task_settings();
// The properties files below models/, as dbt has them (https://docs.getdbt.com/reference/configs-and-properties).
const std::vector<Setting>& properties_settings();

}  // namespace weir::project
