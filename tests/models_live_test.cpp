// SQL models on a real PostgreSQL and on the embedded ClickHouse: one project, both databases, the same outcome.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <map>

#include "base/file.hpp"
#include "connectors/clickhouse/connector.hpp"
#include "connectors/postgres/connector.hpp"
#include "data/text.hpp"
#include "models/models.hpp"
#include "services/service.hpp"

namespace weir::models {
namespace {

// The two databases, started once for the program and stopped at its end.
class Servers {
 public:
  static Servers& instance() {
    static Servers servers;
    return servers;
  }

  flow::Database& database(const std::string& name) { return *databases_.at(name); }
  const std::filesystem::path& folder() const { return folder_; }

 private:
  Servers() {
    folder_ = std::filesystem::temp_directory_path() / ("weir_models_live_" + std::to_string(::getpid()));
    const std::vector<services::ServiceSpec> specs{spec(services::ServiceKind::Warehouse, "clickhouse"),
                                                   spec(services::ServiceKind::Postgres, "postgres")};
    supervisor_ = services::Supervisor::create(specs, services::Supervisor::Lifetime::WithSupervisor, silent_log());
    open("clickhouse", clickhouse_connector());
    open("postgres", postgres_connector());
  }
  Servers(const Servers&) = delete;
  Servers& operator=(const Servers&) = delete;
  ~Servers() {
    databases_.clear();
    supervisor_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  services::ServiceSpec spec(services::ServiceKind kind, const std::string& name) const {
    services::ServiceSpec spec;
    spec.kind = kind;
    spec.name = name;
    spec.state_folder = folder_ / ".weir";
    spec.weir_binary = WEIR_BINARY;
    return spec;
  }

  void open(const std::string& name, const flow::Connector& connector) {
    const auto address = supervisor_->ensure(name, {});
    ASSERT_TRUE(address.ok()) << address.error().explain();
    Json settings{{"user", address->user},
                  {"password", address->password.reveal()},
                  {"database", address->database},
                  {"connect_timeout", "5s"}};
    if (name == "clickhouse") {
      settings["unix_socket"] = address->unix_socket;
    } else {
      settings.update({{"host", address->unix_socket}, {"port", address->port}, {"schema", "public"}});
    }
    flow::OpenContext context;
    context.connection = {name, name, Settings{settings}};
    auto database = connector.open_database(context);
    ASSERT_TRUE(database.ok()) << database.error().explain();
    databases_[name] = std::move(*database);
  }

  std::filesystem::path folder_;
  std::unique_ptr<services::Supervisor> supervisor_;
  std::map<std::string, std::unique_ptr<flow::Database>> databases_;
};

class ModelsLiveTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    project_.name = "shop";
    project_.folder = Servers::instance().folder();
    project_.model_connection = "db";
    project_.connections.push_back({.name = "db", .type = GetParam()});
    targets_.dialect = [this](std::string_view) { return &database().dialect(); };
    targets_.default_space = [this](std::string_view) { return database().default_space(); };
    run(std::string("drop table if exists raw_orders") + (is_clickhouse() ? "" : " cascade"));
    run(is_clickhouse() ? "create table raw_orders (id Int64, person Nullable(Int64), day Date, amount Decimal(12,2)) "
                          "engine = MergeTree order by id"
                        : "create table raw_orders (id bigint, person bigint, day date, amount decimal(12,2))");
    run("insert into raw_orders values (1, 10, '2026-03-01', 5.50), (2, 11, '2026-03-01', 1.25), (3, 10, '2026-03-02', "
        "3)");
    properties(R"json({"sources": [{"name": "db", "tables": [{"name": "raw_orders"}]}]})json");
  }

  static bool is_clickhouse() { return std::string_view(GetParam()) == "clickhouse"; }
  static flow::Database& database() { return Servers::instance().database(GetParam()); }

  static void run(const std::string& sql) {
    const auto done = database().execute(sql, {});
    ASSERT_TRUE(done.ok()) << sql << "\n" << done.error().explain();
  }

  // Rows as text: "1|a 2|b".
  static std::string rows(const std::string& sql) {
    const auto batches = flow::select_all(database(), sql, {});
    if (!batches.ok()) return batches.error().text();
    std::string text;
    for (const auto& batch : *batches) {
      for (std::size_t row = 0; row < batch.rows(); ++row) {
        if (!text.empty()) text += " ";
        for (std::size_t column = 0; column < batch.columns().size(); ++column) {
          if (column != 0) text += "|";
          const auto& values = batch.column(column);
          text += values.is_null(row) ? "null" : data::value_text(values, row);
        }
      }
    }
    return text;
  }

  void model(const std::string& path, const std::string& text) {
    std::erase_if(project_.sql_files, [&](const auto& file) { return file.path == path; });
    project_.sql_files.push_back(
        {project::SqlFile::Kind::Model, path, std::filesystem::path(path).stem().string(), text});
  }
  void properties(std::string_view json) {
    project_.properties.push_back({"models/schema.yml", parse_json(json).value(), {}});
  }

  Graph graph() const {
    auto outcome = build_graph(project_, targets_);
    for (const auto& error : outcome.mistakes.errors) ADD_FAILURE() << error.explain();
    return outcome.graph.value_or(Graph{});
  }

  // Executes everything in order; a line a node.
  std::string build(const CompileOptions& options = {}) const {
    const auto nodes = graph();
    std::string text;
    for (const auto& node : nodes.nodes) {
      const auto done = execute(project_, nodes, node, targets_, database(), options, silent_log(), {});
      text += node.name + ": " + (done.ok() ? std::to_string(done->rows) : done.error().text()) + "\n";
    }
    return text;
  }

  project::Project project_;
  Targets targets_;
};

TEST_P(ModelsLiveTest, BuildsAGraph) {
  model("models/live_staged.sql", "select id, person, day, amount from {{ source('db', 'raw_orders') }}");
  model("models/live_cents.sql",
        "{{ config(materialized='ephemeral') }} select id, amount * 100 as cents from {{ ref('live_staged') }}");
  model("models/live_people.sql",
        "{{ config(materialized='table', order_by='person') }}\n"
        "with totals as (select person, sum(amount) as spent from {{ ref('live_staged') }} group by person)\n"
        "select coalesce(person, 0) as person, spent from totals");
  model("models/live_total.sql",
        "{{ config(materialized='table', order_by='n') }} select count(*) as n, sum(cents) as cents from {{ "
        "ref('live_cents') }}");
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(build(), "live_staged: 0\nlive_cents: 0\nlive_people: 2\nlive_total: 1\n");
  }
  EXPECT_EQ(rows("select person, spent from live_people order by person"), "10|8.50 11|1.25");
  EXPECT_EQ(rows("select n, cast(cents as decimal(12,2)) from live_total"), "3|975.00");
  // A view becomes a table and a table a view.
  model(
      "models/live_staged.sql",
      "{{ config(materialized='table', order_by='id') }} select * from {{ source('db', 'raw_orders') }} where id < 3");
  model("models/live_total.sql", "select count(*) as n from {{ ref('live_staged') }}");
  EXPECT_EQ(build(), "live_staged: 2\nlive_cents: 0\nlive_people: 2\nlive_total: 0\n");
  EXPECT_EQ(rows("select n from live_total"), "2");
}

TEST_P(ModelsLiveTest, Increments) {
  run("drop table if exists live_daily");
  run("drop table if exists live_log");
  model("models/live_daily.sql",
        "{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='day', order_by='day') "
        "}}\n"
        "select day, sum(amount) as amount from {{ source('db', 'raw_orders') }}\n"
        "{% if is_incremental() %}where day >= (select max(day) from {{ this }}){% endif %}\ngroup by day");
  model("models/live_log.sql",
        "{{ config(materialized='incremental', incremental_strategy='append', order_by='id') }}\n"
        "select id, day from {{ source('db', 'raw_orders') }}\n"
        "{% if is_incremental() %}where id > (select max(id) from {{ this }}){% endif %}");
  EXPECT_EQ(build(), "live_daily: 2\nlive_log: 3\n");
  run("insert into raw_orders values (4, 12, '2026-03-02', 7), (5, 12, '2026-03-03', 1)");
  EXPECT_EQ(build(), "live_daily: 3\nlive_log: 5\n");
  const std::string expected = "2026-03-01|6.75 2026-03-02|10.00 2026-03-03|1.00";
  const std::string daily = "select day, cast(amount as decimal(12,2)) from live_daily order by day";
  EXPECT_EQ(rows(daily), expected);
  EXPECT_EQ(build(), "live_daily: 3\nlive_log: 5\n");
  EXPECT_EQ(rows(daily), expected);
  run("insert into raw_orders values (6, 12, '2026-03-01', 100)");
  CompileOptions full;
  full.full_refresh = true;
  EXPECT_EQ(build(full), "live_daily: 3\nlive_log: 6\n");
  EXPECT_EQ(rows(daily), "2026-03-01|106.75 2026-03-02|10.00 2026-03-03|1.00");
}

TEST_P(ModelsLiveTest, ColumnsChange) {
  run("drop table if exists live_wide");
  const std::string head =
      "{{ config(materialized='incremental', incremental_strategy='append', order_by='id', on_schema_change='";
  const std::string tail =
      " from {{ source('db', 'raw_orders') }}{% if is_incremental() %} where id > (select max(id) from {{ this }}){% "
      "endif %}";
  model("models/live_wide.sql", head + "fail') }} select id, day" + tail);
  EXPECT_EQ(build(), "live_wide: 3\n");
  run("insert into raw_orders values (4, 12, '2026-03-02', 7)");
  model("models/live_wide.sql", head + "fail') }} select amount, id, day" + tail);
  EXPECT_NE(build().find("the model has columns that its table"), std::string::npos);
  model("models/live_wide.sql", head + "ignore') }} select amount, day, id" + tail);
  EXPECT_EQ(build(), "live_wide: 4\n");
  run("insert into raw_orders values (5, 12, '2026-03-03', 8)");
  model("models/live_wide.sql", head + "append_new_columns') }} select amount, day, id" + tail);
  EXPECT_EQ(build(), "live_wide: 5\n");
  EXPECT_EQ(rows("select id, day, amount from live_wide where id >= 3 order by id"),
            "3|2026-03-02|null 4|2026-03-02|null 5|2026-03-03|8.00");
}

TEST_P(ModelsLiveTest, Tests) {
  model("models/live_people2.sql",
        "{{ config(materialized='table', order_by='person') }} select distinct person from {{ source('db', "
        "'raw_orders') }} where person = 10");
  model(
      "models/live_orders2.sql",
      "select id, person, case when id = 1 then 'new' else 'paid' end as status from {{ source('db', 'raw_orders') }}");
  if (is_clickhouse()) {
    model("models/live_people2.sql",
          "{{ config(materialized='table', order_by='person') }} select distinct assumeNotNull(person) as person from "
          "{{ source('db', 'raw_orders') }} where person = 10");
  }
  properties(R"json({"models": [{"name": "live_orders2", "columns": [
      {"name": "id", "data_tests": ["unique", "not_null", {"accepted_values": {"values": [1, 2], "quote": false, "name": "ids"}},
                                    {"accepted_values": {"values": [1, 2], "name": "quoted_ids"}}]},
      {"name": "status", "data_tests": [{"accepted_values": {"values": ["new", "paid"], "name": "states"}}, {"unique": {"name": "one_each"}}]},
      {"name": "person", "data_tests": [{"relationships": {"to": "ref('live_people2')", "field": "person", "name": "known"}},
                                        {"relationships": {"to": "ref('live_people2')", "field": "person", "name": "known_ten",
                                                           "where": "id <> 2", "severity": "error"}},
                                        {"not_null": {"severity": "warn"}}]}]}]})json");
  run("insert into raw_orders values (4, null, '2026-03-02', 7)");
  const auto text = build();
  const auto expect = [&](const std::string& line) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "\nin\n" << text;
  };
  expect("\nunique_live_orders2_id: 0\n");
  expect("\nnot_null_live_orders2_id: 0\n");
  expect("test ids failed: 2 rows");
  expect("test quoted_ids failed: 2 rows");
  expect("\nstates: 0\n");
  expect("test one_each failed: 1 rows");
  expect("test known failed: 1 rows");
  expect("\nknown_ten: 0\n");
  expect("\nnot_null_live_orders2_person: 1\n");
}

TEST_P(ModelsLiveTest, SchemasAndHooks) {
  model("models/live_mart.sql",
        "{{ config(materialized='table', schema='mart', alias='orders', order_by='id', "
        "post_hook=['insert into {{ this }} (id) values (99)']) }} select id from {{ source('db', 'raw_orders') }}");
  for (int round = 0; round < 2; ++round) EXPECT_EQ(build(), "live_mart: 4\n");
  const auto space = database().default_space() + "_mart";
  EXPECT_EQ(rows("select max(id) from " + database().dialect().quote(flow::Relation{space, "orders"})), "99");
}

TEST_P(ModelsLiveTest, MaterializedViews) {
  run("drop table if exists live_mv_mv");
  model("models/live_mv.sql",
        "{{ config(materialized='materialized_view', order_by='id') }} select id, amount from {{ source('db', "
        "'raw_orders') }}");
  EXPECT_EQ(build(), "live_mv: 3\n");
  run("insert into raw_orders values (4, 12, '2026-03-02', 7)");
  EXPECT_EQ(build(), "live_mv: 4\n");
}

TEST_P(ModelsLiveTest, AFailedModelLeavesTheOldTable) {
  model("models/live_stable.sql",
        "{{ config(materialized='table', order_by='id') }} select id from {{ source('db', 'raw_orders') }}");
  EXPECT_EQ(build(), "live_stable: 3\n");
  model("models/live_stable.sql",
        "{{ config(materialized='table', order_by='id') }} select nothing_here as id from {{ source('db', "
        "'raw_orders') }}");
  const auto nodes = graph();
  const auto failed = execute(project_, nodes, nodes.nodes.at(0), targets_, database(), {}, silent_log(), {});
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code(), Code::InvalidQuery) << failed.error().explain();
  EXPECT_EQ(rows("select count(*) from live_stable"), "3");
}

INSTANTIATE_TEST_SUITE_P(Databases, ModelsLiveTest, testing::Values("clickhouse", "postgres"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace weir::models
