#include "engine/dbt_outcome.hpp"

#include <gtest/gtest.h>

namespace weir::engine {
namespace {

class Recorder final : public TaskContext, public Log {
 public:
  Recorder() { order_.project_folder = "/p"; }
  const WorkOrder& order() const override { return order_; }
  const flow::Registry& registry() const override { return registry_; }
  Log& log() override { return *this; }
  flow::PumpProgress& progress() override { return progress_; }
  std::stop_token stop() const override { return {}; }
  std::unique_ptr<flow::Journal> journal(std::string_view) override { return nullptr; }
  Result<void> report(const ledger::CheckResult& check) override {
    checks.push_back(check);
    return {};
  }
  Result<void> report_part(const ledger::Attempt& part) override {
    parts.push_back(part);
    return {};
  }
  void write(LogLine) override {}

  std::vector<ledger::CheckResult> checks;
  std::vector<ledger::Attempt> parts;

 private:
  WorkOrder order_;
  flow::Registry registry_{std::vector<flow::Connector>{}};
  flow::PumpProgress progress_;
};

dbt::NodeResult node(std::string name, std::string kind, dbt::NodeState state) {
  dbt::NodeResult made;
  made.id = kind + ".shop." + name;
  made.name = std::move(name);
  made.kind = std::move(kind);
  made.state = state;
  made.seconds = 2;
  made.finished_at = parse_instant("2026-03-01T10:00:03Z");
  return made;
}

class Outcome : public testing::Test {
 protected:
  Outcome() {
    redactor_.add(Secret{"s3cret-word"});
    auto seed = node("rates", "seed", dbt::NodeState::Succeeded);
    seed.rows = 3;
    auto broken = node("orders", "model", dbt::NodeState::Failed);
    broken.message = "Database Error in model orders (models/orders.sql)\n  no such column: s3cret-word\n  at line 2";
    broken.path = "models/orders.sql";
    broken.compiled = "compiled/shop/models/orders.sql";
    auto test = node("rates", "test", dbt::NodeState::Failed);
    test.failures = 2;
    test.severity = "warn";
    test.message = "Got 2 results, configured to fail if != 0";
    test.path = "models/schema.yml";
    nodes_ = {seed, broken, test, node("after", "model", dbt::NodeState::Skipped)};
  }

  DbtOutcome outcome() {
    return {recorder_, redactor_, {"dbt", "postgres", "build", "/p/.weir/dbt/runs/r/t.1/target"}};
  }
  Error error(int code, const std::vector<dbt::NodeResult>& nodes, std::string_view complaint = {}) {
    DbtComplaints complaints;
    complaints.add({.time = {}, .level = LogLevel::Info, .message = "Running with dbt"});
    if (!complaint.empty()) complaints.add({.time = {}, .level = LogLevel::Error, .message = std::string{complaint}});
    return outcome().judge({.code = code}, nodes, complaints).error();
  }

  Recorder recorder_;
  Redactor redactor_;
  std::vector<dbt::NodeResult> nodes_;
};

TEST_F(Outcome, EveryNodeIsAPartAndEveryTestACheck) {
  ASSERT_TRUE(outcome().report(nodes_).ok());
  ASSERT_EQ(recorder_.parts.size(), 4u);
  const auto& seed = recorder_.parts[0];
  EXPECT_EQ(seed.task, "rates");
  EXPECT_EQ(seed.state, ledger::AttemptState::Succeeded);
  EXPECT_EQ(seed.rows_written, 3u);
  EXPECT_EQ(format_instant(*seed.started_at), "2026-03-01T10:00:01Z");
  EXPECT_EQ(recorder_.progress().rows_written.load(), 3u);
  const auto& broken = recorder_.parts[1];
  EXPECT_EQ(broken.state, ledger::AttemptState::Failed);
  EXPECT_EQ(broken.error["message"],
            "model orders failed: Database Error in model orders (models/orders.sql) no such column: *** at line 2");
  EXPECT_EQ(broken.output["compiled"], ".weir/dbt/runs/r/t.1/target/compiled/shop/models/orders.sql");
  // Two nodes of one name stay apart.
  EXPECT_EQ(recorder_.parts[2].task, "test:rates");
  EXPECT_EQ(recorder_.parts[3].state, ledger::AttemptState::Skipped);
  ASSERT_EQ(recorder_.checks.size(), 1u);
  EXPECT_EQ(recorder_.checks[0].check, "rates");
  EXPECT_EQ(recorder_.checks[0].severity, "warn");
  EXPECT_FALSE(recorder_.checks[0].passed);
  EXPECT_EQ(recorder_.checks[0].rows_failed, 2u);
}

TEST_F(Outcome, TheFirstFailureIsTheTasks) {
  const auto model = error(1, nodes_);
  EXPECT_EQ(model.code(), Code::InvalidQuery);
  EXPECT_EQ(model.place()->file, "dbt/models/orders.sql");
  EXPECT_EQ(model.hint(), "its SQL as it ran: .weir/dbt/runs/r/t.1/target/compiled/shop/models/orders.sql");
  EXPECT_EQ(model.context().front(), "and 1 more of 4 nodes failed");
  const auto test = error(1, {nodes_[2]});
  EXPECT_EQ(test.code(), Code::CheckFailed);
  EXPECT_EQ(test.message(), "test rates failed: Got 2 results, configured to fail if != 0");
}

TEST_F(Outcome, AServerThatDoesNotAnswerIsWorthAnotherAttempt) {
  nodes_[1].message = "Database Error\n  connection to server at \"db\" failed: Connection refused";
  EXPECT_EQ(error(1, nodes_).code(), Code::Unavailable);
  EXPECT_EQ(error(1, nodes_).retry(), Retry::Later);
}

TEST_F(Outcome, AFailureBeforeTheNodesSaysWhatDbtSaid) {
  EXPECT_EQ(error(2, {}, "Compilation Error\n  depends on a node named 'x'").code(), Code::InvalidProject);
  EXPECT_EQ(error(2, {}, "Compilation Error\n  depends on a node named 'x'").message(),
            "dbt build of dbt failed: Compilation Error depends on a node named 'x'");
  const auto adapter = error(2, {}, "Runtime Error\n  Could not find adapter type postgres!");
  EXPECT_EQ(adapter.code(), Code::NotFound);
  EXPECT_EQ(adapter.hint(), "pip install 'dbt-core==1.10.*' dbt-postgres");
  EXPECT_EQ(error(1, {}).message(), "dbt build of dbt failed: Running with dbt");
}

TEST_F(Outcome, SuccessCountsTheNodes) {
  nodes_.erase(nodes_.begin() + 1);
  nodes_[1].state = dbt::NodeState::Warned;
  const auto judged = outcome().judge({}, nodes_, {});
  ASSERT_TRUE(judged.ok());
  EXPECT_EQ((*judged)["nodes"], 3);
  EXPECT_EQ((*judged)["succeeded"], 1);
  EXPECT_EQ((*judged)["warned"], 1);
  EXPECT_EQ((*judged)["artifacts"], ".weir/dbt/runs/r/t.1/target");
}

}  // namespace
}  // namespace weir::engine
