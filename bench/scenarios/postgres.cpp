// Loading the sales table into PostgreSQL, against psql's \copy of the same rows from a binary file in the page cache.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "connectors/postgres/connector.hpp"
#include "scenarios/load.hpp"
#include "scenarios/parts.hpp"
#include "scenarios/psql.hpp"
#include "scenarios/sales_rows.hpp"
#include "scenarios/workspace.hpp"

namespace weir::bench {

namespace {

constexpr int kParallelWriters = 2;

// Prints how long each command took.
Program timed_psql(const services::ServiceAddress& address, std::vector<std::string> commands) {
  commands.insert(commands.begin(), "\\timing on");
  return psql(address, commands);
}

// The last "Time: 512.345 ms" that psql has printed, in seconds.
Result<double> last_timing(std::string_view output) {
  const auto at = output.rfind("Time: ");
  double milliseconds = 0;
  if (at != std::string_view::npos) {
    const std::string_view digits = output.substr(at + 6);
    std::from_chars(digits.data(), digits.data() + digits.size(), milliseconds);
  }
  if (milliseconds <= 0) return Error::bug("psql printed no timing: {}", output);
  return milliseconds / 1000;
}

struct Comparison {
  double ours = 0;  // seconds
  double parallel = 0;
  double psql = 0;
};

// Loads `batches` in turns by one writer, by several, and by psql into a table with the same columns and key.
Result<Comparison> compare(const Setup& setup, const services::ServiceAddress& address, flow::Sink& sink,
                           const std::vector<data::Batch>& batches, const std::vector<std::string>& key) {
  const flow::WriteRequest request{.table = "bench_ours",
                                   .schema = sales_schema(),
                                   .mode = flow::WriteMode::Replace,
                                   .key = key,
                                   .indexes = {},
                                   .options = {}};
  WEIR_TRY(load_seconds(sink, request, batches, 1));
  const std::string file = setup.folder / "sales.binary";
  WEIR_TRY(run(timed_psql(
      address, {fmt::format("\\copy bench_ours to '{}' binary", file), "DROP TABLE IF EXISTS bench_reference",
                "CREATE TABLE bench_reference (LIKE bench_ours INCLUDING INDEXES)"})));
  const Program copy =
      timed_psql(address, {"TRUNCATE bench_reference", fmt::format("\\copy bench_reference from '{}' binary", file)});
  Comparison best{1e9, 1e9, 1e9};
  for (int repeat = 0; repeat < setup.repeats; ++repeat) {
    best.ours = std::min(best.ours, WEIR_TRY(load_seconds(sink, request, batches, 1)));
    const Outcome copied = WEIR_TRY(run(copy));
    best.psql = std::min(best.psql, WEIR_TRY(last_timing(copied.output)));
    best.parallel = std::min(best.parallel, WEIR_TRY(load_seconds(sink, request, batches, kParallelWriters)));
  }
  return best;
}

Figure load_figure(std::string name, double ours, double reference, double goal) {
  return {.name = std::move(name),
          .ours = ours,
          .reference = reference,
          .goal = goal,
          .unit = "s",
          .better = Better::Lower,
          .against = "psql \\copy binary"};
}

}  // namespace

Result<Figures> measure_postgres(const Setup& setup) {
  const Workspace workspace = WEIR_TRY(Workspace::open(setup, "sales"));
  const services::ServiceAddress address = WEIR_TRY(workspace.address("shop"));
  const flow::Connector connector = postgres_connector();
  const flow::OpenContext context{.connection = WEIR_TRY(workspace.connection("shop", connector)),
                                  .project_folder = workspace.folder()};
  const auto sink = WEIR_TRY(connector.open_sink(context));
  const std::vector<data::Batch> batches = sales_rows(setup.rows);

  const Comparison bare = WEIR_TRY(compare(setup, address, *sink, batches, {}));
  const Comparison keyed = WEIR_TRY(compare(setup, address, *sink, batches, {"sale_id"}));
  return Figures{load_figure("postgres/load", bare.ours, bare.psql, 0.9),
                 load_figure("postgres/load_parallel", bare.parallel, bare.psql, 1.3),
                 load_figure("postgres/load_with_key", keyed.ours, keyed.psql, 0.9),
                 load_figure("postgres/load_with_key_parallel", keyed.parallel, keyed.psql, 1.3)};
}

}  // namespace weir::bench
