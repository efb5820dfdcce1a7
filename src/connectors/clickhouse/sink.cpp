#include "connectors/clickhouse/sink.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>

#include "connectors/clickhouse/catalog.hpp"
#include "connectors/clickhouse/load_plan.hpp"
#include "connectors/clickhouse/publish.hpp"
#include "connectors/clickhouse/staging.hpp"
#include "connectors/clickhouse/table_clauses.hpp"
#include "connectors/clickhouse/writer.hpp"

namespace weir::clickhouse {
namespace {

class ClickhouseLoad final : public flow::Load {
 public:
  ClickhouseLoad(std::shared_ptr<ClientPool> pool, ServerInfo server, LoadPlan plan, std::string cluster,
                 std::optional<flow::Superseded> superseded)
      : pool_(std::move(pool)),
        server_(std::move(server)),
        plan_(std::make_shared<const LoadPlan>(std::move(plan))),
        cluster_(std::move(cluster)),
        superseded_(std::move(superseded)),
        publisher_(pool_, plan_->target.space, cluster_) {}
  ClickhouseLoad(const ClickhouseLoad&) = delete;
  ClickhouseLoad& operator=(const ClickhouseLoad&) = delete;

  ~ClickhouseLoad() override {
    // What a commit of unknown outcome needs to be settled must stay.
    if (outcome_ == Outcome::Unknown) return;
    (void)publisher_.drop(plan_->staging, {});
    if (plan_->mode == flow::WriteMode::Merge) (void)publisher_.drop(plan_->next, {});
  }

  Result<void> make_tables(std::stop_token stop) {
    WEIR_TRY(check_guards(stop));
    for (const auto& statement : plan_->statements) WEIR_TRY(execute(statement, stop));
    return publisher_.make_receipts_table(stop);
  }

  Result<std::unique_ptr<flow::Writer>> writer(std::stop_token) override {
    return make_writer(pool_, server_, plan_, progress_);
  }

  Result<flow::Receipt> commit(const CommitId& commit, std::stop_token stop) override {
    if (auto receipt = WEIR_TRY(publisher_.settle(plan_->target, commit, stop))) return *receipt;
    if (progress_->unfinished != 0)
      return Error::bug("a load is committed while {} writers are open", progress_->unfinished.load());
    const std::uint64_t written = progress_->rows;
    const auto staged = WEIR_TRY(count(plan_->staging, stop));
    if (plan_->keeps_every_row && staged != written + progress_->deletes) {
      return Error::external(Code::InvalidData, "ClickHouse holds {} of the {} rows that were written", staged, written)
          .retry(Retry::Later);
    }
    CommitRecord record{.commit = commit,
                        .target = plan_->target,
                        .method = plan_->method,
                        .staging = plan_->staging,
                        .proof = {},
                        .rows = written,
                        .done = false};
    if (plan_->mode == flow::WriteMode::Merge) {
      WEIR_TRY(merge(stop));
      record.staging = plan_->next;
    } else if (!plan_->alterations.empty()) {
      // An added column that no row uses yet is all that remains of a commit that dies here.
      WEIR_TRY(check_guards(stop));
      WEIR_TRY(execute(alter_statement(*plan_, plan_->target, pool_->options(), cluster_), stop));
    }
    if (superseded_ && !plan_->superseded.empty()) {
      WEIR_TRY(check_superseded(commit, stop));
      record.superseded = plan_->superseded;
    }
    outcome_ = Outcome::Unknown;
    auto receipt = WEIR_TRY(publisher_.publish(std::move(record), stop));
    outcome_ = Outcome::Committed;
    drop_old(stop);
    return receipt;
  }

 private:
  enum class Outcome { Open, Unknown, Committed };

  Result<void> execute(const std::string& sql, std::stop_token stop) {
    WEIR_TRY(pool_->take()->execute({.sql = sql}, stop));
    return {};
  }
  std::string quoted(const flow::Relation& relation) const { return quote_relation(relation, pool_->options()); }

  // Some may be gone when an earlier process died while it took them away.
  Result<void> check_superseded(const CommitId& commit, std::stop_token stop) {
    const auto found = WEIR_TRY(count(plan_->target, stop, " WHERE " + plan_->superseded));
    if (found == superseded_->rows) return {};
    if (found < superseded_->rows && WEIR_TRY(publisher_.was_prepared(plan_->target, commit, stop))) return {};
    return flow::changed_since(*superseded_, plan_->target.text(), found);
  }

  Result<std::uint64_t> count(const flow::Relation& table, std::stop_token stop, std::string_view where = "") {
    const auto rows =
        WEIR_TRY(pool_->take()->rows({.sql = fmt::format("SELECT count() FROM {}{}", quoted(table), where)}, stop));
    const auto text = rows.empty() ? std::string{} : rows[0][0].value_or("");
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  }

  // What a wider type would round keeps the table as it is.
  Result<void> check_guards(std::stop_token stop) {
    for (const auto& [column, clause, guard] : plan_->alterations) {
      if (guard.empty()) continue;
      const auto rows = WEIR_TRY(pool_->take()->rows(
          {.sql = fmt::format("SELECT count() FROM {} WHERE {}", quoted(plan_->target), guard)}, stop));
      if (rows.empty() || rows[0][0] == "0") continue;
      return Error::user(Code::TypeMismatch, "column {} of {} has values that its wider type would not hold exactly",
                         column, plan_->target.text())
          .hint("change the column by hand, or state its type at the source");
    }
    return {};
  }

  static std::string list_of(const std::vector<std::string>& names) {
    std::vector<std::string> quoted_names;
    for (const auto& name : names) quoted_names.push_back(quote_name(name));
    return fmt::format("{}", fmt::join(quoted_names, ", "));
  }

  // Makes `next`: the target without the keys that were written and the origins that were deleted, and the last version of
  // each row that no later Delete takes away.
  Result<void> merge(std::stop_token stop) {
    const auto key = list_of(plan_->key);
    const auto origin = list_of(plan_->origin);
    const auto columns = list_of(plan_->names);
    const auto next = quoted(plan_->next);
    const auto staging = quoted(plan_->staging);
    const auto deleted = quote_name(kDeletedColumn);
    const auto sequence = quote_name(kSequenceColumn);
    WEIR_TRY(execute(fmt::format("CREATE TABLE {} AS {}", next, quoted(plan_->target)), stop));
    WEIR_TRY(execute(fmt::format("ALTER TABLE {} ATTACH PARTITION ALL FROM {}", next, quoted(plan_->target)), stop));
    if (!plan_->alterations.empty()) {
      WEIR_TRY(check_guards(stop));
      WEIR_TRY(execute(alter_statement(*plan_, plan_->next, pool_->options(), {}), stop));
    }
    WEIR_TRY(execute(fmt::format("DELETE FROM {} WHERE ({}) IN (SELECT {} FROM {})", next, key, key, staging), stop));
    auto staged = fmt::format("SELECT * FROM {}", staging);
    if (progress_->deletes != 0) {
      WEIR_TRY(execute(fmt::format("DELETE FROM {} WHERE ({}) IN (SELECT {} FROM {} WHERE {} = 1)", next, origin,
                                   origin, staging, deleted),
                       stop));
      staged = fmt::format(
          "SELECT * FROM (SELECT *, maxIf({0}, {1} = 1) OVER (PARTITION BY {2}) AS weir_deleted_at FROM {3}) "
          "WHERE {1} = 0 AND {0} >= weir_deleted_at",
          sequence, deleted, origin, staging);
    }
    return execute(fmt::format("INSERT INTO {} ({}) SELECT {} FROM ({}) ORDER BY {} DESC LIMIT 1 BY {}", next, columns,
                               columns, staged, sequence, key),
                   stop);
  }

  // What an exchange left under the other names.
  void drop_old(const std::stop_token& stop) {
    (void)publisher_.drop(beside(plan_->target, kOldMark, owner_in(plan_->staging.name)), stop);
  }

  std::shared_ptr<ClientPool> pool_;
  ServerInfo server_;
  std::shared_ptr<const LoadPlan> plan_;
  std::shared_ptr<LoadProgress> progress_ = std::make_shared<LoadProgress>();
  std::string cluster_;
  std::optional<flow::Superseded> superseded_;
  Publisher publisher_;
  Outcome outcome_ = Outcome::Open;
};

class ClickhouseSink final : public flow::Sink {
 public:
  ClickhouseSink(std::shared_ptr<ClientPool> pool, std::string cluster, Log& log)
      : pool_(std::move(pool)), cluster_(std::move(cluster)), log_(log) {}

  Result<std::unique_ptr<flow::Load>> open(const flow::WriteRequest& request, std::stop_token stop) override {
    const auto server = WEIR_TRY(pool_->server(stop));
    const auto target = in_database(flow::parse_relation(request.table), pool_->options());
    WEIR_TRY(remove_leftovers(target, stop));
    const auto existing = WEIR_TRY(find_table(*pool_, target, stop));
    auto plan = WEIR_TRY(plan_load(request, existing, server, pool_->options(), cluster_, make_owner()));
    if (!plan.rejected.empty()) {
      log_.warn("{} lacks columns of its source, and schema_changes is reject: their values are left out: {}",
                plan.target.text(), fmt::join(plan.rejected, ", "));
    }
    auto load = std::make_unique<ClickhouseLoad>(pool_, server, std::move(plan), cluster_, request.superseded);
    WEIR_TRY(load->make_tables(stop));
    return load;
  }

  Result<std::optional<flow::Receipt>> find(const flow::WriteRequest& request, const CommitId& commit,
                                            std::stop_token stop) override {
    const auto target = in_database(flow::parse_relation(request.table), pool_->options());
    return Publisher(pool_, target.space, cluster_).settle(target, commit, stop);
  }

 private:
  Result<void> remove_leftovers(const flow::Relation& target, std::stop_token stop) {
    Publisher publisher(pool_, target.space, cluster_);
    for (const auto& leftover : WEIR_TRY(find_leftovers(*pool_, target, stop))) {
      WEIR_TRY(publisher.remove_leftover(leftover, stop));
      log_.info("removed what a killed load left behind: {}", leftover.text());
    }
    return {};
  }

  std::shared_ptr<ClientPool> pool_;
  std::string cluster_;
  Log& log_;
};

}  // namespace

std::unique_ptr<flow::Sink> make_sink(std::shared_ptr<ClientPool> pool, std::string cluster, Log& log) {
  return std::make_unique<ClickhouseSink>(std::move(pool), std::move(cluster), log);
}

}  // namespace weir::clickhouse
