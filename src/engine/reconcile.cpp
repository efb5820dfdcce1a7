#include <algorithm>

#include "engine/endpoint.hpp"
#include "engine/kinds.hpp"
#include "engine/reconciliation.hpp"
#include "engine/repair.hpp"
#include "flow/counted_source.hpp"

// `reconcile`: proves that two tables hold the same rows, whatever the databases, or that a table holds those of a source.
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

// A side with what it stands on.
struct OpenSide {
  std::unique_ptr<flow::Database> database;
  std::unique_ptr<flow::Source> source;
  ReconcileSide side;
};

Reading reading_of(const Settings& side) { return side.text("read") == "anew" ? Reading::Anew : Reading::OfTheRun; }

// A connection that is a database hashes its own rows; those of any other source are read.
Result<OpenSide> open_side(TaskContext& context, std::string_view name) {
  const auto settings = context.order().settings.group(name);
  const auto end = find_endpoint(context.order(), settings.text("table"));
  OpenSide open;
  open.side.name = settings.text("table");
  const auto connection = context.order().connections.find(end.connection);
  const auto* connector = context.registry().find(
      connection == context.order().connections.end() ? end.connection : connection->second.type);
  if (connector == nullptr || connector->open_database != nullptr) {
    open.database = WEIR_TRY(context.open_database(end.connection));
    open.side.database = open.database.get();
    open.side.table = flow::parse_relation(end.object);
    open.side.where = settings.text("where");
    return open;
  }
  if (!settings.text("where").empty()) {
    return Error::user(Code::InvalidProject, "where is a SQL condition, and {} takes no SQL", open.side.name)
        .hint("leave it out, or compare a table");
  }
  open.source = WEIR_TRY(context.open_source(end.connection, reading_of(settings)));
  open.side.source = open.source.get();
  open.side.read = {.stream = end.object, .options = settings.group("options")};
  return open;
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

ledger::CheckResult check_of(const ReconcileRequest& request, const Reconciliation& result) {
  ledger::CheckResult check;
  check.check = fmt::format("{} = {}", request.left.name, request.right.name);
  check.severity = "error";
  check.passed = result.equal();
  check.rows_checked = std::max(result.left_rows, result.right_rows);
  check.rows_failed = result.differences_total;
  check.detail =
      fmt::format("{} / {} rows, {} of {} buckets differ, {} rows differ", result.left_rows, result.right_rows,
                  result.buckets_differing.size(), result.buckets, result.differences_total);
  if (result.rows_not_looked_at != 0) {
    check.detail += fmt::format(", {} more in differing buckets were not looked at", result.rows_not_looked_at);
  }
  return check;
}

Error error_of(const ReconcileRequest& request, const Reconciliation& result) {
  const auto first = result.differences.empty() ? figures_that_differ(result) : result.differences.front().text();
  return Error::user(Code::CheckFailed, "{} and {} differ: {}; first: {}", request.left.name, request.right.name,
                     check_of(request, result).detail, first)
      .hint("weir logs names the rows that differ; weir reconcile PIPELINE --repair copies them again");
}

// Copies what differs, then compares everything once more: nothing is believed unproven.
Result<Reconciliation> repaired(TaskContext& context, const ReconcileRequest& request, const Reconciliation& found) {
  const auto rows = WEIR_TRY(repair(
      context, {request.left, request.right, reading_of(context.order().settings.group("left")), request.key, found}));
  context.log().info("repaired {}: {} rows in {} of {} buckets were written or deleted", request.right.name, rows,
                     found.buckets_differing.size(), found.buckets);
  return reconcile(request, context.stop());
}

// Both readings of a source went the same way: what its system counts itself must be what came of the second one.
Result<void> check_count(TaskContext& context, std::string_view name, const ReconcileSide& side) {
  auto* counting = dynamic_cast<flow::CountedSource*>(side.source);
  if (counting == nullptr || reading_of(context.order().settings.group(name)) != Reading::Anew) return {};
  const auto count = WEIR_TRY(counting->count(side.read, context.stop()));
  if (!count) return {};
  ledger::CheckResult check;
  check.check = fmt::format("{} by its own count", side.name);
  check.severity = "error";
  check.passed = count->is_whole();
  check.rows_checked = count->counted;
  const auto read = count->rows + count->rejected;
  check.rows_failed = std::max(count->counted, read) - std::min(count->counted, read);
  check.detail = fmt::format("{} counted, {} rows and {} rejects read", count->counted, count->rows, count->rejected);
  WEIR_TRY(context.report(check));
  if (!count->is_whole()) {
    return Error::external(Code::CheckFailed, "not all of {} was read: {}", side.name, check.detail)
        .hint("it was written to meanwhile, and another run tells; or documents do not reach Weir");
  }
  context.log().info("{}: {}", side.name, check.detail);
  return {};
}

Result<Json> run_reconcile(TaskContext& context) {
  const auto& settings = context.order().settings;
  const auto left = WEIR_TRY(open_side(context, "left"));
  const auto right = WEIR_TRY(open_side(context, "right"));
  const ReconcileRequest request{.left = left.side,
                                 .right = right.side,
                                 .key = settings.texts("key"),
                                 .ignore = settings.texts("ignore"),
                                 .differences_max = static_cast<int>(settings.integer("show"))};
  auto result = WEIR_TRY(reconcile(request, context.stop()));
  const auto rows_found = result.differences_total;
  for (const auto& difference : result.differences) context.log().error("{}", difference.text());
  if (!result.equal() && settings.flag("repair")) {
    result = WEIR_TRY(repaired(context, request, result));
    for (const auto& difference : result.differences) context.log().error("still: {}", difference.text());
  }
  context.progress().rows_read = result.left_rows + result.right_rows;
  WEIR_TRY(context.report(check_of(request, result)));
  if (!result.equal()) return error_of(request, result);
  WEIR_TRY(check_count(context, "left", left.side));
  WEIR_TRY(check_count(context, "right", right.side));
  context.log().info("{} = {}: {} rows, every value", request.left.name, request.right.name, result.left_rows);
  Json output{{"rows", result.left_rows}, {"buckets", result.buckets}, {"columns", to_json(result.left_columns)}};
  if (rows_found != 0) output["repaired"] = rows_found;
  return output;
}

}  // namespace

TaskKind reconcile_kind() {
  const Setting text{.name = "item", .type = SettingType::Text};
  const auto side_setting = [](std::string name) {
    return Setting{
        .name = std::move(name),
        .type = SettingType::Group,
        .doc = "connection.table, or a source's connection.stream; optionally only some of its rows",
        .need = Need::Required,
        .fields = {{.name = "table", .type = SettingType::Text, .doc = "connection.table", .need = Need::Required},
                   {.name = "where", .type = SettingType::Text, .doc = "A SQL condition on that side"},
                   {.name = "read",
                    .type = SettingType::Choice,
                    .doc =
                        "Of a source that is no database: the documents that this run has read already, or all of them "
                        "anew, which also proves that none was missed: by the source's own count, where it has one",
                    .default_value = "run",
                    .choices = {"run", "anew"}},
                   {.name = "options",
                    .type = SettingType::Map,
                    .doc = "The connector's own read options, of a source that is no database",
                    .fields = {{.name = "value", .type = SettingType::Any}}}},
        .shorthand = Setting::Shorthand::Allowed};
  };
  return {
      .name = "reconcile",
      .summary =
          "Proves that two tables hold the same rows by value, or names the rows that differ and can copy them again",
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
                    .default_value = 20},
                   {.name = "repair",
                    .type = SettingType::Flag,
                    .doc = "Copies the key buckets that differ from left to right, and compares again",
                    .default_value = false}},
      .reads = {"left.table", "right.table"},
      .writes = {},
      .run = run_reconcile};
}

}  // namespace weir::engine
