#include "engine/endpoint.hpp"
#include "engine/kinds.hpp"
#include "engine/reconciliation.hpp"

// `reconcile`: proves that two tables hold the same rows, whatever the databases.
namespace weir::engine {
namespace {

Json to_json(const std::vector<ColumnFigures>& columns) {
  Json json = Json::object();
  for (const auto& column : columns) {
    json[column.name] = {{"values", column.values}};
    if (!column.sum.empty()) json[column.name]["sum"] = column.sum;
  }
  return json;
}

ReconcileSide side(TaskContext& context, std::string_view name, flow::Database& database, std::string_view table) {
  const auto settings = context.order().settings.group(name);
  return {.database = &database,
          .name = settings.text("table"),
          .table = flow::parse_relation(table),
          .where = settings.text("where")};
}

// Says that figures differ although no bucket does: a column's sum, or values that are only NULL on one side.
std::string figures_that_differ(const Reconciliation& result) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < result.left_columns.size(); ++i) {
    const auto& left = result.left_columns[i];
    const auto& right = result.right_columns[i];
    if (left == right) continue;
    texts.push_back(fmt::format("{}: {} values, sum {} / {} values, sum {}", left.name, left.values, left.sum,
                                right.values, right.sum));
  }
  return fmt::format("{}", fmt::join(texts, "; "));
}

Result<Json> run_reconcile(TaskContext& context) {
  const auto& settings = context.order().settings;
  const auto left = find_endpoint(context.order(), settings.group("left").text("table"));
  const auto right = find_endpoint(context.order(), settings.group("right").text("table"));
  const auto left_database = WEIR_TRY(context.open_database(left.connection));
  const auto right_database = WEIR_TRY(context.open_database(right.connection));
  const ReconcileRequest request{.left = side(context, "left", *left_database, left.object),
                                 .right = side(context, "right", *right_database, right.object),
                                 .key = settings.texts("key"),
                                 .ignore = settings.texts("ignore"),
                                 .differences_max = static_cast<int>(settings.integer("show"))};
  const auto result = WEIR_TRY(reconcile(request, context.stop()));
  context.progress().rows_read = result.left_rows + result.right_rows;

  ledger::CheckResult check;
  check.check = fmt::format("{} = {}", request.left.name, request.right.name);
  check.severity = "error";
  check.passed = result.equal();
  check.rows_checked = std::max(result.left_rows, result.right_rows);
  check.rows_failed = result.differences_total;
  check.detail = fmt::format("{} / {} rows, {} of {} buckets differ, {} rows differ", result.left_rows,
                             result.right_rows, result.buckets_differing, result.buckets, result.differences_total);
  WEIR_TRY(context.report(check));
  for (const auto& difference : result.differences) context.log().error("{}", difference.text());
  if (!result.equal()) {
    const auto first = result.differences.empty() ? figures_that_differ(result) : result.differences.front().text();
    return Error::user(Code::CheckFailed, "{} and {} differ: {}; first: {}", request.left.name, request.right.name,
                       check.detail, first)
        .hint("weir logs names the rows that differ");
  }
  context.log().info("{} = {}: {} rows, every value", request.left.name, request.right.name, result.left_rows);
  return Json{{"rows", result.left_rows}, {"buckets", result.buckets}, {"columns", to_json(result.left_columns)}};
}

}  // namespace

TaskKind reconcile_kind() {
  const Setting text{.name = "item", .type = SettingType::Text};
  const auto side_setting = [](std::string name) {
    return Setting{
        .name = std::move(name),
        .type = SettingType::Group,
        .doc = "connection.table, optionally only some of its rows",
        .need = Need::Required,
        .fields = {{.name = "table", .type = SettingType::Text, .doc = "connection.table", .need = Need::Required},
                   {.name = "where", .type = SettingType::Text, .doc = "A SQL condition on that side"}},
        .shorthand = Setting::Shorthand::Allowed};
  };
  return {.name = "reconcile",
          .summary = "Proves that two tables hold the same rows by value, or names the rows that differ",
          .settings = {side_setting("left"),
                       side_setting("right"),
                       {.name = "key",
                        .type = SettingType::List,
                        .doc = "Columns that identify a row; all columns without it",
                        .fields = {text},
                        .shorthand = Setting::Shorthand::Allowed},
                       {.name = "ignore",
                        .type = SettingType::List,
                        .doc = "Columns that are not compared",
                        .fields = {text},
                        .shorthand = Setting::Shorthand::Allowed},
                       {.name = "show",
                        .type = SettingType::Integer,
                        .doc = "How many differing rows are named",
                        .default_value = 20}},
          .reads = {"left.table", "right.table"},
          .writes = {},
          .run = run_reconcile};
}

}  // namespace weir::engine
