#include <gtest/gtest.h>

#include "weir_program.hpp"

// `reconcile` and `weir reconcile --repair` by the real binary: a table against a table, and a table against a file, whose rows
// Weir hashes itself.
namespace weir {
namespace {

using testing::TestProject;

class ReconcileRun : public ::testing::Test {
 protected:
  void SetUp() override {
    project_.write("weir.yml", "name: proof\nconnections:\n  shop: {type: postgres, managed: true}\n");
    project_.write(
        "pipelines/proof.yml",
        "name: proof\n"
        "tasks:\n"
        "  tables: {reconcile: {left: shop.a, right: {table: shop.b, where: id < 4000}, key: id}}\n"
        "  file: {reconcile: {left: files/a.jsonl, right: shop.c, key: id}}\n"
        "  orphans: {check: {table: shop.b, rules: [{references: {column: parent, table: a, field: id}}]}}\n");
    std::string lines;
    for (int id = 1; id <= 3000; ++id) {
      lines += fmt::format("{{\"id\":{},\"parent\":{},\"price\":{}.5,\"name\":\"n{}\"}}\n", id, id / 2 + 1, id, id);
    }
    project_.write("files/a.jsonl", lines);
    ASSERT_EQ(project_.run({"services", "up"}).exit_code, 0);
    execute(
        "CREATE TABLE a AS SELECT id::bigint, id / 2 + 1 AS parent, (id || '.50')::numeric(9,2) AS price, 'n' || id AS "
        "name "
        "FROM generate_series(1, 3000) AS id");
    for (const auto* table : {"b", "c"}) {
      execute(fmt::format("CREATE TABLE {0} AS SELECT *, 'first'::text AS _weir_run FROM a", table));
      execute(fmt::format("ALTER TABLE {0} ADD PRIMARY KEY (id)", table));
    }
    // The file's prices are float64 to a reader of JSON: equal by value, and converted by a repair.
    // Not among the rows that are compared.
    execute("INSERT INTO b VALUES (5000, 1, 0, 'beyond', 'first')");
  }

  void execute(const std::string& sql) const { ASSERT_EQ(project_.run({"query", "shop", sql}).exit_code, 0) << sql; }

  const TestProject project_;
};

TEST_F(ReconcileRun, NamesWhatDiffersAndRepairsItAlone) {
  ASSERT_EQ(project_.run({"run", "proof", "--json"}).exit_code, 0);
  for (const auto* table : {"b", "c"}) {
    execute(fmt::format("UPDATE {} SET price = 0.01 WHERE id = 7", table));
    execute(fmt::format("DELETE FROM {} WHERE id = 300", table));
    execute(fmt::format("INSERT INTO {} VALUES (3001, 9000, 1, 'nobody', 'first')", table));
  }
  const auto found = project_.run({"reconcile", "proof", "--json"});
  EXPECT_EQ(found.exit_code, 1);
  EXPECT_EQ(found.event("step", "orphans")["state"], Json()) << "only comparisons run";
  for (const auto& [task, seven] :
       {std::pair{"tables", "id=7: price: 7.5 / 0.01"}, std::pair{"file", "files/a id=7: price: 7.5 / 0.01"}}) {
    const auto logged = project_.run({"logs", "last", task}).out;
    EXPECT_NE(logged.find(seven), std::string::npos) << logged;
    EXPECT_NE(logged.find("id=300"), std::string::npos) << logged;
    EXPECT_NE(logged.find("id=3001"), std::string::npos) << logged;
  }
  EXPECT_EQ(project_.run({"run", "proof", "--select", "orphans", "--json"}).exit_code, 1);

  const auto repaired = project_.run({"reconcile", "proof", "--repair", "--json"});
  EXPECT_EQ(repaired.exit_code, 0) << repaired.out;
  for (const auto* table : {"b", "c"}) {
    EXPECT_EQ(project_.query(
                  "shop",
                  fmt::format("SELECT count(*) FROM (TABLE a EXCEPT SELECT id, parent, price, name FROM {}) d", table)),
              "0\n");
    // Some buckets were written again, the others were not touched.
    EXPECT_EQ(
        project_.query("shop",
                       fmt::format("SELECT count(*) > 0, count(*) < 2500 FROM {} WHERE _weir_run <> 'first'", table)),
        "true,true\n");
  }
  EXPECT_EQ(project_.query("shop", "SELECT count(*), max(id) FROM b"), "3001,5000\n");
  EXPECT_EQ(project_.query("shop", "SELECT count(*) FROM c"), "3000\n");
  EXPECT_EQ(project_.run({"run", "proof", "--json"}).exit_code, 0);
}

TEST_F(ReconcileRun, RefusesWhatDoesNotCompare) {
  const auto unknown = project_.run({"reconcile", "proof", "--task", "orphans"});
  EXPECT_NE(unknown.exit_code, 0);
  EXPECT_NE(unknown.err.find("no task of pipeline proof reconciles under this name: orphans"), std::string::npos)
      << unknown.err;
}

}  // namespace
}  // namespace weir
