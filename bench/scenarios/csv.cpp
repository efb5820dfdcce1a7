// Staging the sales file, CSV to ClickHouse with every cell as text, against ClickHouse reading the same file itself.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "connectors/clickhouse/connector.hpp"
#include "connectors/files/files_connector.hpp"
#include "flow/pump.hpp"
#include "scenarios/engine.hpp"
#include "scenarios/parts.hpp"
#include "scenarios/timing.hpp"
#include "scenarios/workspace.hpp"

namespace weir::bench {

namespace {

// What a measurement needs of the ledger: commits that are never repeated.
class Forgetful final : public flow::Journal {
 public:
  Result<std::optional<flow::Intent>> pending() override { return std::optional<flow::Intent>(); }
  Result<std::optional<flow::Receipt>> superseded() override { return std::nullopt; }
  Result<std::optional<flow::Checkpoint>> checkpoint() override { return std::optional<flow::Checkpoint>(); }
  Result<CommitId> next_commit() override {
    return CommitId(fmt::format("bench-{}", std::chrono::system_clock::now().time_since_epoch().count()));
  }
  Result<void> intend(const flow::Intent&) override { return {}; }
  Result<void> save(const flow::Receipt&, const std::optional<flow::Checkpoint>&) override { return {}; }
};

Result<void> stage(flow::Source& source, flow::Sink& sink, const flow::PumpPlan& plan) {
  Forgetful journal;
  flow::PumpProgress progress;
  WEIR_TRY(flow::pump(source, sink, plan, journal, progress, {}));
  return {};
}

// The file that the pipeline's first task makes.
Result<std::string> generate_sales_file(const Workspace& workspace, std::uint64_t rows) {
  WEIR_TRY(
      run(workspace.weir({"run", "sales", "--json", "--select", "generate", "--param", fmt::format("rows={}", rows)})));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(workspace.folder() / "files")) {
    if (entry.path().filename() == "sales.csv") return entry.path().string();
  }
  return Error::bug("the generate task left no sales.csv below files/");
}

}  // namespace

Result<Figures> measure_csv(const Setup& setup) {
  const Workspace workspace = WEIR_TRY(Workspace::open(setup, "sales"));
  const std::string file = WEIR_TRY(generate_sales_file(workspace, setup.rows));
  const flow::Connector files = files::files_connector();
  const auto source = WEIR_TRY(files.open_source(
      {.connection = {.name = "files", .type = "files", .settings = {}}, .project_folder = workspace.folder()}));
  const flow::Connector clickhouse = clickhouse_connector();
  const auto sink = WEIR_TRY(clickhouse.open_sink(
      {.connection = WEIR_TRY(workspace.connection("warehouse", clickhouse)), .project_folder = workspace.folder()}));
  flow::PumpPlan plan;
  plan.read.stream = file;
  plan.read.options = with_defaults({{"types", "string"}}, files.read_options);
  plan.write.table = "bench_staged";
  plan.write.mode = flow::WriteMode::Replace;
  plan.write.options = with_defaults(Json::object(), clickhouse.write_options);
  plan.partitions = 2;
  double ours = 1e9;
  double engine = 1e9;
  for (int repeat = 0; repeat < setup.repeats; ++repeat) {
    ours = std::min(ours, WEIR_TRY(seconds_of([&] { return stage(*source, *sink, plan); })));
    engine = std::min(engine, WEIR_TRY(engine_seconds(setup, "csv", file)));
  }
  const auto rows = static_cast<double>(setup.rows);
  return Figures{{.name = "csv/stage",
                  .ours = rows / ours,
                  .reference = rows / engine,
                  .goal = 0.8,
                  .unit = "rows/s",
                  .against = "ClickHouse reading the file itself, in process"}};
}

}  // namespace weir::bench
