#pragma once

#include <string>
#include <vector>

#include "base/setting.hpp"
#include "models/models.hpp"
#include "project/project.hpp"

// What a dbt task means within its project, before it runs: pure.
namespace weir::engine {

// Fills in what the task leaves out: `connection` is the models' own, `project` the folder that weir.yml names; the vars
// of weir.yml and its environment go to dbt when it is that project's.
Settings complete_dbt_settings(const project::Project& project, const Settings& settings);

// The tables that the task reads and writes, as far as Weir's own graph of the same dbt project knows them.
struct DbtLineage {
  std::vector<std::string> reads;
  std::vector<std::string> writes;
};
DbtLineage dbt_lineage(const project::Project& project, const models::Graph& graph, const Settings& completed);

}  // namespace weir::engine
