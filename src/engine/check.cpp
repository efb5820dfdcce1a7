#include <algorithm>
#include <utility>

#include "data/text.hpp"
#include "engine/check_rules.hpp"
#include "engine/endpoint.hpp"
#include "engine/kinds.hpp"

// `check`: rules about one table, each evaluated once for a row. Rows that break a quarantine rule are kept in the rejects
// table with the rule and the reason, by the one statement that evaluates those rules; `accepted` becomes a view of the
// rest. All other rules are one scan, which reads only the columns that they name. A table is read once, or twice where it has
// rules of both sorts: one statement cannot both keep rows and count others.
namespace weir::engine {
namespace {

struct Figures {
  std::vector<std::string> values;  // one text a selected expression
  std::uint64_t number(std::size_t i) const { return values[i].empty() ? 0 : std::stoull(values[i]); }
};

Result<Figures> scan(flow::Database& database, const std::string& sql, std::stop_token stop) {
  const auto batches = WEIR_TRY(flow::select_all(database, sql, stop));
  if (batches.size() != 1 || batches.front().rows() != 1) return Error::bug("a check's scan did not give one row");
  Figures figures;
  for (const auto& column : batches.front().columns()) {
    figures.values.push_back(column.is_null(0) ? std::string{} : data::value_text(column, 0));
  }
  return figures;
}

Result<void> publish(flow::Database& database, const flow::Relation& target, flow::Materialized materialized,
                     std::string select, std::stop_token stop) {
  flow::Materialization what;
  what.target = target;
  what.materialized = materialized;
  what.select = std::move(select);
  what.existing = WEIR_TRY(database.describe(target, stop));
  what.config = Json::object();
  WEIR_TRY(database.execute(WEIR_TRY(database.dialect().materialize(what)), stop));
  return {};
}

// What the whole check comes to, in words: the task's error when a rule of severity error is broken.
Result<void> verdict(const std::vector<ledger::CheckResult>& results) {
  std::vector<std::string> broken;
  for (const auto& result : results) {
    if (!result.passed && result.severity == "error")
      broken.push_back(fmt::format("{} ({})", result.check, result.detail));
  }
  if (broken.empty()) return {};
  return Error::user(Code::CheckFailed, "{} of {} rules of severity error are broken: {}", broken.size(),
                     results.size(), fmt::join(broken, "; "));
}

class Check {
 public:
  Check(TaskContext& context, flow::Database& database, flow::Relation table, std::vector<Rule> rules)
      : context_(context), database_(database), table_(std::move(table)), rules_(std::move(rules)) {}

  Result<Json> run() {
    const auto& settings = context_.order().settings;
    std::vector<Rule> quarantine;
    std::vector<Rule> others;
    for (const auto& rule : rules_) (rule.severity == RuleSeverity::Quarantine ? quarantine : others).push_back(rule);

    Figures rejected{{"0"}};
    if (settings.has("rejects")) {
      const auto rejects = relation("rejects");
      WEIR_TRY(publish(database_, rejects, flow::Materialized::Table,
                       rejects_sql(quarantine, table_, context_.order().run, database_.dialect()), context_.stop()));
      rejected = WEIR_TRY(figures(quarantine, rejects));
    }
    if (settings.has("accepted")) {
      WEIR_TRY(publish(database_, relation("accepted"), flow::Materialized::View,
                       accepted_sql(quarantine, table_, database_.dialect()), context_.stop()));
    }
    const auto found = WEIR_TRY(figures(others, table_));
    return report(found, rejected);
  }

 private:
  flow::Relation relation(std::string_view setting) const {
    return flow::parse_relation(find_endpoint(context_.order(), context_.order().settings.text(setting)).object);
  }

  Result<Figures> figures(const std::vector<Rule>& rules, const flow::Relation& table) {
    return scan(database_, scan_sql(rules, table, database_.dialect()), context_.stop());
  }

  // In the rules' own order: each has its figure in one of the two scans.
  Result<Json> report(const Figures& found, const Figures& rejected) {
    const auto rows = found.number(0);
    const auto rejected_rows = rejected.number(0);
    context_.progress().rows_read = rows;
    context_.progress().rows_written = rejected_rows;
    std::vector<ledger::CheckResult> results;
    std::size_t next_found = 1;
    std::size_t next_rejected = 1;
    for (const auto& rule : rules_) {
      const auto& figure =
          rule.severity == RuleSeverity::Quarantine ? rejected.values[next_rejected++] : found.values[next_found++];
      results.push_back(judge(rule, rows, figure));
      const auto& result = results.back();
      WEIR_TRY(context_.report(result));
      if (!result.passed) context_.log().warn("{} ({}): {}", result.check, result.severity, result.detail);
    }
    context_.log().info("checked {} rows by {} rules: {} rejected", rows, rules_.size(), rejected_rows);
    WEIR_TRY(verdict(results));
    const auto accepted_rows = rows - std::min(rows, rejected_rows);
    Json output{{"rows", rows}, {"rejected", rejected_rows}, {"accepted", accepted_rows}};
    const auto& settings = context_.order().settings;
    if (settings.has("rejects")) output["rows_by_table"][settings.text("rejects")] = rejected_rows;
    if (settings.has("accepted")) output["rows_by_table"][settings.text("accepted")] = accepted_rows;
    return output;
  }

  TaskContext& context_;
  flow::Database& database_;
  flow::Relation table_;
  std::vector<Rule> rules_;
};

Result<Json> run_check(TaskContext& context) {
  const auto& settings = context.order().settings;
  const auto table = find_endpoint(context.order(), settings.text("table"));
  auto rules = WEIR_TRY(parse_rules(settings.groups("rules"), settings.has("rejects")));
  const auto database = WEIR_TRY(context.open_database(table.connection));
  return Check(context, *database, flow::parse_relation(table.object), std::move(rules))
      .run()
      .while_doing(fmt::format("checking {}", settings.text("table")));
}

}  // namespace

TaskKind check_kind() {
  return {.name = "check",
          .summary = "Holds a table against rules; keeps the rows that break them, with the reason",
          .settings =
              {{.name = "table", .type = SettingType::Text, .doc = "connection.table to check", .need = Need::Required},
               {.name = "rejects",
                .type = SettingType::Text,
                .doc = "connection.table for the rows that break a quarantine rule"},
               {.name = "accepted",
                .type = SettingType::Text,
                .doc = "connection.view of the rows that break none of them"},
               {.name = "rules",
                .type = SettingType::List,
                .doc = "The rules",
                .need = Need::Required,
                .fields = {{.name = "rule", .type = SettingType::Group, .fields = rule_settings()}}}},
          .reads = {"table"},
          .writes = {"rejects", "accepted"},
          .run = run_check};
}

}  // namespace weir::engine
