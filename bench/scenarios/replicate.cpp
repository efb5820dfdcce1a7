// 200,000 rows changed on a publisher: seconds from the first change until they are on the subscriber, by a `replicate` task
// that waits for them, against a subscription that was made with psql on the same servers.

#include <fmt/format.h>

#include "scenarios/parts.hpp"
#include "scenarios/psql.hpp"
#include "scenarios/timing.hpp"
#include "scenarios/workspace.hpp"

namespace weir::bench {

namespace {

constexpr auto kProject = R"(name: replication
connections:
  publisher: {type: postgres, managed: true}
  subscriber: {type: postgres, managed: true}
)";
constexpr auto kPipeline = R"(name: replicate
tasks:
  replicate: {replicate: {from: publisher, to: subscriber, tables: ours, prove: false}}
)";

std::vector<std::string> make_table(const std::string& name) {
  return {fmt::format("CREATE TABLE {} (id int PRIMARY KEY, v int, filler text)", name),
          fmt::format("INSERT INTO {} SELECT n, 0, repeat('x', 50) FROM generate_series(1, 200000) n", name)};
}

std::string change(const std::string& name) { return fmt::format("UPDATE {} SET v = v + 1", name); }

// A task looks at both servers' tables before it waits, and is a run with a ledger: a third more time at most.
constexpr double kGoal = 0.75;

// Looks every 10 ms whether the slot's subscriber has what is committed now.
constexpr auto kWait =
    "DO $$ DECLARE target pg_lsn := pg_current_wal_lsn(); BEGIN WHILE (SELECT confirmed_flush_lsn FROM "
    "pg_replication_slots WHERE slot_name = 'reference') < target LOOP PERFORM pg_sleep(0.01); END LOOP; END $$";

}  // namespace

Result<Figures> measure_replicate(const Setup& setup) {
  const Workspace workspace =
      WEIR_TRY(Workspace::make(setup, "replication", {{"weir.yml", kProject}, {"pipelines/replicate.yml", kPipeline}}));
  const auto publisher = WEIR_TRY(workspace.address("publisher"));
  const auto subscriber = WEIR_TRY(workspace.address("subscriber"));
  const Program ours = workspace.weir({"run", "replicate"});
  WEIR_TRY(run(psql(publisher, make_table("ours"))));
  WEIR_TRY(run(ours));
  WEIR_TRY(run(psql(publisher, make_table("reference"))));
  WEIR_TRY(run(psql(publisher, {"CREATE PUBLICATION reference FOR TABLE reference"})));
  WEIR_TRY(run(psql(
      subscriber,
      {"CREATE TABLE reference (id int PRIMARY KEY, v int, filler text)",
       fmt::format("CREATE SUBSCRIPTION reference CONNECTION 'host={} port={} user={} password={} "
                   "dbname={}' PUBLICATION reference",
                   publisher.host, publisher.port, publisher.user, publisher.password.reveal(), publisher.database)})));
  WEIR_TRY(run(psql(publisher, {kWait})));

  const double by_psql = WEIR_TRY(best_of(setup.repeats, [&] {
    return seconds_of([&]() -> Result<void> {
      WEIR_TRY(run(psql(publisher, {change("reference"), kWait})));
      return {};
    });
  }));
  const double by_weir = WEIR_TRY(best_of(setup.repeats, [&] {
    return seconds_of([&]() -> Result<void> {
      WEIR_TRY(run(psql(publisher, {change("ours")})));
      WEIR_TRY(run(ours));
      return {};
    });
  }));
  return Figures{{.name = "replicate/changes",
                  .ours = by_weir,
                  .reference = by_psql,
                  .goal = kGoal,
                  .unit = "s",
                  .better = Better::Lower,
                  .against = "a subscription made with psql"}};
}

}  // namespace weir::bench
