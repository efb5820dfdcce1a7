#include "engine/check_rules.hpp"

#include <gtest/gtest.h>

namespace weir::engine {
namespace {

// Enough of a dialect to read the SQL of a check; the databases' own dialects are tested live beside their connectors.
class PlainDialect final : public flow::Dialect {
 public:
  std::string_view name() const override { return "plain"; }
  std::string quote(std::string_view identifier) const override { return std::string{identifier}; }
  std::string quote(const flow::Relation& relation) const override { return relation.text(); }
  std::string literal(std::string_view text) const override { return fmt::format("'{}'", text); }
  std::string type_name(const data::Type& type, data::Nullable) const override { return type.text(); }
  Result<flow::Script> materialize(const flow::Materialization&) const override { return flow::Script{}; }
  std::string count_if(std::string_view condition) const override { return fmt::format("count_if({})", condition); }
  std::string any_of(std::span<const std::string> conditions) const override {
    return fmt::format("{}", fmt::join(conditions, " OR "));
  }
  std::string matches(std::string_view expression, std::string_view pattern) const override {
    return fmt::format("{} ~ '{}'", expression, pattern);
  }
  std::string count_distinct(std::span<const std::string> expressions) const override {
    return fmt::format("distinct({})", fmt::join(expressions, ", "));
  }
  std::string cast_text(std::string_view expression) const override { return std::string{expression}; }
  std::string age_seconds(std::string_view expression) const override { return fmt::format("age({})", expression); }
  std::string canonical(std::string_view expression, const data::Type&) const override {
    return std::string{expression};
  }
  std::string digest(std::span<const std::string>) const override { return ""; }
  std::string exact_sum(std::string_view expression) const override { return std::string{expression}; }
  std::string bucket(std::string_view digest, int) const override { return std::string{digest}; }
};

Result<std::vector<Rule>> parse(const char* json, bool has_rejects = true) {
  std::vector<Settings> rules;
  const auto parsed = parse_json(json);
  for (const auto& rule : *parsed) rules.emplace_back(rule);
  return parse_rules(rules, has_rejects);
}

TEST(CheckRules, AllRulesAreOneScan) {
  const auto rules = parse(R"([
    {"name": "has_id", "severity": "quarantine", "not_null": ["id", "day"]},
    {"name": "known", "severity": "quarantine", "accepted_values": {"column": "region", "values": ["N", "S"]}},
    {"name": "positive", "severity": "error", "range": {"column": "n", "min": 1, "max": 9}},
    {"name": "once", "severity": "warn", "unique": ["id"]},
    {"name": "some", "severity": "error", "row_count": {"min": 1}}])");
  ASSERT_TRUE(rules.ok()) << rules.error().text();
  EXPECT_EQ(scan_sql(*rules, {"", "t"}, PlainDialect{}),
            "SELECT count(*) AS rows,\n"
            "  count_if(((id) IS NULL OR (day) IS NULL)) AS rule_1,\n"
            "  count_if(coalesce((region) NOT IN ('N', 'S'), false)) AS rule_2,\n"
            "  count_if(coalesce((n) < 1 OR (n) > 9, false)) AS rule_3,\n"
            "  count(id) - distinct(id) AS rule_4,\n"
            "  count(*) AS rule_5\n"
            "FROM t");
}

TEST(CheckRules, ValuesThatOccurTogetherCountNullAsAValue) {
  const auto rules = parse(R"([{"name": "once", "severity": "warn", "unique": ["id", "day"]}])");
  ASSERT_TRUE(rules.ok());
  EXPECT_EQ(scan_sql(*rules, {"", "t"}, PlainDialect{}),
            "SELECT count(*) AS rows,\n  count(*) - distinct(id, day) AS rule_1\nFROM t");
}

TEST(CheckRules, RejectedRowsCarryRuleReasonAndRun) {
  const auto rules =
      parse(R"([{"name": "shape", "severity": "quarantine", "matches": {"column": "c", "pattern": "^a$"}}])");
  ASSERT_TRUE(rules.ok());
  EXPECT_EQ(
      rejects_sql(*rules, {"", "t"}, RunId{"r1"}, PlainDialect{}),
      "SELECT *,\n"
      "  substring(CASE WHEN coalesce(NOT ((c) ~ '^a$'), false) THEN '; shape' ELSE '' END FROM 3) AS weir_rule,\n"
      "  substring(CASE WHEN coalesce(NOT ((c) ~ '^a$'), false) THEN '; c does not match ^a$' ELSE '' END FROM 3) AS "
      "weir_reason,\n"
      "  'r1' AS weir_run\nFROM t\nWHERE coalesce(NOT ((c) ~ '^a$'), false)");
  EXPECT_EQ(accepted_sql(*rules, {"", "t"}, PlainDialect{}),
            "SELECT *\nFROM t\nWHERE NOT (coalesce(NOT ((c) ~ '^a$'), false))");
}

TEST(CheckRules, ReferencesFindOrphans) {
  const auto rules = parse(R"([{"references": {"column": "user_id", "table": "crm.users", "field": "id"}}])");
  ASSERT_TRUE(rules.ok()) << rules.error().text();
  EXPECT_EQ(rules->front().name, "references_user_id");
  EXPECT_EQ(scan_sql(*rules, {"", "t"}, PlainDialect{}),
            "SELECT count(*) AS rows,\n"
            "  count_if(((user_id) IS NOT NULL AND (user_id) NOT IN (SELECT id FROM crm.users WHERE id IS NOT NULL))) "
            "AS rule_1\nFROM t");
  EXPECT_EQ(judge(rules->front(), 9, "2").detail, "2 of 9 rows: user_id is not in crm.users");
}

TEST(CheckRules, WithoutQuarantineRulesNothingIsRejected) {
  const auto rules = parse(R"([{"severity": "error", "expression": "a < b"}])", false);
  ASSERT_TRUE(rules.ok());
  EXPECT_EQ(accepted_sql(*rules, {"", "t"}, PlainDialect{}), "SELECT *\nFROM t\nWHERE NOT (false)");
}

TEST(CheckRules, MistakesAreNamed) {
  EXPECT_EQ(parse(R"([{"severity": "error", "not_null": ["a"], "unique": ["b"]}])").error().message(),
            "a rule has exactly one kind, but this has 2: not_null, unique");
  EXPECT_EQ(parse(R"([{"severity": "error"}])").error().code(), Code::InvalidProject);
  EXPECT_EQ(parse(R"([{"name": "u", "severity": "quarantine", "unique": ["b"]}])").error().message(),
            "a rule about the whole table cannot quarantine rows: u");
  EXPECT_EQ(parse(R"([{"name": "q", "severity": "quarantine", "not_null": ["b"]}])", false).error().message(),
            "a quarantine rule needs a rejects table: q");
}

TEST(CheckRules, FiguresAreJudgedBySeverity) {
  const auto rules = parse(R"([
    {"name": "e", "severity": "error", "not_null": ["a"]},
    {"name": "q", "severity": "quarantine", "not_null": ["a"]},
    {"name": "c", "severity": "error", "row_count": {"min": 10, "max": 20}},
    {"name": "f", "severity": "warn", "freshness": {"column": "day", "within": "2d"}}])");
  ASSERT_TRUE(rules.ok());
  EXPECT_TRUE(judge((*rules)[0], 15, "0").passed);
  EXPECT_FALSE(judge((*rules)[0], 15, "1").passed);
  EXPECT_EQ(judge((*rules)[0], 15, "1").detail, "1 of 15 rows: a is missing");
  EXPECT_TRUE(judge((*rules)[1], 15, "3").passed);
  EXPECT_EQ(judge((*rules)[1], 15, "3").rows_failed, 3U);
  EXPECT_TRUE(judge((*rules)[2], 15, "15").passed);
  EXPECT_FALSE(judge((*rules)[2], 21, "21").passed);
  EXPECT_TRUE(judge((*rules)[3], 15, "172800").passed);
  EXPECT_FALSE(judge((*rules)[3], 15, "172801").passed);
  EXPECT_EQ(judge((*rules)[3], 15, "172801").detail, "the newest value is 48 h 0 min old");
  EXPECT_TRUE(judge((*rules)[3], 15, "-3600").passed);
  EXPECT_EQ(judge((*rules)[3], 15, "-3600").detail, "the newest value lies 1 h 0 min in the future");
  EXPECT_FALSE(judge((*rules)[3], 0, "").passed);
}

}  // namespace
}  // namespace weir::engine
