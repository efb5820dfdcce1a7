#pragma once

#include "base/result.hpp"
#include "base/setting.hpp"
#include "flow/dbt_output.hpp"

namespace weir::clickhouse {

// The connection as dbt-clickhouse takes it (https://clickhouse.com/docs/integrations/dbt), over HTTP. It has no key for a
// file of certificate authorities: such a connection is Unsupported.
Result<flow::DbtOutput> dbt_output(const Settings& settings);

}  // namespace weir::clickhouse
