#include "engine/check_rules.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace weir::engine {
namespace {

using Kind = Rule::Kind;

constexpr std::array<std::pair<std::string_view, Kind>, 9> kKinds{{{"not_null", Kind::NotNull},
                                                                   {"unique", Kind::Unique},
                                                                   {"accepted_values", Kind::AcceptedValues},
                                                                   {"range", Kind::Range},
                                                                   {"matches", Kind::Matches},
                                                                   {"references", Kind::References},
                                                                   {"expression", Kind::Expression},
                                                                   {"row_count", Kind::RowCount},
                                                                   {"freshness", Kind::Freshness}}};

bool is_about_rows(Kind kind) { return kind != Kind::Unique && kind != Kind::RowCount && kind != Kind::Freshness; }

std::string_view name(RuleSeverity severity) {
  switch (severity) {
    case RuleSeverity::Warn: return "warn";
    case RuleSeverity::Error: return "error";
    case RuleSeverity::Quarantine: return "quarantine";
  }
  return "";
}

Result<Rule> parse_rule(const Settings& settings) {
  Rule rule{};
  std::vector<std::string_view> given;
  for (const auto& [key, kind] : kKinds) {
    if (!settings.has(key)) continue;
    given.push_back(key);
    rule.kind = kind;
  }
  if (given.size() != 1) {
    return Error::user(Code::InvalidProject, "a rule has exactly one kind, but this has {}: {}", given.size(),
                       fmt::join(given, ", "));
  }
  const std::string key{given.front()};
  switch (rule.kind) {
    case Kind::NotNull:
    case Kind::Unique: rule.columns = settings.texts(key); break;
    case Kind::Expression: rule.columns = {settings.text(key)}; break;
    case Kind::RowCount: {
      const auto group = settings.group(key);
      rule.min = group.text("min");
      rule.max = group.text("max");
      break;
    }
    default: {
      const auto group = settings.group(key);
      rule.columns = {group.text("column")};
      rule.values = group.texts("values");
      rule.pattern = group.text("pattern");
      rule.table = group.text("table");
      rule.field = group.text("field");
      rule.min = group.text("min");
      rule.max = group.text("max");
      if (rule.kind == Kind::Freshness) rule.within = group.duration("within");
    }
  }
  const auto severity = settings.text("severity");
  rule.severity = severity == "warn"         ? RuleSeverity::Warn
                  : severity == "quarantine" ? RuleSeverity::Quarantine
                                             : RuleSeverity::Error;
  rule.name = settings.has("name") ? settings.text("name") : fmt::format("{}_{}", key, fmt::join(rule.columns, "_"));
  return rule;
}

// True for a row that breaks the rule; never NULL.
std::string violation(const Rule& rule, const flow::Dialect& dialect) {
  const auto column = fmt::format("({})", rule.columns.empty() ? std::string{} : rule.columns.front());
  switch (rule.kind) {
    case Kind::NotNull: {
      std::vector<std::string> conditions;
      for (const auto& name : rule.columns) conditions.push_back(fmt::format("({}) IS NULL", name));
      return fmt::format("({})", fmt::join(conditions, " OR "));
    }
    case Kind::AcceptedValues: {
      std::vector<std::string> literals;
      for (const auto& value : rule.values) literals.push_back(dialect.literal(value));
      return fmt::format("coalesce({} NOT IN ({}), false)", dialect.cast_text(column), fmt::join(literals, ", "));
    }
    case Kind::Range: {
      std::vector<std::string> conditions;
      if (!rule.min.empty()) conditions.push_back(fmt::format("{} < {}", column, rule.min));
      if (!rule.max.empty()) conditions.push_back(fmt::format("{} > {}", column, rule.max));
      return fmt::format("coalesce({}, false)", fmt::join(conditions, " OR "));
    }
    case Kind::Matches:
      return fmt::format("coalesce(NOT ({}), false)", dialect.matches(dialect.cast_text(column), rule.pattern));
    case Kind::References:
      return fmt::format("(({0}) IS NOT NULL AND ({0}) NOT IN (SELECT {1} FROM {2} WHERE {1} IS NOT NULL))",
                         rule.columns.front(), rule.field, dialect.quote(flow::parse_relation(rule.table)));
    default: return fmt::format("NOT coalesce({}, false)", column);
  }
}

std::string reason(const Rule& rule) {
  switch (rule.kind) {
    case Kind::NotNull: return fmt::format("{} is missing", fmt::join(rule.columns, ", "));
    case Kind::AcceptedValues:
      return fmt::format("{} is not one of {}", rule.columns.front(), fmt::join(rule.values, ", "));
    case Kind::Range: return fmt::format("{} is outside {}..{}", rule.columns.front(), rule.min, rule.max);
    case Kind::Matches: return fmt::format("{} does not match {}", rule.columns.front(), rule.pattern);
    case Kind::References: return fmt::format("{} is not in {}", rule.columns.front(), rule.table);
    default: return fmt::format("not true: {}", rule.columns.front());
  }
}

std::string figure(const Rule& rule, const flow::Dialect& dialect) {
  switch (rule.kind) {
    case Kind::RowCount: return "count(*)";
    case Kind::Unique:
      return fmt::format("count({}) - {}", rule.columns.size() == 1 ? rule.columns.front() : "*",
                         dialect.count_distinct(rule.columns));
    case Kind::Freshness: return dialect.age_seconds(fmt::format("max({})", rule.columns.front()));
    default: return dialect.count_if(violation(rule, dialect));
  }
}

std::string any_quarantine(const std::vector<Rule>& rules, const flow::Dialect& dialect) {
  std::vector<std::string> conditions;
  for (const auto& rule : rules) {
    if (rule.severity == RuleSeverity::Quarantine) conditions.push_back(violation(rule, dialect));
  }
  return conditions.empty() ? "false" : dialect.any_of(conditions);
}

// The texts of the broken rules, joined by "; ".
std::string joined(const std::vector<Rule>& rules, const flow::Dialect& dialect, std::string (*text)(const Rule&)) {
  std::vector<std::string> parts;
  for (const auto& rule : rules) {
    if (rule.severity != RuleSeverity::Quarantine) continue;
    parts.push_back(
        fmt::format("CASE WHEN {} THEN {} ELSE '' END", violation(rule, dialect), dialect.literal("; " + text(rule))));
  }
  return parts.empty() ? "''" : fmt::format("substring({} FROM 3)", fmt::join(parts, "\n    || "));
}

std::optional<double> as_number(const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string freshness_detail(std::optional<double> age_s) {
  if (!age_s) return "the table has no value";
  const auto length = format_duration(std::chrono::seconds{static_cast<long long>(std::abs(*age_s))});
  return *age_s < 0 ? fmt::format("the newest value lies {} in the future", length)
                    : fmt::format("the newest value is {} old", length);
}

}  // namespace

std::vector<Setting> rule_settings() {
  const Setting text{.name = "item", .type = SettingType::Text};
  const Setting column{
      .name = "column", .type = SettingType::Text, .doc = "A column or a SQL expression", .need = Need::Required};
  const Setting min{.name = "min", .type = SettingType::Any, .doc = "The least allowed value, as SQL"};
  const Setting max{.name = "max", .type = SettingType::Any, .doc = "The greatest allowed value, as SQL"};
  return {
      {.name = "name", .type = SettingType::Text, .doc = "What reports call the rule"},
      {.name = "severity",
       .type = SettingType::Choice,
       .doc = "warn reports, error fails the task, quarantine moves the rows to the rejects table",
       .default_value = "error",
       .choices = {"warn", "error", "quarantine"}},
      {.name = "not_null",
       .type = SettingType::List,
       .doc = "Columns that have a value in every row",
       .fields = {text},
       .shorthand = Setting::Shorthand::Allowed},
      {.name = "unique",
       .type = SettingType::List,
       .doc = "Columns whose values together occur once",
       .fields = {text},
       .shorthand = Setting::Shorthand::Allowed},
      {.name = "accepted_values",
       .type = SettingType::Group,
       .doc = "A column that has one of these values",
       .fields = {column, {.name = "values", .type = SettingType::List, .need = Need::Required, .fields = {text}}}},
      {.name = "range",
       .type = SettingType::Group,
       .doc = "A column between two bounds, both allowed",
       .fields = {column, min, max}},
      {.name = "matches",
       .type = SettingType::Group,
       .doc = "A column that matches a regular expression",
       .fields = {column, {.name = "pattern", .type = SettingType::Text, .need = Need::Required}}},
      {.name = "references",
       .type = SettingType::Group,
       .doc = "A column whose values stand in another table of the same database: no orphans",
       .fields = {column,
                  {.name = "table", .doc = "The other table", .need = Need::Required},
                  {.name = "field", .doc = "Its column, or a SQL expression", .need = Need::Required}}},
      {.name = "expression", .type = SettingType::Text, .doc = "A SQL condition that is true for every row"},
      {.name = "row_count", .type = SettingType::Group, .doc = "How many rows the table has", .fields = {min, max}},
      {.name = "freshness",
       .type = SettingType::Group,
       .doc = "How old the newest value of a date or timestamp column may be",
       .fields = {column, {.name = "within", .type = SettingType::Duration, .need = Need::Required}}},
  };
}

Result<std::vector<Rule>> parse_rules(const std::vector<Settings>& rules, bool has_rejects) {
  std::vector<Rule> parsed;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    auto rule = WEIR_TRY(parse_rule(rules[i]).while_doing(fmt::format("rule {}", i + 1)));
    if (rule.severity == RuleSeverity::Quarantine) {
      if (!is_about_rows(rule.kind)) {
        return Error::user(Code::InvalidProject, "a rule about the whole table cannot quarantine rows: {}", rule.name)
            .hint("use severity warn or error; remove duplicates in a model");
      }
      if (!has_rejects) {
        return Error::user(Code::InvalidProject, "a quarantine rule needs a rejects table: {}", rule.name)
            .hint("add rejects: connection.table to the check");
      }
    }
    parsed.push_back(std::move(rule));
  }
  return parsed;
}

std::string scan_sql(const std::vector<Rule>& rules, const flow::Relation& table, const flow::Dialect& dialect) {
  std::string sql = "SELECT count(*) AS rows";
  for (std::size_t i = 0; i < rules.size(); ++i)
    sql += fmt::format(",\n  {} AS rule_{}", figure(rules[i], dialect), i + 1);
  return sql + fmt::format("\nFROM {}", dialect.quote(table));
}

std::string rejects_sql(const std::vector<Rule>& rules, const flow::Relation& table, const RunId& run,
                        const flow::Dialect& dialect) {
  return fmt::format("SELECT *,\n  {} AS weir_rule,\n  {} AS weir_reason,\n  {} AS weir_run\nFROM {}\nWHERE {}",
                     joined(rules, dialect, [](const Rule& rule) { return rule.name; }), joined(rules, dialect, reason),
                     dialect.literal(run.text()), dialect.quote(table), any_quarantine(rules, dialect));
}

std::string accepted_sql(const std::vector<Rule>& rules, const flow::Relation& table, const flow::Dialect& dialect) {
  return fmt::format("SELECT *\nFROM {}\nWHERE NOT ({})", dialect.quote(table), any_quarantine(rules, dialect));
}

ledger::CheckResult judge(const Rule& rule, std::uint64_t rows, const std::string& figure) {
  ledger::CheckResult result;
  result.check = rule.name;
  result.severity = name(rule.severity);
  result.rows_checked = rows;
  if (rule.kind == Kind::Freshness) {
    const auto age_s = as_number(figure);
    result.passed = age_s && *age_s * 1000 <= static_cast<double>(rule.within.count());
    result.detail = freshness_detail(age_s);
    return result;
  }
  const auto count = as_number(figure).value_or(0);
  if (rule.kind == Kind::RowCount) {
    const auto min = as_number(rule.min);
    const auto max = as_number(rule.max);
    result.passed = (!min || count >= *min) && (!max || count <= *max);
    result.detail = fmt::format("{} rows, expected {}..{}", rows, rule.min, rule.max);
    return result;
  }
  result.rows_failed = static_cast<std::uint64_t>(count);
  result.passed = result.rows_failed == 0 || rule.severity == RuleSeverity::Quarantine;
  if (result.rows_failed != 0)
    result.detail = fmt::format("{} of {} rows: {}", result.rows_failed, rows,
                                rule.kind == Kind::Unique ? "values that occur before" : reason(rule));
  return result;
}

}  // namespace weir::engine
