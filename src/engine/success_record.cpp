#include "engine/success_record.hpp"

#include "ledger/schedule_book.hpp"

namespace weir::engine {
namespace {

ledger::Event event_of(const ledger::Run& run, std::string source, Instant at) {
  return {.source = std::move(source),
          .pipeline = run.pipeline,
          .run = run.id,
          .task = {},
          .at = at,
          .interval_from = run.interval_from,
          .interval_to = run.interval_to};
}

}  // namespace

bool makes_events(const ledger::Run& run) {
  if (run.trigger == "replay") return false;
  return run.backfill.empty() || (run.selection.is_object() && run.selection.value("downstream", false));
}

Result<std::vector<std::string>> record_success(ledger::Ledger& ledger, const project::Project& project,
                                                const ledger::Run& run, const Step& step,
                                                const ledger::Attempt& attempt) {
  // A task that writes several tables may say how many rows each has got.
  const auto by_table =
      attempt.output.is_object() ? attempt.output.value("rows_by_table", Json::object()) : Json::object();
  const auto now = system_clock().now();
  std::vector<ledger::TableWrite> writes;
  std::vector<ledger::Event> events;
  std::vector<std::string> sources;
  for (const auto& table : step.writes) {
    if (project::parse_endpoint(project, table).connection.empty()) continue;
    const auto rows = by_table.value(table, attempt.rows_written);
    writes.push_back({.at = now,
                      .table = table,
                      .pipeline = run.pipeline,
                      .task = step.name,
                      .run = run.id,
                      .attempt = attempt.number,
                      .rows = rows});
    if (!makes_events(run)) continue;
    auto& event = events.emplace_back(event_of(run, table, now));
    event.task = step.name;
    event.rows = rows;
    sources.push_back(table);
  }
  if (!writes.empty()) WEIR_TRY(ledger.schedules().record_writes(writes));
  if (!events.empty()) WEIR_TRY(ledger.schedules().append_events(events));
  return sources;
}

Result<std::vector<std::string>> record_success(ledger::Ledger& ledger, const ledger::Run& run) {
  if (!makes_events(run)) return std::vector<std::string>{};
  const auto event = event_of(run, run.pipeline, system_clock().now());
  WEIR_TRY(ledger.schedules().append_events({&event, 1}));
  return std::vector{run.pipeline};
}

Result<void> know_consumers(ledger::Ledger& ledger, const project::Project& project) {
  for (const auto& pipeline : project.pipelines) {
    if (pipeline.after)
      WEIR_TRY(ledger.schedules().know_consumer(pipeline.name, pipeline.after->sources, project.environment));
  }
  return {};
}

}  // namespace weir::engine
