#include <algorithm>
#include <set>

#include "web/api.hpp"
#include "web/catalogue.hpp"
#include "web/shapes.hpp"

// The home page: what runs, what failed, what comes next, how fresh the tables are; and what the server runs with.
namespace weir::web {
namespace {

constexpr std::chrono::hours kRecent{24};
constexpr int kFailedMax = 20;
constexpr std::size_t kNextMax = 10;
constexpr std::size_t kFiresLookedAt = 200;
constexpr std::size_t kTablesMax = 50;

Json problems(const Api& api) {
  auto list = Json::array();
  for (const auto& problem : api.scheduler.problems()) list.push_back(to_json(problem));
  return list;
}

// The next fire of each schedule, the soonest first: one that fires every minute must not hide the others.
std::vector<engine::NextFire> next_of_each(const Api& api) {
  std::vector<engine::NextFire> next;
  std::set<std::pair<std::string, std::string>> seen;
  for (auto& fire : api.scheduler.next_fires("", kFiresLookedAt)) {
    if (next.size() < kNextMax && seen.emplace(fire.pipeline, fire.schedule).second) next.push_back(std::move(fire));
  }
  return next;
}

Result<Json> overview(const Api& api) {
  const auto version = api.version();
  const auto since = api.now() - kRecent;
  Json json;
  json["running"] = Json::array();
  for (const auto& record : WEIR_TRY(api.history.unfinished()))
    json["running"].push_back(to_json(record, version->project));
  json["failed"] = Json::array();
  ledger::RunSearch failed;
  failed.state = ledger::RunState::Failed;
  failed.since = since;
  failed.page.limit = kFailedMax;
  for (const auto& record : WEIR_TRY(api.history.runs(failed)))
    json["failed"].push_back(to_json(record, version->project));
  json["next"] = Json::array();
  for (const auto& fire : next_of_each(api)) {
    json["next"].push_back(
        {{"pipeline", fire.pipeline}, {"at", to_json(fire.at)}, {"schedule", fire.schedule}, {"local", fire.local}});
  }
  json["tables"] = WEIR_TRY(tables_by_age(api, kTablesMax));
  const auto totals = WEIR_TRY(api.history.totals(since));
  json["totals"] = {{"runs_24h", totals.runs}, {"failed_24h", totals.failed}, {"rows_24h", totals.rows_written}};
  json["problems"] = problems(api);
  return json;
}

}  // namespace

Result<ledger::RunRecord> Api::run(const std::string& id) const {
  auto found = WEIR_TRY(history.find_run(RunId{id}));
  if (!found) return Error::user(Code::NotFound, "no such run: {}", id);
  return std::move(*found);
}

std::vector<Route> overview_routes(const Api& api) {
  const auto next = object({{"pipeline", text()},
                            {"at", instant()},
                            {"schedule", text()},
                            {"local", text("On the schedule's clock, with its offset")}});
  return {
      {.method = "GET",
       .path = "/overview",
       .summary = "What runs, what failed in the last day, what comes next, and how fresh the tables are",
       .answer = object(
           {{"running", list_of(reference("Run"))},
            {"failed", list_of(reference("Run"))},
            {"next", list_of(next)},
            {"tables", list_of(reference("Table"), "Those that pipelines write: never written first, then the oldest")},
            {"totals", object({{"runs_24h", integer()}, {"failed_24h", integer()}, {"rows_24h", integer()}})},
            {"problems", list_of(reference("Problem"), "Why the last edit of the project is not used")}}),
       .handle = [&api](Call&) -> Result<Answer> { return Answer{WEIR_TRY(overview(api))}; }},
      {.method = "GET",
       .path = "/settings",
       .summary = "What the server runs with",
       .answer = map_of(anything()),
       .handle = [&api](Call&) -> Result<Answer> { return Answer{api.settings}; }},
  };
}

}  // namespace weir::web
