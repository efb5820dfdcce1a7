#include <algorithm>

#include "connectors/generate/generate_file.hpp"
#include "connectors/generate/generate_source.hpp"
#include "connectors/generate/spec.hpp"
#include "engine/check_endpoints.hpp"
#include "engine/connections.hpp"
#include "engine/endpoint.hpp"
#include "engine/kinds.hpp"
#include "engine/parquet.hpp"
#include "project/project.hpp"

// `generate`: synthetic data by a spec, into a file of the project or into any connection that takes rows.
namespace weir::engine {
namespace {

Result<generate::Spec> read_spec(TaskContext& context, const std::string& path) {
  const auto file = project::read_settings_file(context.order().code_folder, path, generate::generator_settings());
  if (!file.mistakes.errors.empty()) return file.mistakes.errors.front();
  auto outcome = generate::parse_spec(file.settings);
  if (!outcome.mistakes.empty()) {
    auto& mistake = outcome.mistakes.front();
    const auto place = file.places.find(mistake.path);
    return std::move(mistake.error).at(place == file.places.end() ? Place{path, 0, 0} : place->second);
  }
  return std::move(*outcome.spec);
}

Result<generate::Variation> variation(const Settings& settings) {
  const auto date = parse_instant(settings.text("date"));
  if (!date)
    return Error::user(Code::InvalidProject, "not a date: {}", settings.text("date")).hint("write it as 2026-03-03");
  if (settings.integer("rows") < 0)
    return Error::user(Code::InvalidProject, "rows is negative: {}", settings.integer("rows"))
        .hint("how many rows to make: 0 or more");
  return generate::Variation{.rows = static_cast<std::uint64_t>(settings.integer("rows")),
                             .seed = static_cast<std::uint64_t>(settings.integer("seed")),
                             .last_day = std::chrono::floor<std::chrono::days>(*date).time_since_epoch().count()};
}

// CSV has a path of its own, which writes text as it generates; every other format goes through the files connector.
bool is_plain_csv(const std::string& path) { return path.ends_with(".csv"); }

Result<generate::GenerateReport> generate_csv(TaskContext& context, generate::Spec spec,
                                              const generate::Variation& variation, const std::string& to) {
  const generate::GenerateRequest request{.spec = std::move(spec),
                                          .variation = variation,
                                          .path = context.order().project_folder / to,
                                          .threads = static_cast<int>(context.order().settings.integer("threads"))};
  return generate::generate_file(request, context.stop(),
                                 [&](std::uint64_t rows) { context.progress().rows_written = rows; });
}

// As one atomic commit, like a copy.
Result<generate::GenerateReport> generate_through_sink(TaskContext& context, generate::Spec spec,
                                                       const generate::Variation& variation, const std::string& to) {
  const auto& settings = context.order().settings;
  const auto target = find_endpoint(context.order(), to);
  const bool is_file = target.connection == kFilesConnection;
  generate::GenerateSource source{std::move(spec), variation};
  const auto sink = WEIR_TRY(context.open_sink(target.connection));
  flow::PumpPlan plan;
  plan.write.table = target.object;
  plan.write.mode = write_mode(settings.text("mode"));
  plan.write.key = settings.texts("key");
  // Parts that are written side by side mix in a file, whose bytes are the same every time.
  plan.partitions = is_file ? 1 : static_cast<int>(std::max<std::int64_t>(settings.integer("threads"), 1));
  plan.write.options = settings.group("options");
  const auto through = settings.text(kParquetOption);
  if (!through.empty()) plan.write.options = Settings{{{std::string{kParquetOption}, through}}};
  const auto journal = context.journal(to);
  const auto pumped = WEIR_TRY(flow::pump(source, *sink, plan, *journal, context.progress(), context.stop()));
  auto report = source.report();
  report.rows = pumped.receipt.rows;
  return report;
}

Result<Json> run_generate(TaskContext& context) {
  const auto& settings = context.order().settings;
  const auto to = settings.text("to");
  auto spec = WEIR_TRY(read_spec(context, settings.text("spec")));
  const auto what = WEIR_TRY(variation(settings));
  const bool is_text =
      is_plain_csv(to) && !spec.is_of_documents() && find_endpoint(context.order(), to).connection == kFilesConnection;
  const auto report = WEIR_TRY(is_text ? generate_csv(context, std::move(spec), what, to)
                                       : generate_through_sink(context, std::move(spec), what, to));
  context.progress().rows_written = report.rows;
  for (const auto& [kind, rows] : report.defects)
    context.log().info("{} rows with the defect {}", rows, generate::name(kind));
  context.log().info("generated {} rows into {}", report.rows, to);
  return generate::to_json(report);
}

}  // namespace

TaskKind generate_kind() {
  return {.name = "generate",
          .summary = "Generates synthetic data by a spec: same seed, same bytes",
          .settings =
              {{.name = "spec",
                .type = SettingType::Text,
                .doc = "The spec's file, such as generators/sales.yml",
                .need = Need::Required},
               {.name = "rows", .type = SettingType::Integer, .doc = "How many rows", .need = Need::Required},
               {.name = "seed", .type = SettingType::Integer, .doc = "Another seed, other data", .default_value = 1},
               {.name = "date",
                .type = SettingType::Text,
                .doc = "The last day of the data, such as 2026-03-03",
                .need = Need::Required},
               {.name = "to",
                .type = SettingType::Text,
                .doc = "Where to write: a file's path, or connection.table",
                .need = Need::Required},
               {.name = "mode",
                .type = SettingType::Choice,
                .doc = "Of a connection: replace swaps the whole table, append adds rows, merge upserts by key",
                .default_value = "replace",
                .choices = {"append", "replace", "merge"}},
               {.name = "key",
                .type = SettingType::List,
                .doc = "The primary key's columns",
                .fields = {{.name = "item", .type = SettingType::Text}},
                .shorthand = Setting::Shorthand::Allowed},
               {.name = "options",
                .type = SettingType::Map,
                .doc = "The connector's own write options",
                .fields = {{.name = "value", .type = SettingType::Any}}},
               {.name = "threads",
                .type = SettingType::Integer,
                .doc = "Threads that generate side by side",
                .default_value = 2},
               {.name = std::string{kParquetOption},
                .type = SettingType::Text,
                .doc = "The ClickHouse connection that writes a Parquet file; by default the project's first"}},
          .reads = {},
          .writes = {"to"},
          .check = check_generate,
          .run = run_generate};
}

}  // namespace weir::engine
