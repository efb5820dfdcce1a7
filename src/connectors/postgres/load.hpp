#pragma once

#include <memory>
#include <stop_token>

#include "base/log.hpp"
#include "connectors/postgres/connection_pool.hpp"
#include "connectors/postgres/load_plan.hpp"
#include "connectors/postgres/stage.hpp"
#include "flow/sink.hpp"

namespace weir::postgres {

// How long a commit waits for locks that others hold; each try is short, so that readers do not queue behind it.
struct LockPatience {
  std::chrono::milliseconds total{30'000};
};

Result<std::unique_ptr<flow::Load>> open_load(std::shared_ptr<ConnectionPool> pool, LoadPlan plan, Stage stage,
                                              LockPatience patience, Log& log, std::stop_token stop);

}  // namespace weir::postgres
