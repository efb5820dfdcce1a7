#include "models/config.hpp"

#include <gtest/gtest.h>

#include "models/fake_database.hpp"

namespace weir::models {
namespace {

Json json(std::string_view text) { return parse_json(text).value(); }

TEST(ConfigByFolder, InnerFoldersWin) {
  const auto tree = json(R"({"+materialized": "view", "+tags": ["all"],
      "staging": {"+materialized": "table", "+tags": "staging", "crm": {"enabled": false}, "orders": {"+order_by": "id"}},
      "shop": {"staging": {"+schema": "stg"}}})");
  EXPECT_EQ(to_text(config_by_folder(tree, "shop", "report.sql")), R"({"materialized":"view","tags":["all"]})");
  EXPECT_EQ(to_text(config_by_folder(tree, "shop", "staging/orders.sql")),
            R"({"materialized":"table","tags":["all","staging"],"order_by":"id","schema":"stg"})");
  EXPECT_FALSE(is_enabled(config_by_folder(tree, "shop", "staging/crm/people.sql")));
  EXPECT_EQ(to_text(config_by_folder(Json(), "shop", "a.sql")), "{}");
}

TEST(MergeConfig, TagsAndHooksAddUpTheRestIsReplaced) {
  Json config = json(R"({"tags": ["a"], "pre_hook": ["x"], "engine": "Log"})");
  merge_config(config, json(R"({"tags": ["a", "b"], "+pre-hook": "x", "engine": "MergeTree"})"));
  EXPECT_EQ(to_text(config), R"({"tags":["a","b"],"pre_hook":["x","x"],"engine":"MergeTree"})");
}

std::string mistakes(std::string_view config, const char* dialect = "clickhouse") {
  std::string text;
  const auto errors = check_config(json(config), FakeDialect(dialect));
  for (const auto& error : errors) text += error.message() + " [" + error.hint() + "]\n";
  return text;
}

TEST(CheckConfig, NamesWhatIsWrong) {
  EXPECT_EQ(mistakes(R"({"materialized": "tabel"})"), "materialized cannot be: tabel [did you mean table?]\n");
  EXPECT_EQ(mistakes(R"({"on_schema_change": "sync_all_columns", "incremental_strategy": "apend"})"),
            "incremental_strategy cannot be: apend [did you mean append?]\n"
            "on_schema_change cannot be: sync_all_columns [one of: ignore, fail, append_new_columns]\n");
  EXPECT_EQ(mistakes(R"({"incremental_strategy": "delete+insert"})"),
            "incremental_strategy needs a unique_key: delete+insert [add unique_key to the model's config]\n");
  EXPECT_EQ(mistakes(R"({"incremental_strategy": "merge", "unique_key": "id"})"),
            "incremental_strategy merge is not for this database: clickhouse [use delete+insert, which leaves the same "
            "rows]\n");
  EXPECT_EQ(mistakes(R"({"incremental_strategy": "merge", "unique_key": "id"})", "postgres"), "");
  EXPECT_EQ(mistakes(R"({"incremental_strategy": "delete_insert", "unique_key": ["a", "b"], "engine": "Log"})"), "");
}

}  // namespace
}  // namespace weir::models
