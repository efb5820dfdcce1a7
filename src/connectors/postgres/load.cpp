#include "connectors/postgres/load.hpp"

#include <fmt/ranges.h>

#include "connectors/postgres/publish.hpp"
#include "connectors/postgres/receipts.hpp"
#include "connectors/postgres/server_error.hpp"
#include "connectors/postgres/writer.hpp"

namespace weir::postgres {
namespace {

constexpr std::chrono::milliseconds kPauseBetweenTries{200};

class PostgresLoad final : public flow::Load {
 public:
  PostgresLoad(std::shared_ptr<LoadState> state, LockPatience patience, Log& log)
      : state_(std::move(state)), patience_(patience), log_(log) {}

  Result<std::unique_ptr<flow::Writer>> writer(std::stop_token stop) override { return open_writer(state_, stop); }

  Result<flow::Receipt> commit(const CommitId& commit, std::stop_token stop) override {
    if (state_->spoiled || state_->open_writers > 0)
      return Error::bug("a load is committed before its writers have finished");
    const flow::Receipt receipt{commit, state_->rows};
    auto committed = plan().way == LoadWay::Direct ? commit_direct(receipt, stop) : commit_staged(receipt, stop);
    return std::move(committed).while_doing("committing to " + plan().target.text());
  }

 private:
  const LoadPlan& plan() const { return state_->plan; }
  const flow::Relation& stage() const { return state_->stage.name(); }

  // The rows are in the writers' open transaction already.
  Result<flow::Receipt> commit_direct(const flow::Receipt& receipt, std::stop_token stop) {
    auto& connection = state_->direct ? state_->direct->connection() : state_->stage.session();
    if (!connection.in_transaction()) WEIR_TRY(connection.run("BEGIN", stop));
    if (!WEIR_TRY(add_receipt(connection, plan().target.text(), receipt, stop)))
      return already_committed(connection, receipt, stop);
    WEIR_TRY(add_missing_indexes(connection, plan(), stop));
    WEIR_TRY(connection.run("COMMIT", stop));
    return receipt;
  }

  Result<flow::Receipt> commit_staged(const flow::Receipt& receipt, std::stop_token stop) {
    auto& connection = state_->stage.session();
    if (auto found = WEIR_TRY(find_receipt(connection, plan().target.text(), receipt.commit, stop)))
      return std::move(*found);
    WEIR_TRY(prepare_stage(connection, stop));
    if (!plan().in_place_reason.empty())
      log_.info("{} is replaced row by row: {}", plan().target.text(), plan().in_place_reason);
    const auto deadline = std::chrono::steady_clock::now() + patience_.total;
    while (true) {
      auto committed = try_commit(connection, receipt, stop);
      if (committed.ok() || !waits_for_others(committed.error()) || !connection.usable()) return committed;
      if (connection.in_transaction()) WEIR_TRY(connection.run("ROLLBACK", stop));
      if (std::chrono::steady_clock::now() > deadline) return committed;
      WEIR_TRY(connection.pause(kPauseBetweenTries, stop));
    }
  }

  // A lock that another session holds, a deadlock, or a table that appeared in between.
  static bool waits_for_others(const Error& error) {
    return error.code() == Code::Conflict || (error.code() == Code::AlreadyExists && is_sqlstate(error, "42P07"));
  }

  // Everything that takes long and that nobody else can see: indexes, statistics.
  Result<void> prepare_stage(Connection& connection, std::stop_token stop) {
    if (prepared_) return {};
    WEIR_TRY(connection.run("SET synchronous_commit = off", stop));
    if (plan().way == LoadWay::NewTable) {
      if (plan().existing)
        names_ = WEIR_TRY(copy_indexes(connection, plan().existing->oid, plan().target, stage(), stop));
      for (auto& name : WEIR_TRY(build_new_indexes(connection, plan(), stage(), stop)))
        names_.push_back(std::move(name));
    } else {
      WEIR_TRY(connection.run("ANALYZE " + quote_relation(stage()), stop));
    }
    WEIR_TRY(connection.run("SET synchronous_commit = on", stop));
    prepared_ = true;
    return {};
  }

  Result<flow::Receipt> try_commit(Connection& connection, const flow::Receipt& receipt, std::stop_token stop) {
    WEIR_TRY(connection.run("BEGIN", stop));
    if (!WEIR_TRY(add_receipt(connection, plan().target.text(), receipt, stop)))
      return already_committed(connection, receipt, stop);
    WEIR_TRY(publish(connection, stop));
    WEIR_TRY(connection.run("COMMIT", stop));
    return receipt;
  }

  Result<void> publish(Connection& connection, std::stop_token stop) {
    if (plan().way == LoadWay::ThroughStage && plan().existing)
      WEIR_TRY(alter_table(connection, plan(), plan().target, stop));
    if (plan().way == LoadWay::NewTable) return publish_new_table(connection, plan(), stage(), names_, stop);
    if (plan().merges()) {
      WEIR_TRY(publish_merge(connection, plan(), stage(), state_->has_deletes ? Deletes::Some : Deletes::None, stop));
    } else if (plan().request.mode == flow::WriteMode::Replace) {
      WEIR_TRY(publish_in_place(connection, plan(), stage(), stop));
    } else {
      WEIR_TRY(take_back(connection, plan(), stop));
      WEIR_TRY(publish_append(connection, plan(), stage(), stop));
    }
    return add_missing_indexes(connection, plan(), stop);
  }

  Result<flow::Receipt> already_committed(Connection& connection, const flow::Receipt& receipt, std::stop_token stop) {
    WEIR_TRY(connection.run("ROLLBACK", stop));
    auto found = WEIR_TRY(find_receipt(connection, plan().target.text(), receipt.commit, stop));
    if (!found)
      return Error::external(Code::Conflict, "another session has this commit under way: {}", receipt.commit.text());
    return std::move(*found);
  }

  std::shared_ptr<LoadState> state_;
  LockPatience patience_;
  Log& log_;
  std::vector<PendingName> names_;
  bool prepared_ = false;
};

}  // namespace

Result<std::unique_ptr<flow::Load>> open_load(std::shared_ptr<ConnectionPool> pool, LoadPlan plan, Stage stage,
                                              LockPatience patience, Log& log, std::stop_token stop) {
  if (!plan.rejected.empty()) {
    log.warn("{} lacks columns of its source, and schema_changes is reject: their values are left out: {}",
             plan.target.text(), fmt::join(plan.rejected, ", "));
  }
  auto state = std::make_shared<LoadState>(std::move(pool), std::move(plan), std::move(stage));
  // Without a writer there is still a table to make, to empty or to leave alone.
  if (state->plan.way != LoadWay::Direct) {
    WEIR_TRY(state->stage.create(create_stage(state->plan, state->stage.name()), stop));
    const auto alter = alter_empty(state->plan, state->stage.name());
    const bool is_like_the_table = state->plan.way == LoadWay::NewTable && state->plan.existing;
    if (is_like_the_table && !alter.empty()) WEIR_TRY(state->stage.session().run(alter, stop));
    for (const auto& alteration : state->plan.alterations)
      log.info("{} follows its source: {}", state->plan.target.text(), alteration.clause);
  }
  return std::unique_ptr<flow::Load>{std::make_unique<PostgresLoad>(std::move(state), patience, log)};
}

}  // namespace weir::postgres
