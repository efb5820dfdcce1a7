#include "connectors/postgres/replica_table.hpp"

#include <gtest/gtest.h>

namespace weir::postgres {
namespace {

TableDefinition launches() {
  TableDefinition table;
  table.oid = 100;
  table.name = {"public", "launches"};
  table.columns = {
      {.name = "id", .type = "text", .not_null = true, .has_default = false, .generated = {}, .missing = {}},
      {.name = "Mass",
       .type = "numeric(12,2)",
       .not_null = false,
       .has_default = false,
       .generated = {},
       .missing = {}}};
  table.key = {"id"};
  return table;
}

ColumnDefinition column(std::string name, std::string type) {
  return {.name = std::move(name),
          .type = std::move(type),
          .not_null = false,
          .has_default = false,
          .generated = {},
          .missing = {}};
}

using Texts = std::vector<std::string>;

TEST(ReplicaTable, IsMadeWithTypesKeyAndGeneratedColumns) {
  auto source = launches();
  source.columns.push_back(column("mass_kg", "numeric"));
  source.columns.back().generated = "(\"Mass\" * 1000)";
  EXPECT_EQ(create_statement(source),
            "CREATE TABLE \"public\".\"launches\" (\"id\" text NOT NULL, \"Mass\" numeric(12,2), \"mass_kg\" numeric "
            "GENERATED ALWAYS AS ((\"Mass\" * 1000)) STORED, PRIMARY KEY (\"id\"))");
}

TEST(ReplicaTable, EqualTablesNeedNothing) {
  const auto alteration = compare_tables(launches(), launches(), Owner::Weir);
  EXPECT_EQ(alteration.statements, Texts{});
  EXPECT_EQ(alteration.only_in_replica, Texts{});
  EXPECT_FALSE(alteration.needs_copy);
}

TEST(ReplicaTable, ANewColumnIsNullInOlderRows) {
  auto source = launches();
  source.columns.push_back(column("orbit", "text"));
  const auto alteration = compare_tables(source, launches(), Owner::User);
  EXPECT_EQ(alteration.statements, Texts{"ALTER TABLE \"public\".\"launches\" ADD COLUMN \"orbit\" text"});
  EXPECT_EQ(alteration.changes, Texts{"added column orbit text"});
  EXPECT_FALSE(alteration.needs_copy);
}

TEST(ReplicaTable, AConstantThatOlderRowsReadAsComesAlong) {
  auto source = launches();
  source.columns.push_back(column("reused", "boolean"));
  source.columns.back().missing = "f";
  source.columns.back().has_default = source.columns.back().not_null = true;
  const auto alteration = compare_tables(source, launches(), Owner::Weir);
  EXPECT_EQ(alteration.statements,
            (Texts{"ALTER TABLE \"public\".\"launches\" ADD COLUMN \"reused\" boolean DEFAULT 'f' NOT NULL",
                   "ALTER TABLE \"public\".\"launches\" ALTER COLUMN \"reused\" DROP DEFAULT"}));
  EXPECT_FALSE(alteration.needs_copy);
}

TEST(ReplicaTable, ValuesThatDifferRowByRowAreCopiedAgain) {
  auto source = launches();
  source.columns.push_back(column("token", "uuid"));
  source.columns.back().has_default = true;
  EXPECT_TRUE(compare_tables(source, launches(), Owner::Weir).needs_copy);
}

TEST(ReplicaTable, TypesFollowOnlyInTablesThatWeirMade) {
  auto source = launches();
  source.columns[1].type = "numeric(14,2)";
  EXPECT_EQ(compare_tables(source, launches(), Owner::User).statements, Texts{});
  const auto alteration = compare_tables(source, launches(), Owner::Weir);
  EXPECT_EQ(alteration.statements,
            Texts{"ALTER TABLE \"public\".\"launches\" ALTER COLUMN \"Mass\" TYPE numeric(14,2) USING "
                  "\"Mass\"::numeric(14,2)"});
  EXPECT_TRUE(alteration.needs_copy) << "values that the source computed anew are in no change record";
}

TEST(ReplicaTable, AColumnThatTheSourceGaveUpStaysAndMayBeNull) {
  auto replica = launches();
  replica.columns.push_back(column("old", "integer"));
  replica.columns.back().not_null = true;
  const auto alteration = compare_tables(launches(), replica, Owner::Weir);
  EXPECT_EQ(alteration.statements, Texts{"ALTER TABLE \"public\".\"launches\" ALTER COLUMN \"old\" DROP NOT NULL"});
  EXPECT_EQ(alteration.only_in_replica, Texts{"old"});
}

TEST(ReplicaTable, ARelaxedColumnIsRelaxed) {
  auto replica = launches();
  replica.columns[1].not_null = true;
  EXPECT_EQ(compare_tables(launches(), replica, Owner::User).statements,
            Texts{"ALTER TABLE \"public\".\"launches\" ALTER COLUMN \"Mass\" DROP NOT NULL"});
}

}  // namespace
}  // namespace weir::postgres
