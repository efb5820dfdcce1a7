#include <array>
#include <utility>

#include "data/text.hpp"
#include "engine/check_rules.hpp"
#include "engine/endpoint.hpp"
#include "engine/kinds.hpp"

// `check`: rules about one table, all evaluated in one scan of it. Rows that break a quarantine rule are kept in the
// rejects table with the rule and the reason; `accepted` becomes a view of the rest.
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
    if (!result.passed && result.severity == "error") broken.push_back(fmt::format("{} ({})", result.check, result.detail));
  }
  if (broken.empty()) return {};
  return Error::user(Code::CheckFailed, "{} of {} rules of severity error are broken: {}", broken.size(), results.size(),
                     fmt::join(broken, "; "));
}

class Check {
 public:
  Check(TaskContext& context, flow::Database& database, flow::Relation table, std::vector<Rule> rules)
      : context_(context), database_(database), table_(std::move(table)), rules_(std::move(rules)) {}

  Result<Json> run() {
    const auto& dialect = database_.dialect();
    const auto figures = WEIR_TRY(scan(database_, scan_sql(rules_, table_, dialect), context_.stop()));
    const auto rows = figures.number(0);
    const auto rejected = figures.number(1);
    context_.progress().rows_read = rows;
    std::vector<ledger::CheckResult> results;
    for (std::size_t i = 0; i < rules_.size(); ++i) results.push_back(judge(rules_[i], rows, figures.values[i + 2]));
    for (const auto& result : results) {
      WEIR_TRY(context_.report(result));
      if (!result.passed) context_.log().warn("{} ({}): {}", result.check, result.severity, result.detail);
    }
    WEIR_TRY(separate());
    context_.log().info("checked {} rows by {} rules: {} rejected", rows, rules_.size(), rejected);
    context_.progress().rows_written = rejected;
    WEIR_TRY(verdict(results));
    return Json{{"rows", rows}, {"rejected", rejected}, {"accepted", rows - rejected}};
  }

 private:
  Result<void> separate() {
    const auto& settings = context_.order().settings;
    if (settings.has("rejects")) {
      const auto target = flow::parse_relation(find_endpoint(context_.order(), settings.text("rejects")).object);
      WEIR_TRY(publish(database_, target, flow::Materialized::Table,
                       rejects_sql(rules_, table_, context_.order().run, database_.dialect()), context_.stop()));
    }
    if (settings.has("accepted")) {
      const auto target = flow::parse_relation(find_endpoint(context_.order(), settings.text("accepted")).object);
      WEIR_TRY(publish(database_, target, flow::Materialized::View, accepted_sql(rules_, table_, database_.dialect()),
                       context_.stop()));
    }
    return {};
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
          .settings = {{.name = "table", .type = SettingType::Text, .doc = "connection.table to check", .need = Need::Required},
                       {.name = "rejects", .type = SettingType::Text, .doc = "connection.table for the rows that break a quarantine rule"},
                       {.name = "accepted", .type = SettingType::Text, .doc = "connection.view of the rows that break none of them"},
                       {.name = "rules", .type = SettingType::List, .doc = "The rules", .need = Need::Required,
                        .fields = {{.name = "rule", .type = SettingType::Group, .fields = rule_settings()}}}},
          .reads = {"table"},
          .writes = {"rejects", "accepted"},
          .run = run_check};
}

}  // namespace weir::engine
