#pragma once

#include "base/result.hpp"
#include "base/setting.hpp"
#include "flow/dbt_output.hpp"

namespace weir::postgres {

// The connection as dbt-postgres takes it (https://docs.getdbt.com/docs/core/connect-data-platform/postgres-setup).
// Unsupported when the url says something that dbt-postgres has no key for and that decides where or how it connects.
Result<flow::DbtOutput> dbt_output(const Settings& settings);

}  // namespace weir::postgres
