#include <gtest/gtest.h>

#include <csignal>
#include <thread>

#include "base/file.hpp"
#include "net/http_client.hpp"
#include "replication_project.hpp"
#include "slowness.hpp"

// The task kind `replicate` on two managed PostgreSQL servers and the embedded ClickHouse: the real binary, the real servers.
namespace weir {
namespace {

using testing::ReplicationProject;

class Replicate : public ::testing::Test {
 protected:
  static ReplicationProject& space() { return ReplicationProject::instance(); }
  static void at_source(const std::string& sql) { space().execute("publisher", sql); }
  static void at_target(const std::string& sql) { space().execute("subscriber", sql); }
  static std::string target(const std::string& sql) { return space().rows("subscriber", sql); }
  // A replication of its own for every test, of tables that begin with its name.
  static std::string settings(const std::string& name, const std::string& more = {}) {
    return fmt::format("from: publisher, to: subscriber, name: {0}, tables: [\"{0}*\"]{1}", name,
                       more.empty() ? "" : ", " + more);
  }
  static Json expect_success(const std::string& name) {
    const auto result = space().run(name);
    EXPECT_EQ(result.exit_code, 0) << ReplicationProject::error(result) << result.err;
    return ReplicationProject::output(result);
  }
  static std::string expect_failure(const std::string& name) {
    const auto result = space().run(name);
    EXPECT_EQ(result.exit_code, 1) << result.out << result.err;
    return ReplicationProject::error(result);
  }
  static bool has_change(const Json& output, std::string_view text) {
    for (const auto& change : output["changes"]) {
      if (change.get<std::string>().find(text) != std::string::npos) return true;
    }
    return false;
  }
};

TEST_F(Replicate, MakesCopiesAndProvesTablesOfAllTypesOnce) {
  at_source(
      "CREATE SCHEMA crm; CREATE TABLE first (id bigint, part text, amount numeric(12,2) NOT NULL, exact numeric, at "
      "timestamptz, "
      "tags text[], doc jsonb, raw bytea, twice numeric GENERATED ALWAYS AS (amount * 2) STORED, PRIMARY KEY (id, "
      "part));"
      "INSERT INTO first SELECT n, 'p' || n, n / 4.0, n / 3.0, '2026-03-01'::timestamptz + n * interval '1 s', "
      "ARRAY['a', NULL], "
      "'{\"a\": [1, 2]}', '\\x00ff' FROM generate_series(1, 5000) n;"
      "CREATE TABLE first_keyless (a int, b text); INSERT INTO first_keyless VALUES (1, 'x'), (1, 'x'), (NULL, NULL);"
      "CREATE TABLE first_split (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);"
      "CREATE TABLE first_split_1 PARTITION OF first_split FOR VALUES FROM (0) TO (10);"
      "CREATE TABLE first_split_2 PARTITION OF first_split FOR VALUES FROM (10) TO (20);"
      "INSERT INTO first_split SELECT n, 'v' FROM generate_series(0, 19) n;"
      "CREATE TABLE crm.\"Odd name\" (\"Key\" int PRIMARY KEY, \"a'b\" text); INSERT INTO crm.\"Odd name\" VALUES (1, "
      "'q''q')");
  space().write_pipeline("first", "from: publisher, to: subscriber, name: first, tables: [\"first*\", \"crm.*\"]");
  const auto output = expect_success("first");
  EXPECT_EQ(output["rows"], 5000 + 3 + 20 + 1);
  EXPECT_EQ(output["tables"], (Json{"crm.Odd name", "public.first", "public.first_keyless", "public.first_split"}));
  EXPECT_TRUE(has_change(output, "made subscription first"));
  EXPECT_TRUE(has_change(output, "REPLICA IDENTITY FULL on public.first_keyless"));
  EXPECT_EQ(target("SELECT sum(amount), sum(twice), count(*) FROM first"), "3125625.00|6251250.00|5000");
  EXPECT_EQ(target("SELECT \"a'b\" FROM crm.\"Odd name\""), "q'q");
  EXPECT_EQ(target("SELECT count(*) FROM pg_index WHERE indrelid = 'first'::regclass AND indisprimary"), "1");

  at_source(
      "UPDATE first SET amount = -amount WHERE id <= 10; DELETE FROM first WHERE id > 4990; "
      "DELETE FROM first_keyless WHERE a IS NULL; UPDATE first_split SET id = id + 100 WHERE false; UPDATE first_split "
      "SET v = 'w'");
  const auto again = expect_success("first");
  EXPECT_EQ(again["changes"], Json::array());
  EXPECT_EQ(again["rows"], 4990 + 2 + 20 + 1);
  EXPECT_EQ(target("SELECT sum(amount) FROM first WHERE id <= 10"), "-13.75");
  EXPECT_EQ(again["lag_bytes"].is_number(), true);
}

TEST_F(Replicate, GivesTheSubscriberNeitherTheSuperuserNorItsPasswordAway) {
  at_source("CREATE TABLE secret (id int PRIMARY KEY); INSERT INTO secret VALUES (1); CREATE TABLE hidden (id int)");
  space().write_pipeline("secret", settings("secret"));
  const auto result = space().run("secret");
  ASSERT_EQ(result.exit_code, 0) << ReplicationProject::error(result);
  const auto password = read_file(space().project().folder() / ".weir/replication/secret.password");
  ASSERT_TRUE(password.ok());
  EXPECT_EQ(password->size(), 32U);
  const auto state = std::filesystem::status(space().project().folder() / ".weir/replication/secret.password");
  EXPECT_EQ(state.permissions() & std::filesystem::perms::all,
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_EQ(
      space().rows("publisher", "SELECT rolsuper, rolreplication, rolcanlogin FROM pg_roles WHERE rolname = 'secret'"),
      "false|true|true");
  EXPECT_EQ(space().rows("publisher",
                         "SELECT has_table_privilege('secret', 'secret', 'SELECT'), has_table_privilege('secret', "
                         "'secret', 'INSERT'), has_table_privilege('secret', 'hidden', 'SELECT')"),
            "true|false|false");
  EXPECT_EQ(target("SELECT subconninfo LIKE '%user=''secret''%' FROM pg_subscription WHERE subname = 'secret'"),
            "true");
  // Nothing that anybody reads holds it: logs of both servers, the run's output, its log, the ledger.
  std::string read = result.out + result.err;
  for (const auto* service : {"publisher", "subscriber"}) read += read_file(space().log_of(service)).value();
  for (const auto& entry : std::filesystem::recursive_directory_iterator(space().project().folder() / ".weir")) {
    if (!entry.is_regular_file() || entry.path().extension() == ".password") continue;
    if (entry.path().string().find("/services/") != std::string::npos) continue;  // the servers' own data
    read += read_file(entry.path()).value();
  }
  EXPECT_EQ(read.find(*password), std::string::npos);
}

TEST_F(Replicate, FollowsNewTablesAndNewColumns) {
  at_source(
      "CREATE TABLE grow (id int PRIMARY KEY, v text); INSERT INTO grow SELECT n, 'v' FROM generate_series(1, 100) n");
  space().write_pipeline("grow", settings("grow"));
  EXPECT_EQ(expect_success("grow")["rows"], 100);
  at_source(
      "CREATE TABLE grow_more (id int PRIMARY KEY); INSERT INTO grow_more SELECT generate_series(1, 7);"
      "ALTER TABLE grow ADD COLUMN plain int; ALTER TABLE grow ADD COLUMN constant int NOT NULL DEFAULT 7;"
      "INSERT INTO grow VALUES (101, 'new', 1, 2); UPDATE grow SET plain = 5 WHERE id = 1");
  const auto output = expect_success("grow");
  EXPECT_EQ(output["rows"], 101 + 7);
  EXPECT_TRUE(has_change(output, "made table public.grow_more"));
  EXPECT_TRUE(has_change(output, "added column plain integer"));
  EXPECT_FALSE(has_change(output, "copying it again")) << output;
  EXPECT_EQ(target("SELECT sum(constant), sum(plain), count(*) FROM grow"), "702|6|101");

  // Nor are values that a change of type computes.
  at_source("ALTER TABLE grow ALTER COLUMN v TYPE varchar(20) USING upper(v)");
  EXPECT_TRUE(has_change(expect_success("grow"), "public.grow: copying it again"));
  EXPECT_EQ(target("SELECT min(v), count(*) FROM grow"), "NEW|101");

  // A default that differs row by row is in no change record: the table is copied anew.
  at_source(
      "ALTER TABLE grow ADD COLUMN token uuid DEFAULT gen_random_uuid(); DROP TABLE grow_more; "
      "CREATE TABLE grow_more (id int PRIMARY KEY, other text); INSERT INTO grow_more VALUES (1, 'another table')");
  const auto copied = expect_success("grow");
  EXPECT_TRUE(has_change(copied, "public.grow: copying it again"));
  EXPECT_TRUE(has_change(copied, "public.grow_more: copying it again"));
  EXPECT_EQ(copied["rows"], 101 + 1);
  EXPECT_EQ(expect_success("grow")["changes"], Json::array());
}

TEST_F(Replicate, LeavesWhatNoLongerFitsThePattern) {
  at_source(
      "CREATE TABLE leave_a (id int PRIMARY KEY); CREATE TABLE leave_b (id int PRIMARY KEY); INSERT INTO leave_b "
      "VALUES (1)");
  space().write_pipeline("leave", settings("leave"));
  expect_success("leave");
  space().write_pipeline("leave", "from: publisher, to: subscriber, name: leave, tables: leave_a");
  EXPECT_EQ(expect_success("leave")["tables"], Json{"public.leave_a"});
  at_source("INSERT INTO leave_a VALUES (2); INSERT INTO leave_b VALUES (2)");
  EXPECT_EQ(expect_success("leave")["rows"], 1);
  EXPECT_EQ(target("SELECT id FROM leave_b"), "1");
  // And back: it is copied again, over the rows that it held.
  space().write_pipeline("leave", settings("leave"));
  EXPECT_EQ(expect_success("leave")["rows"], 3);
  space().write_pipeline("leave", "from: publisher, to: subscriber, name: leave, tables: leave_z");
  EXPECT_NE(expect_failure("leave").find("no table of the source fits: public.leave_z"), std::string::npos);
}

TEST_F(Replicate, TellsAConflictInPostgresqlsOwnWordsAndGoesOnOnceItIsMended) {
  at_source("CREATE TABLE clash (id int PRIMARY KEY, v text); INSERT INTO clash VALUES (1, 'a')");
  space().write_pipeline("clash", settings("clash"));
  expect_success("clash");
  at_target("INSERT INTO clash VALUES (2, 'not from the source')");
  at_source("INSERT INTO clash VALUES (2, 'b')");
  const auto error = expect_failure("clash");
  EXPECT_NE(error.find("duplicate key value violates unique constraint"), std::string::npos) << error;
  EXPECT_NE(error.find("Key (id)=(2) already exists"), std::string::npos) << error;
  EXPECT_NE(error.find("ALTER SUBSCRIPTION clash SKIP"), std::string::npos) << error;
  at_target("DELETE FROM clash WHERE id = 2");
  EXPECT_EQ(expect_success("clash")["rows"], 2);
}

TEST_F(Replicate, ADifferenceFailsTheTaskAndNamesTheRow) {
  at_source("CREATE TABLE differ (id int PRIMARY KEY, v text); INSERT INTO differ VALUES (1, 'a'), (2, 'b')");
  space().write_pipeline("differ", settings("differ"));
  expect_success("differ");
  at_target("UPDATE differ SET v = 'spoilt' WHERE id = 2");
  const auto result = space().run("differ");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(ReplicationProject::error(result).find("1 of 1 tables are not the same as their source: public.differ"),
            std::string::npos);
  EXPECT_NE(result.out.find("id=2: v: b / spoilt"), std::string::npos) << result.out;
  space().write_pipeline("differ", settings("differ", "prove: false"));
  expect_success("differ");
}

TEST_F(Replicate, DoesNotTouchRowsThatItDidNotBring) {
  at_source("CREATE TABLE foreign_rows (id int PRIMARY KEY)");
  at_target("CREATE TABLE foreign_rows (id int PRIMARY KEY); INSERT INTO foreign_rows VALUES (9)");
  space().write_pipeline("foreign_rows", settings("foreign_rows"));
  EXPECT_NE(expect_failure("foreign_rows").find("holds rows that were not replicated"), std::string::npos);
  EXPECT_EQ(target("SELECT id FROM foreign_rows"), "9");
  at_target("TRUNCATE foreign_rows");
  expect_success("foreign_rows");
}

TEST_F(Replicate, SaysThatTheSlotIsLostAndRepairsItWhereTheTaskAllows) {
  at_source("CREATE TABLE lost (id int PRIMARY KEY, v text); INSERT INTO lost VALUES (1, 'a')");
  space().write_pipeline("lost", settings("lost"));
  expect_success("lost");
  at_target("ALTER SUBSCRIPTION lost DISABLE");
  at_source(
      "DO $$ BEGIN WHILE (SELECT active FROM pg_replication_slots WHERE slot_name = 'lost') LOOP PERFORM "
      "pg_sleep(0.01); "
      "END LOOP; PERFORM pg_drop_replication_slot('lost'); END $$");
  at_source("INSERT INTO lost VALUES (2, 'missed'); DELETE FROM lost WHERE id = 1");
  const auto error = expect_failure("lost");
  EXPECT_NE(error.find("lost the replication slot"), std::string::npos) << error;
  EXPECT_NE(error.find("on_slot_lost: recopy"), std::string::npos) << error;
  EXPECT_EQ(target("SELECT id FROM lost"), "1");
  space().write_pipeline("lost", settings("lost", "on_slot_lost: recopy"));
  EXPECT_EQ(expect_success("lost")["rows"], 1);
  EXPECT_EQ(target("SELECT id, v FROM lost"), "2|missed");
}

TEST_F(Replicate, CatchesUpWithTwoHundredThousandChangesAndWarnsOfTheLogTheyTake) {
  at_source(
      "CREATE TABLE busy (id int PRIMARY KEY, v int); INSERT INTO busy SELECT n, 0 FROM generate_series(1, 200000) n");
  space().write_pipeline("busy", settings("busy", "wal_limit: 100kB"));
  expect_success("busy");
  std::jthread writer(
      [] { at_source("UPDATE busy SET v = 1 WHERE id <= 100000; UPDATE busy SET v = 2 WHERE id > 100000"); });
  const auto during = expect_success("busy");
  writer.join();
  const auto after = space().run("busy");
  EXPECT_EQ(after.exit_code, 0) << ReplicationProject::error(after);
  EXPECT_EQ(ReplicationProject::output(after)["rows"], 200'000);
  EXPECT_EQ(target("SELECT sum(v), count(*) FROM busy"), "300000|200000");
  at_target("ALTER SUBSCRIPTION busy DISABLE");
  at_source("UPDATE busy SET v = 3 WHERE id <= 20000");
  const auto warned = space().run("busy");
  EXPECT_EQ(warned.exit_code, 0);
  EXPECT_NE(warned.out.find("more than wal_limit"), std::string::npos) << warned.out;
}

TEST_F(Replicate, SaysHowLongAChangeTakesToArrive) {
  at_source("CREATE TABLE lagging (id int PRIMARY KEY)");
  space().write_pipeline("lagging", settings("lagging"));
  expect_success("lagging");
  // The subscriber cannot apply what comes while somebody has its table.
  std::jthread holder([] {
    at_target(fmt::format("DO $$ BEGIN LOCK TABLE lagging IN ACCESS EXCLUSIVE MODE; PERFORM pg_sleep({}); END $$",
                          1.5 * testing::kSlowness));
  });
  while (target("SELECT count(*) FROM pg_locks WHERE relation = 'lagging'::regclass AND granted AND mode = "
                "'AccessExclusiveLock'") == "0") {
  }
  const auto began = std::chrono::steady_clock::now();
  at_source("INSERT INTO lagging VALUES (1)");
  const auto output = expect_success("lagging");
  const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  ASSERT_TRUE(output["lag_seconds"].is_number()) << output;
  EXPECT_GE(output["lag_seconds"], 0.5);
  EXPECT_LE(output["lag_seconds"], took);
  EXPECT_EQ(output["lag_bytes"], 0);
}

// The log that a slot holds back, as the publisher itself counts it.
TEST_F(Replicate, IsWatchedBetweenRuns) {
  at_source("CREATE TABLE watched (id int PRIMARY KEY, v text)");
  space().write_pipeline("watched", settings("watched", "wal_limit: 100kB"));
  const auto established = expect_success("watched");
  EXPECT_LT(established["retained_bytes"], 100'000'000);
  at_target("ALTER SUBSCRIPTION watched DISABLE");
  const auto slot = [](const std::string& column) {
    return space().rows("publisher",
                        fmt::format("SELECT {} FROM pg_replication_slots WHERE slot_name = 'watched'", column));
  };
  while (slot("active") == "true") {
  }
  at_source("INSERT INTO watched SELECT n, repeat('x', 100) FROM generate_series(1, 20000) n");
  const auto bytes = [&](const std::string& from) {
    return std::stod(slot(fmt::format("pg_wal_lsn_diff(pg_current_wal_lsn(), {})::bigint", from)));
  };
  const auto lag = bytes("confirmed_flush_lsn");
  const auto retained = bytes("restart_lsn");
  EXPECT_GT(lag, 2'000'000);
  EXPECT_GE(retained, lag);

  const auto doctor = space().project().run({"doctor"});
  EXPECT_EQ(doctor.exit_code, 3) << doctor.out;
  const auto at = doctor.out.find("replication watched of publisher: the source must keep ");
  ASSERT_NE(at, std::string::npos) << doctor.out;
  const auto line = doctor.out.substr(at, doctor.out.find('\n', at) - at);
  EXPECT_NE(line.find("MB of its log for this replication, more than wal_limit (0.1 MB)"), std::string::npos) << line;
  EXPECT_TRUE(line.ends_with("; its target is not connected")) << line;
  EXPECT_NEAR(std::stod(line.substr(line.find("keep ") + 5)), retained / 1e6, 1.0) << line;

  std::string address;
  auto serving =
      space().project().start_until({"serve", "--json", "--port", "0", "--no-schedules"}, [&](const Json& event) {
        address = event.value("address", "");
        return address.empty();
      });
  net::HttpClient client;
  std::string metrics;
  const auto value = [&](const std::string& name) {
    const auto start = fmt::format("{}{{connection=\"publisher\",replication=\"watched\"}} ", name);
    const auto found = metrics.find("\n" + start);
    return found == std::string::npos ? -1.0 : std::stod(metrics.substr(found + 1 + start.size()));
  };
  for (int looks = 0; looks < 3000 && value("weir_replication_connected") < 0; ++looks) {
    const auto answer = client.fetch({.method = "GET", .url = address + "/metrics", .headers = {}}, "", {});
    ASSERT_TRUE(answer.ok()) << answer.error().explain();
    metrics = answer->second;
  }
  EXPECT_EQ(value("weir_replication_connected"), 0);
  EXPECT_EQ(value("weir_replication_lost"), 0);
  EXPECT_EQ(value("weir_replication_lag_seconds"), -1) << "nobody is connected";
  EXPECT_GE(value("weir_replication_lag_bytes"), lag);
  EXPECT_LE(value("weir_replication_lag_bytes"), bytes("confirmed_flush_lsn"));
  EXPECT_GE(value("weir_replication_retained_bytes"), retained);
  EXPECT_LE(value("weir_replication_retained_bytes"), bytes("restart_lsn"));
  EXPECT_GT(value("weir_replication_free_bytes"), 0);
  // Who serves is told too, once, in the same words.
  const auto told = serving.error_text();
  const auto warning = told.find("warning: replication watched of publisher: the source must keep ");
  ASSERT_NE(warning, std::string::npos) << told;
  const auto warned = told.substr(warning, told.find('\n', warning) - warning);
  EXPECT_NE(warned.find("MB of its log for this replication, more than wal_limit (0.1 MB)"), std::string::npos) << told;
  EXPECT_TRUE(warned.ends_with("; its target is not connected")) << told;
  EXPECT_NEAR(std::stod(warned.substr(warned.find("keep ") + 5)), retained / 1e6, 1.0) << told;
  EXPECT_EQ(told.find("replication watched", warning + warned.size()), std::string::npos) << told;
  serving.process.signal(SIGTERM);
  serving.process.wait();

  // The next run has the subscriber fetch it.
  EXPECT_EQ(expect_success("watched")["rows"], 20'000);
  const auto after = space().project().run({"doctor"});
  EXPECT_EQ(after.out.find("replication watched of publisher: the source has given up"), std::string::npos);
}

// ClickHouse's own way to follow a PostgreSQL: as a database it takes changes, goes on after a restart, and tidies up.
TEST_F(Replicate, MaterializedPostgresqlFollowsAndGoesOnAfterARestart) {
  at_source("CREATE TABLE material (id int PRIMARY KEY, v text); INSERT INTO material VALUES (1, 'a'), (2, 'b')");
  const auto publisher = space().supervisor().ensure("publisher", {});
  ASSERT_TRUE(publisher.ok()) << publisher.error().explain();
  const auto ask = [&](const std::string& sql) {
    const auto warehouse = space().supervisor().ensure("warehouse", {});
    if (!warehouse.ok()) return warehouse.error().explain();
    net::HttpRequest request;
    request.method = "POST";
    request.url = "http://localhost/?allow_experimental_database_materialized_postgresql=1";
    request.unix_socket = warehouse->unix_socket;
    request.headers.add("X-ClickHouse-User", warehouse->user);
    request.headers.add("X-ClickHouse-Key", warehouse->password.reveal());
    net::HttpClient client;
    const auto answer = client.fetch(request, sql, {});
    return answer.ok() ? answer->second : answer.error().explain();
  };
  const auto expect_rows = [&](const std::string& expected) {
    std::string rows;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    while (rows != expected && std::chrono::steady_clock::now() < deadline)
      rows = ask("SELECT * FROM followed.material FINAL ORDER BY id FORMAT TSV");
    EXPECT_EQ(rows, expected);
  };
  EXPECT_EQ(ask(fmt::format("CREATE DATABASE followed ENGINE = MaterializedPostgreSQL('{}:{}', '{}', '{}', '{}') "
                            "SETTINGS materialized_postgresql_tables_list = 'material'",
                            publisher->host, publisher->port, publisher->database, publisher->user,
                            publisher->password.reveal())),
            "");
  expect_rows("1\ta\n2\tb\n");
  at_source(
      "INSERT INTO material VALUES (3, 'c'); UPDATE material SET v = 'B' WHERE id = 2; DELETE FROM material WHERE "
      "id = 1");
  expect_rows("2\tB\n3\tc\n");
  ::kill(space().pid_of("warehouse"), SIGKILL);
  at_source("INSERT INTO material VALUES (4, 'd')");
  space().ensure("warehouse");
  expect_rows("2\tB\n3\tc\n4\td\n");
  EXPECT_EQ(ask("DROP DATABASE followed SYNC"), "");
  EXPECT_EQ(space().rows("publisher",
                         "SELECT count(*) FROM pg_replication_slots WHERE database = current_database() "
                         "AND plugin = 'pgoutput' AND slot_name = current_database()"),
            "0");
}

TEST_F(Replicate, WarnsOfADiskThatIsNearlyFull) {
  at_source("CREATE TABLE disk (id int PRIMARY KEY)");
  space().write_pipeline("disk", settings("disk", "wal_limit: 1000000GiB"));
  const auto result = space().run("disk");
  EXPECT_EQ(result.exit_code, 0) << ReplicationProject::error(result);
  const auto at = result.out.find("the source's disk has ");
  ASSERT_NE(at, std::string::npos) << result.out;
  const auto free = static_cast<double>(std::filesystem::space(space().project().folder()).available);
  EXPECT_NEAR(std::stod(result.out.substr(at + 22)), free / 1e6, free / 1e6 / 10);
  EXPECT_NEAR(ReplicationProject::output(result)["free_bytes"].get<double>(), free, free / 10);
  EXPECT_NE(result.out.find("less than its log may grow by (wal_limit: 1073741824.0 MB)"), std::string::npos);
  EXPECT_EQ(result.out.find("more than wal_limit"), std::string::npos);
}

TEST_F(Replicate, ClickhouseReadsTheSubscriberAndFollowsIt) {
  at_source(
      "CREATE TABLE seen (id int PRIMARY KEY, name text, mass numeric(12,2), exact numeric, ok boolean, day date, at "
      "timestamptz, "
      "tags text[] NOT NULL, doc jsonb, raw bytea, took interval); "
      "INSERT INTO seen VALUES (1, 'Falcon', 1.50, 1.23456789012345678901234567890, true, '2026-03-01', '2026-03-01 "
      "12:00:00.5+00', "
      "'{a,NULL,\"b c\"}', '{\"k\": [1]}', '\\x00ff', '1 day'), (2, NULL, NULL, NULL, NULL, NULL, NULL, '{}', NULL, "
      "NULL, NULL)");
  space().write_pipeline("seen", settings("seen"));
  expect_success("seen");
  space().write_pipeline("mirror",
                         "from: subscriber, to: warehouse, name: seen_mirror, tables: [\"seen*\"], into: spacex");
  const auto output = expect_success("mirror");
  EXPECT_EQ(output["rows"], 2);
  EXPECT_TRUE(has_change(output, "made table spacex.seen"));
  const auto warehouse = [](const std::string& sql) { return space().rows("warehouse", sql); };
  EXPECT_EQ(
      warehouse("SELECT id, name, mass, exact, ok, day, at, tags, doc FROM spacex.seen ORDER BY id"),
      "1|Falcon|1.50|1.23456789012345678901234567890|true|2026-03-01|2026-03-01 12:00:00.500000Z|[\"a\",null,\"b c\"]|"
      "{\"k\": [1]} 2|null|null|null|null|null|null|[]|null");

  // The rows are read where they are, and new columns and tables come with the next run.
  at_source(
      "ALTER TABLE seen ADD COLUMN crew int DEFAULT 4; CREATE TABLE seen_too (id int PRIMARY KEY); INSERT INTO "
      "seen_too VALUES (5)");
  expect_success("seen");
  const auto followed = expect_success("mirror");
  EXPECT_TRUE(has_change(followed, "spacex.seen: added column crew"));
  EXPECT_EQ(warehouse("SELECT sum(crew) FROM spacex.seen"), "8");
  EXPECT_EQ(warehouse("SELECT id FROM spacex.seen_too"), "5");

  const auto password = read_file(space().project().folder() / ".weir/replication/seen_mirror.password").value();
  const auto shown = warehouse("SHOW CREATE TABLE spacex.seen") +
                     warehouse("SELECT * FROM system.tables WHERE database = 'spacex'") +
                     warehouse("SELECT * FROM system.named_collections") + warehouse("SELECT * FROM system.processes");
  EXPECT_NE(shown.find("PostgreSQL(seen_mirror"), std::string::npos);
  EXPECT_EQ(shown.find(password), std::string::npos);
  EXPECT_EQ(read_file(space().project().folder() / ".weir/services/warehouse/queries.jsonl").value().find(password),
            std::string::npos);
  // It reads those tables and no others, and writes nothing.
  EXPECT_NE(warehouse("SELECT count() FROM postgresql(seen_mirror, table = 'commits', schema = 'weir_meta')")
                .find("permission denied"),
            std::string::npos);
  EXPECT_EQ(space().rows("subscriber", "SELECT rolsuper OR rolreplication FROM pg_roles WHERE rolname = 'seen_mirror'"),
            "false");

  space().write_pipeline("mirror", "from: subscriber, to: warehouse, name: seen_mirror, tables: seen, into: spacex");
  EXPECT_TRUE(has_change(expect_success("mirror"), "dropped the mirror spacex.seen_too"));
}

}  // namespace
}  // namespace weir
