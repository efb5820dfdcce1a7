#include <gtest/gtest.h>

#include <csignal>

#include "base/file.hpp"
#include "weir_program.hpp"

// kill -9 between any two steps of the pump, against real databases: afterwards the table holds every row once, whichever
// step it was, and a commit that had arrived is found rather than repeated.
namespace weir {
namespace {

using testing::TestProject;

struct Case {
  const char* connection;
  const char* mode;
  const char* kill_at;
};

std::ostream& operator<<(std::ostream& out, const Case& test) {
  return out << test.connection << ", " << test.mode << ", killed at: " << test.kill_at;
}

std::string case_name(const ::testing::TestParamInfo<Case>& info) {
  auto name = fmt::format("{}_{}_{}", info.param.connection, info.param.mode, info.param.kill_at);
  for (auto& letter : name) letter = letter == ' ' ? '_' : letter;
  return name;
}

class PumpCrash : public ::testing::TestWithParam<Case> {
 protected:
  static void SetUpTestSuite() {
    project_ = new TestProject;
    project_->write("weir.yml",
                    "name: crash\nconnections:\n  clickhouse: {type: clickhouse, managed: true}\n  postgres: {type: "
                    "postgres, managed: true}\n");
    ASSERT_EQ(project_->run({"services", "up"}).exit_code, 0);
  }
  static void TearDownTestSuite() {
    delete project_;
    project_ = nullptr;
  }

  // How to reach the managed service, from its record.
  static std::string connection_file(const std::string& name) {
    const auto record = parse_json(*read_file(project_->folder() / ".weir" / "services" / (name + ".json")));
    EXPECT_TRUE(record.ok());
    const auto& address = (*record)["address"];
    Json settings;
    if (name == "clickhouse") {
      settings = {{"url", fmt::format("http://127.0.0.1:{}", address["port"].get<int>())}};
    } else {
      settings = {{"host", "127.0.0.1"}, {"port", address["port"]}};
    }
    settings["user"] = address["user"];
    settings["password"] = address["password"];
    settings["database"] = address["database"];
    const auto path = project_->folder() / (name + ".connection.json");
    EXPECT_TRUE(write_file(path, to_text({{"type", name}, {"settings", settings}}), FileAccess::OwnerOnly).ok());
    return path;
  }

  services::ExitStatus pump(const std::filesystem::path& state, const Case& test, const char* kill_at) {
    services::ProcessSpec spec;
    spec.program = WEIR_PUMP_CRASH_PROGRAM;
    spec.arguments = {state, connection_file(test.connection), test.mode, kill_at};
    spec.folder = project_->folder();
    spec.stderr_fd = STDERR_FILENO;
    auto process = services::Process::spawn(spec);
    EXPECT_TRUE(process.ok());
    return process->wait();
  }

  static inline TestProject* project_ = nullptr;
};

TEST_P(PumpCrash, NoRowIsLostOrDoubled) {
  const auto& test = GetParam();
  ASSERT_EQ(project_->run({"query", test.connection, "DROP TABLE IF EXISTS numbers"}).exit_code, 0);
  const auto state = project_->folder() / "state" / case_name({test, 0});
  ASSERT_TRUE(make_folder(state).ok());

  EXPECT_EQ(pump(state, test, test.kill_at).signal, SIGKILL);
  EXPECT_EQ(pump(state, test, "never").code, 0);
  EXPECT_EQ(project_->query(test.connection, "SELECT count(*), count(DISTINCT n), sum(n) FROM numbers"),
            "50000,50000,1249975000\n");
  // What the killed load had staged is gone with the next load of the table, at the latest.
  const auto later = project_->folder() / "state" / (case_name({test, 0}) + "_later");
  ASSERT_TRUE(make_folder(later).ok());
  EXPECT_EQ(pump(later, {test.connection, "replace", ""}, "never").code, 0);
  const auto catalog = std::string_view{test.connection} == "postgres"
                           ? "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname LIKE '%stage%'"
                           : "SELECT count() FROM system.tables WHERE name LIKE '%stage%' OR name LIKE '%staging%'";
  EXPECT_EQ(project_->query(test.connection, catalog), "0\n");
}

class RedoCrash : public PumpCrash {};

TEST_P(RedoCrash, TheRunsOldRowsAreReplacedOnce) {
  const auto& test = GetParam();
  ASSERT_EQ(project_->run({"query", test.connection, "DROP TABLE IF EXISTS numbers"}).exit_code, 0);
  const auto state = project_->folder() / "state" / case_name({test, 0});
  const auto other = project_->folder() / "state" / (case_name({test, 0}) + "_other");
  ASSERT_TRUE(make_folder(state).ok());
  ASSERT_TRUE(make_folder(other).ok());
  const Case marked{test.connection, "marked", ""};
  EXPECT_EQ(pump(state, marked, "never").code, 0);
  EXPECT_EQ(pump(other, marked, "never").code, 0);

  EXPECT_EQ(pump(state, test, test.kill_at).signal, SIGKILL);
  EXPECT_EQ(pump(state, test, "never").code, 0);
  EXPECT_EQ(project_->query(test.connection,
                            "SELECT run_id, count(*), count(DISTINCT n), sum(n) FROM numbers GROUP BY run_id ORDER BY "
                            "length(run_id)"),
            fmt::format("{},50000,50000,1249975000\n{},50000,50000,1249975000\n", state.filename().string(),
                        other.filename().string()));
}

constexpr const char* kDeaths[] = {"after open",   "next",         "write",        "before finish",
                                   "after finish", "after intend", "after commit", "after save"};

std::vector<Case> redo_cases() {
  std::vector<Case> cases;
  for (const auto* connection : {"postgres", "clickhouse"}) {
    for (const auto* kill_at : kDeaths) cases.push_back({connection, "redo", kill_at});
  }
  return cases;
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const auto* connection : {"postgres", "clickhouse"}) {
    for (const auto* mode : {"append", "replace", "merge"}) {
      for (const auto* kill_at : kDeaths) cases.push_back({connection, mode, kill_at});
    }
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(EveryStep, PumpCrash, ::testing::ValuesIn(all_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(EveryStep, RedoCrash, ::testing::ValuesIn(redo_cases()), case_name);

}  // namespace
}  // namespace weir
