#pragma once

#include "base/setting.hpp"
#include "connectors/clickhouse/client.hpp"

namespace weir::clickhouse {

// A connection's settings; credentials inside the url are taken out of it, so that no message can repeat them.
ClientOptions client_options(const Settings& settings);

}  // namespace weir::clickhouse
