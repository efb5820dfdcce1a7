#include "base/file.hpp"
#include "engine/kinds.hpp"
#include "engine/quoting.hpp"
#include "sql/template.hpp"

// `sql`: statements on one connection, in order.
namespace weir::engine {
namespace {

Result<std::string> script_text(TaskContext& context) {
  const auto& settings = context.order().settings;
  if (!settings.has("file")) return settings.text("script");
  const auto path = settings.text("file");
  const auto text = WEIR_TRY(read_file(context.order().code_folder / path));
  sql::TemplateEngine engine;
  return engine.render(path, text, context.order().variables);
}

Result<Json> run_sql(TaskContext& context) {
  const auto& settings = context.order().settings;
  if (settings.has("file") == settings.has("script")) {
    return Error::user(Code::InvalidProject, "a sql task takes either script or file")
        .hint("give exactly one of the two");
  }
  const auto text = WEIR_TRY(script_text(context));
  const auto connection = settings.text("connection");
  const auto database = WEIR_TRY(context.open_database(connection));
  flow::Script script;
  for (const auto& statement : sql::split_statements(text, quoting_of(database->dialect()))) {
    script.statements.emplace_back(statement.text);
  }
  const auto rows =
      WEIR_TRY(database->execute(script, context.stop()).while_doing(fmt::format("sql on {}", connection)));
  context.progress().rows_written = rows;
  context.log().info("executed {} statements on {}", script.statements.size(), connection);
  return Json{{"statements", script.statements.size()}, {"rows", rows}};
}

}  // namespace

TaskKind sql_kind() {
  return {.name = "sql",
          .summary = "Runs SQL statements on a connection: all or none, where the database has transactions",
          .settings = {{.name = "connection",
                        .type = SettingType::Text,
                        .doc = "The connection to run on",
                        .need = Need::Required},
                       {.name = "script", .type = SettingType::Text, .doc = "The statements, separated by semicolons"},
                       {.name = "file",
                        .type = SettingType::Text,
                        .doc = "A file with the statements instead; may hold templates"}},
          .reads = {},
          .writes = {},
          .connections = {"connection"},
          .renders_files = true,
          .run = run_sql};
}

}  // namespace weir::engine
