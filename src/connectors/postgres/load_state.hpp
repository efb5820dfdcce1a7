#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include "connectors/postgres/connection_pool.hpp"
#include "connectors/postgres/copy_stream.hpp"
#include "connectors/postgres/load_plan.hpp"
#include "connectors/postgres/stage.hpp"

namespace weir::postgres {

// What a load and its writers share. The last of them to go removes the stage.
struct LoadState {
  LoadState(std::shared_ptr<ConnectionPool> connections, LoadPlan load_plan, Stage load_stage)
      : pool(std::move(connections)), plan(std::move(load_plan)), stage(std::move(load_stage)) {}

  const std::shared_ptr<ConnectionPool> pool;
  const LoadPlan plan;

  Stage stage;

  std::mutex mutex;
  std::shared_ptr<CopyStream> direct;  // made by the first writer under the mutex; its transaction ends with the commit

  std::atomic<std::uint64_t> rows = 0;  // of the writers that have finished
  std::atomic<std::int64_t> place = 0;  // of the next row of a merge
  std::atomic<bool> has_deletes = false;
  std::atomic<int> open_writers = 0;  // that have not finished
  std::atomic<bool> spoiled = false;  // a writer went without finishing
};

}  // namespace weir::postgres
