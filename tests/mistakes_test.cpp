#include <gtest/gtest.h>
#include <sys/mount.h>

#include <fstream>

#include "base/file.hpp"
#include "weir_program.hpp"

// What bad input gets: a message that says who is at fault and what to do, an exit code, a ledger that tells the truth and
// nothing half-published. Mistakes that loading finds are golden cases (tests/golden).
namespace weir {
namespace {

using testing::ProgramResult;
using testing::TestProject;

constexpr const char* kWeir = "name: bad\nconnections:\n  warehouse: {type: clickhouse, managed: true}\n";

std::string pipeline(const std::string& task) { return "name: bad\ntasks:\n  work:\n    " + task + "\n"; }

Json error_of(const ProgramResult& result) { return result.event("step", "work")["error"]; }

void expect_failed_in_ledger(const TestProject& project) {
  const auto told = parse_json(project.run({"runs", "last", "--json"}).out);
  ASSERT_TRUE(told.ok());
  EXPECT_EQ((*told)["state"], "failed");
  EXPECT_FALSE((*told)["error"].get<std::string>().empty());
}

TEST(Mistakes, AnyMistakeInTheProjectStopsEverything) {
  const TestProject project;
  project.write("weir.yml", kWeir);
  project.write("pipelines/bad.yml",
                "name: bad\ntasks:\n  a: {needs: [b], sql: {conection: warehouse, script: SELECT 1}}\n  b: {needs: "
                "[a], command: x}\n");
  const auto result = project.run({"run", "bad"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("pipelines/bad.yml:3:"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("connection"), std::string::npos) << result.err;  // the hint for conection
  EXPECT_NE(result.err.find("a → b → a"), std::string::npos) << result.err;

  const auto checked = project.run({"check", "--json"});
  EXPECT_EQ(checked.exit_code, 2);
  EXPECT_EQ(checked.err, "");
  const auto told = parse_json(checked.out);
  ASSERT_TRUE(told.ok()) << checked.out;
  EXPECT_EQ((*told)["valid"], false);
  ASSERT_EQ((*told)["mistakes"].size(), 3U) << checked.out;
  for (const auto& mistake : (*told)["mistakes"]) {
    EXPECT_EQ(mistake["place"]["file"], "pipelines/bad.yml");
    EXPECT_EQ(mistake["place"]["line"], 3);
  }
  EXPECT_FALSE(std::filesystem::exists(project.folder() / ".weir"));
}

TEST(Mistakes, WhatMachinesReadIsJsonAlsoWhenSomethingIsWrong) {
  const TestProject project;
  project.write("weir.yml",
                "name: bad\nconnections:\n  crm: {type: postgres, url: \"postgresql://127.0.0.1:1/crm\"}\n");
  project.write("pipelines/bad.yml", "name: bad\ntasks:\n  work: {command: \"echo hello; exit 3\"}\n");
  const auto json = [&](const std::vector<std::string>& arguments, int exit_code) {
    const auto result = project.run(arguments);
    EXPECT_EQ(result.exit_code, exit_code) << result.out << result.err;
    EXPECT_EQ(result.err, "");
    auto parsed = parse_json(result.out);
    EXPECT_TRUE(parsed.ok()) << result.out;
    return parsed.ok() ? *parsed : Json{};
  };
  const auto checked = json({"check", "--connections", "--json"}, 3);
  EXPECT_EQ(checked["valid"], true);
  ASSERT_EQ(checked["connections"].size(), 1U);
  EXPECT_EQ(checked["connections"][0]["name"], "crm");
  EXPECT_EQ(checked["connections"][0]["answers"], false);
  EXPECT_EQ(checked["connections"][0]["error"]["code"], "unavailable");

  EXPECT_EQ(project.run({"run", "bad"}).exit_code, 1);
  const auto logs = json({"logs", "last", "--json"}, 0);
  ASSERT_EQ(logs.size(), 1U);
  EXPECT_EQ(logs[0]["task"], "work");
  EXPECT_EQ(logs[0]["state"], "failed");
  EXPECT_FALSE(logs[0]["error"].get<std::string>().empty());
  EXPECT_NE(logs[0]["lines"].dump().find("\"hello\""), std::string::npos) << logs;

  const auto findings = json({"doctor", "--json"}, 0);
  ASSERT_GE(findings.size(), 3U);
  EXPECT_EQ(findings[0]["subject"], "project");
  EXPECT_EQ(findings[0]["good"], true);
  EXPECT_EQ(json({"user", "list", "--json"}, 0), Json::array());
}

// By then the connection has long been tried, so nothing else wakes the run.
TEST(Mistakes, AConnectionThatCannotBeOpenedFailsWhatNeedsIt) {
  const TestProject project;
  project.write("weir.yml",
                "name: bad\nconnections:\n  crm: {type: postgres, url: \"{{ env.WEIR_TEST_NO_SUCH_VARIABLE }}\"}\n");
  project.write("pipelines/bad.yml",
                "name: bad\ntasks:\n  before: {command: \"sleep 0.2\"}\n  work: {needs: [before], sql: {connection: "
                "crm, script: SELECT 1}}\n"
                "  after: {needs: [work], command: \"true\"}\n");
  const auto result = project.run({"run", "bad", "--json"});
  EXPECT_EQ(result.exit_code, 1) << result.out;
  EXPECT_NE(error_of(result).value("message", "").find("WEIR_TEST_NO_SUCH_VARIABLE"), std::string::npos) << result.out;
  EXPECT_EQ(result.event("step", "after")["state"], "skipped") << result.out;
  expect_failed_in_ledger(project);
}

TEST(Mistakes, ACsvWithABadRowFarDownNamesFileAndLine) {
  const TestProject project;
  project.write("weir.yml", kWeir);
  {
    std::ofstream csv(project.folder() / "big.csv");
    csv << "id,amount\n";
    for (int line = 2; line <= 800'000; ++line) {
      if (line == 700'000) {
        csv << "700000,one,too many\n";
      } else {
        csv << line << ",1.50\n";
      }
    }
  }
  project.write("pipelines/bad.yml", pipeline("copy: {from: big.csv, to: warehouse.big, mode: replace}"));
  const auto result = project.run({"run", "bad", "--json"});
  EXPECT_EQ(result.exit_code, 1);
  const auto error = error_of(result);
  EXPECT_EQ(error["code"], "invalid_data") << result.out;
  EXPECT_NE((error["message"].get<std::string>() + error.value("place", Json::object()).dump()).find("700000"),
            std::string::npos)
      << error;
  EXPECT_NE(error.dump().find("big.csv"), std::string::npos) << error;
  EXPECT_EQ(project.run({"query", "warehouse", "SELECT count() FROM big"}).exit_code, 1);  // nothing was published
  expect_failed_in_ledger(project);
}

TEST(Mistakes, ATableThatIsMissingIsNamed) {
  const TestProject project;
  project.write("weir.yml", kWeir);
  project.write("pipelines/bad.yml", pipeline("copy: {from: warehouse.nowhere, to: out.csv, mode: replace}"));
  const auto result = project.run({"run", "bad", "--json"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(error_of(result)["code"], "not_found") << result.out;
  EXPECT_NE(error_of(result)["message"].get<std::string>().find("nowhere"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(project.folder() / "out.csv"));
}

TEST(Mistakes, AFileThatIsMissingIsNamed) {
  const TestProject project;
  project.write("weir.yml", kWeir);
  project.write("pipelines/bad.yml", pipeline("copy: {from: nowhere.csv, to: warehouse.t, mode: replace}"));
  const auto error = error_of(project.run({"run", "bad", "--json"}));
  EXPECT_EQ(error["code"], "not_found") << error;
  EXPECT_EQ(error["fault"], "user");
}

TEST(Mistakes, AWrongPasswordIsTheUsersFaultAndStaysSecret) {
  const TestProject project;
  project.write("weir.yml", std::string{kWeir} + "  shop: {type: postgres, managed: true}\n");
  ASSERT_EQ(project.run({"services", "up"}).exit_code, 0);
  const auto status = parse_json(project.run({"services", "status", "--json"}).out);
  ASSERT_TRUE(status.ok());
  const auto postgres = (*status)[1]["address"].get<std::string>();
  const auto clickhouse = (*status)[0]["address"].get<std::string>();
  project.write(
      "weir.yml",
      std::string{kWeir} + "  shop: {type: postgres, managed: true}\n" +
          fmt::format("  other: {{type: postgres, url: \"postgresql://nobody:hunter2hunter2@{}/shop\"}}\n", postgres) +
          fmt::format("  lake: {{type: clickhouse, url: \"http://{}\", user: default, password: hunter2hunter2}}\n",
                      clickhouse));
  for (const auto* connection : {"other", "lake"}) {
    project.write("pipelines/bad.yml", pipeline(fmt::format("sql: {{connection: {}, script: SELECT 1}}", connection)));
    const auto result = project.run({"run", "bad", "--json"});
    EXPECT_EQ(error_of(result)["code"], "access_denied") << result.out;
    EXPECT_EQ(error_of(result)["fault"], "user");
    const auto everything =
        result.out + result.err + project.run({"logs"}).out + project.run({"runs", "last", "--json"}).out;
    EXPECT_EQ(everything.find("hunter2hunter2"), std::string::npos) << everything;
  }
}

TEST(Mistakes, AServerThatIsDownIsTriedAgainAndThenNamed) {
  const TestProject project;
  project.write("weir.yml", std::string{kWeir} + "  gone: {type: postgres, url: \"postgresql://u@127.0.0.1:1/x\"}\n");
  project.write("pipelines/bad.yml", "name: bad\nretry: {attempts: 2, delay: 10ms}\n" +
                                         pipeline("sql: {connection: gone, script: SELECT 1}").substr(10));
  const auto result = project.run({"run", "bad", "--json"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(error_of(result)["code"], "unavailable") << result.out;
  EXPECT_EQ(result.event("step", "work")["attempt"], 2);
  expect_failed_in_ledger(project);
}

TEST(Mistakes, AValueThatDoesNotFitItsColumnPublishesNothing) {
  const TestProject project;
  project.write("weir.yml", std::string{kWeir} + "  shop: {type: postgres, managed: true}\n");
  ASSERT_EQ(project.run({"services", "up"}).exit_code, 0);
  ASSERT_EQ(project.run({"query", "shop", "CREATE TABLE small (n smallint)"}).exit_code, 0);
  ASSERT_EQ(project.run({"query", "shop", "INSERT INTO small VALUES (1)"}).exit_code, 0);
  project.write("pipelines/bad.yml", pipeline("copy: {from: {object: warehouse.t, query: \"SELECT toInt64(number) * "
                                              "1000 AS n FROM numbers(100)\"}, to: shop.small, mode: append}"));
  const auto result = project.run({"run", "bad", "--json"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(error_of(result)["code"], "type_mismatch") << result.out;
  EXPECT_EQ(project.query("shop", "SELECT count(*), sum(n) FROM small"), "1,1\n");
}

TEST(Mistakes, AFullDiskIsTheMachinesFaultAndLeavesNoPartOfAFile) {
  const TestProject project;
  project.write("weir.yml", kWeir);
  const auto disk = project.folder() / "disk";
  ASSERT_TRUE(make_folder(disk).ok());
  if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=1m") != 0) GTEST_SKIP() << "mounting a small disk needs root";
  project.write("pipelines/bad.yml",
                pipeline("copy: {from: {object: warehouse.t, query: \"SELECT number, toString(cityHash64(number)) AS h "
                         "FROM numbers(1000000)\"}, to: disk/out.csv, mode: replace}"));
  const auto result = project.run({"run", "bad", "--json"});
  const auto left_over =
      std::distance(std::filesystem::directory_iterator(disk), std::filesystem::directory_iterator());
  ::umount(disk.c_str());
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(error_of(result)["code"], "resource_exhausted") << result.out;
  EXPECT_EQ(error_of(result)["fault"], "system");
  EXPECT_EQ(left_over, 0);
  expect_failed_in_ledger(project);
}

TEST(Mistakes, ATaskThatIsKilledOrRunsTooLongIsReported) {
  const TestProject project;
  project.write("weir.yml", "name: bad\n");
  project.write("pipelines/bad.yml", pipeline("command: \"kill -9 $PPID; sleep 60\""));
  auto error = error_of(project.run({"run", "bad", "--json"}));
  EXPECT_EQ(error["code"], "unavailable") << error;
  EXPECT_NE(error["message"].get<std::string>().find("killed by signal 9"), std::string::npos) << error;
  project.write("pipelines/bad.yml", pipeline("command: sleep 60\n    timeout: 200ms"));
  error = error_of(project.run({"run", "bad", "--json"}));
  EXPECT_EQ(error["code"], "timed_out") << error;
  expect_failed_in_ledger(project);
}

}  // namespace
}  // namespace weir
