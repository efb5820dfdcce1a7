#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/batch.hpp"
#include "engine/project_version.hpp"
#include "engine/scheduler.hpp"
#include "engine/task_log.hpp"
#include "flow/source.hpp"
#include "ledger/history.hpp"
#include "ledger/schedule_book.hpp"
#include "web/schema.hpp"

// How the ledger's records and the project's parts look in JSON: for each a component of the OpenAPI document and the
// function that writes it.
namespace weir::web {

// By name: Run, Attempt, Check, Step, Pipeline, …
const Json& components();

Json to_json(const std::optional<Instant>& instant);
Json seconds(std::chrono::microseconds duration);
Json seconds_between(const std::optional<Instant>& from, const std::optional<Instant>& to);

// The project says which time zone the run's pipeline is in.
Json to_json(const ledger::RunRecord& record, const project::Project& project,
             std::span<const ledger::Event> events = {});
// A run that has only just changed: what it has written so far is not looked up.
Json to_json(const ledger::Run& run, const project::Project& project);
Json to_json(const ledger::Attempt& attempt);
Json to_json(const ledger::CheckResult& check);
Json to_json(const ledger::Event& event);
Json to_json(const ledger::Backfill& backfill);
Json to_json(const ledger::BackfillInterval& interval);
Json to_json(const Error& problem);
Json to_json(const ledger::User& user);
Json to_json(const ledger::Token& token);
Json to_json(const ledger::AuditEntry& entry);
Json to_json(const ledger::QueryRecord& query);
Json to_json(const engine::TaskLogLine& line);

// {"columns": [{name, type}], "rows": [[…]]}: numbers stay numbers while a double holds them.
struct RowsAnswer {
  Json columns = Json::array();
  Json rows = Json::array();
  bool truncated = false;
};
Result<RowsAnswer> read_rows(flow::Reader& reader, std::size_t rows_max, std::stop_token stop);

}  // namespace weir::web
