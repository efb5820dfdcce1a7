#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "connectors/postgres/connection_pool.hpp"
#include "connectors/postgres/write_column.hpp"
#include "flow/database.hpp"

// Staging tables: _weir_stage_<table>_<random> in the schema of the table that they are for. A load holds an advisory
// lock with its stage's name for as long as it lives; a stage whose lock is free belongs to a load that died.
namespace weir::postgres {

// A stage and the session that owns it. Destroying it drops the stage, unless it became the table.
class Stage {
 public:
  // Locks a new name and removes the stages that dead loads of the same table left. No table is made yet.
  static Result<Stage> reserve(std::shared_ptr<ConnectionPool> pool, const flow::Relation& target,
                               std::stop_token stop);
  Stage(Stage&&) noexcept = default;
  Stage& operator=(Stage&&) noexcept = delete;
  ~Stage();

  const flow::Relation& name() const { return name_; }
  Connection& session() { return session_; }

  // Runs the statement that makes the table.
  Result<void> create(const std::string& statement, std::stop_token stop);
  bool created() const { return created_; }

 private:
  Stage(std::shared_ptr<ConnectionPool> pool, Connection session, flow::Relation name)
      : pool_(std::move(pool)), session_(std::move(session)), name_(std::move(name)) {}

  std::shared_ptr<ConnectionPool> pool_;  // null: moved from
  Connection session_;
  flow::Relation name_;
  bool created_ = false;
};

}  // namespace weir::postgres
