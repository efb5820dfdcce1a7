#include <algorithm>
#include <map>

#include "web/api.hpp"
#include "web/shapes.hpp"

// Runs: lists, one with its steps, comparisons, cancel and retry.
namespace weir::web {
namespace {

Json place_json(const Place& place) { return place.file.empty() ? Json(nullptr) : Json(place.text()); }

Json step_json(const engine::Step& step) {
  return {{"name", step.name},   {"task", step.task},     {"kind", step.kind},
          {"node", step.node},   {"needs", step.needs},   {"summary", step.summary},
          {"reads", step.reads}, {"writes", step.writes}, {"place", place_json(step.place)}};
}

Result<Json> list_runs(const Api& api, const Call& call) {
  ledger::RunSearch search;
  search.pipeline = call.text("pipeline");
  search.trigger = call.text("trigger");
  search.text = call.text("search");
  if (const auto state = call.text("state"); !state.empty()) search.state = ledger::parse_run_state(state);
  if (const auto since = call.text("since"); !since.empty()) search.since = parse_instant(since);
  if (const auto until = call.text("until"); !until.empty()) search.until = parse_instant(until);
  if (call.text("by") == "planned") search.by = ledger::RunTime::Planned;
  search.page = WEIR_TRY(page_of(call));
  const auto wanted = static_cast<std::size_t>(search.page.limit++);
  auto records = WEIR_TRY(api.history.runs(search));
  std::optional<std::int64_t> next;
  if (records.size() > wanted) {
    records.pop_back();
    next = records.back().sequence;
  }
  auto items = Json::array();
  const auto version = api.version();
  for (const auto& record : records) items.push_back(to_json(record, version->project));
  return page_answer(std::move(items), next);
}

// The steps of a run: those of its plan, with what became of them; then those that only the ledger knows (parts that dbt
// named, tasks of files that are gone).
class Steps {
 public:
  Steps(std::vector<ledger::Attempt> attempts, std::map<std::string, std::string> waiting)
      : waiting_(std::move(waiting)) {
    for (auto& attempt : attempts) {
      if (!attempts_.contains(attempt.task)) order_.push_back(attempt.task);
      attempts_[attempt.task].push_back(std::move(attempt));
    }
  }

  // Progress of what runs now, newer than the ledger's.
  void refresh(const std::vector<ledger::Attempt>& live) {
    for (const auto& attempt : live) {
      for (auto& known : attempts_[attempt.task]) {
        if (known.number == attempt.number && !ledger::has_ended(known.state)) known = attempt;
      }
    }
  }

  Json to_json(const engine::Plan* plan) {
    auto steps = Json::array();
    if (plan != nullptr) {
      for (const auto& step : plan->steps) {
        // What was not asked for belongs to the picture only when an earlier try of this run did it.
        if (step.selected || attempts_.contains(step.name)) steps.push_back(entry(step));
        done_.push_back(step.name);
      }
    }
    for (const auto& name : order_) {
      if (std::ranges::find(done_, name) != done_.end()) continue;
      engine::Step step;
      step.name = name;
      step.task = name.substr(0, name.find('/'));
      if (step.task != name) step.node = name.substr(step.task.size() + 1);
      steps.push_back(entry(step));
    }
    return steps;
  }

 private:
  Json entry(const engine::Step& step) {
    auto json = step_json(step);
    const auto& attempts = attempts_[step.name];
    auto list = Json::array();
    Json reason;
    auto state = ledger::AttemptState::Queued;
    for (const auto& attempt : attempts) {
      state = attempt.state;
      // Attempt 0 is a note why the step never started.
      if (attempt.number == 0) {
        if (attempt.error.is_object()) reason = attempt.error.value("message", std::string{});
      } else {
        list.push_back(web::to_json(attempt));
      }
    }
    if (const auto waits = waiting_.find(step.name); waits != waiting_.end()) reason = waits->second;
    json["state"] = ledger::name(state);
    json["attempts"] = std::move(list);
    json["reason"] = std::move(reason);
    return json;
  }

  std::map<std::string, std::vector<ledger::Attempt>> attempts_;
  std::vector<std::string> order_;
  std::vector<std::string> done_;
  std::map<std::string, std::string> waiting_;
};

Result<Json> run_detail(const Api& api, const std::string& id) {
  const auto record = WEIR_TRY(api.run(id));
  const auto& run = record.run;
  const auto consumed = WEIR_TRY(api.book.events_of(run.id));
  auto json = to_json(record, api.version()->project, consumed);
  Steps steps{WEIR_TRY(api.history.attempts(run.id)), api.scheduler.waiting_reasons(run.id)};
  if (!ledger::has_ended(run.state)) steps.refresh(api.scheduler.live_attempts(run.id));
  const auto version = api.versions.version_of(run, api.version());
  std::optional<engine::Plan> plan;
  if (version && version->project.find_pipeline(run.pipeline) != nullptr) {
    if (auto made = api.versions.plan_of(run, *version); made.ok()) plan = std::move(*made);
  }
  json["steps"] = steps.to_json(plan ? &*plan : nullptr);
  json["checks"] = Json::array();
  for (const auto& check : WEIR_TRY(api.history.checks(run.id))) json["checks"].push_back(to_json(check));
  json["events_consumed"] = Json::array();
  for (const auto& event : consumed) json["events_consumed"].push_back(to_json(event));
  json["events_made"] = Json::array();
  for (const auto& event : WEIR_TRY(api.book.events_by(run.id))) json["events_made"].push_back(to_json(event));
  const auto previous = WEIR_TRY(api.history.run_before(run.id));
  json["previous"] = previous ? Json(previous->text()) : Json(nullptr);
  return json;
}

Json cell_json(const ledger::Cell& cell) {
  return {{"state", name(cell.state)},
          {"attempts", cell.attempts},
          {"duration_s", seconds_between(cell.started_at, cell.finished_at)},
          {"rows_written", cell.rows_written}};
}

Result<Json> compare(const Api& api, const std::string& ours_id, const std::string& theirs_id) {
  const auto ours = WEIR_TRY(api.run(ours_id));
  const auto theirs = WEIR_TRY(api.run(theirs_id));
  std::vector<std::string> order;
  std::map<std::string, std::pair<Json, Json>> cells;
  for (const auto& cell : WEIR_TRY(api.history.cells(ours.run.id))) {
    order.push_back(cell.task);
    cells[cell.task].first = cell_json(cell);
  }
  for (const auto& cell : WEIR_TRY(api.history.cells(theirs.run.id))) {
    if (!cells.contains(cell.task)) order.push_back(cell.task);
    cells[cell.task].second = cell_json(cell);
  }
  auto tasks = Json::array();
  for (const auto& task : order) {
    tasks.push_back({{"task", task}, {"ours", cells[task].first}, {"theirs", cells[task].second}});
  }
  const auto version = api.version();
  return Json{{"ours", to_json(ours, version->project)},
              {"theirs", to_json(theirs, version->project)},
              {"tasks", std::move(tasks)}};
}

Schema cell_schema() {
  return object(
      {{"state", text()}, {"attempts", integer()}, {"duration_s", or_null(number())}, {"rows_written", integer()}});
}

Result<ledger::Run> retry(const Api& api, const Call& call) {
  engine::RetryRequest request;
  if (const auto from = call.body.find("from"); from != call.body.end() && from->is_string()) request.from = *from;
  request.code = call.body.value("code", "current") == "old" ? engine::CodeChoice::Old : engine::CodeChoice::Current;
  request.by = call.principal.name;
  return api.scheduler.retry(RunId{call.at("run")}, request);
}

}  // namespace

std::vector<Route> run_routes(const Api& api) {
  const std::vector<std::string> states{"queued", "running", "cancelling", "succeeded", "failed", "cancelled", "lost"};
  return {
      {.method = "GET",
       .path = "/runs",
       .summary = "Runs, newest first",
       .query = page_parameters(
           {{"pipeline", text(), Need::Optional},
            {"state", one_of(states), Need::Optional},
            {"trigger", text("manual, schedule, backfill, …"), Need::Optional},
            {"since", instant("Then or later"), Need::Optional},
            {"until", instant("Before"), Need::Optional},
            {"by",
             one_of({"created", "planned"},
                    "What since and until go by: a run's creation unless told; planned, as in "
                    "the calendar: the end of its interval, where it has one"),
             Need::Optional},
            {"search", text("In the id, the pipeline, the error, or who triggered it"), Need::Optional}}),
       .answer = page_of(reference("Run")),
       .handle = [&api](Call& call) -> Result<Answer> { return Answer{WEIR_TRY(list_runs(api, call))}; }},
      {.method = "GET",
       .path = "/runs/{run}",
       .summary = "A run with its steps, attempts, checks and events",
       .answer = reference("RunDetail"),
       .handle = [&api](Call& call) -> Result<Answer> { return Answer{WEIR_TRY(run_detail(api, call.at("run")))}; }},
      {.method = "GET",
       .path = "/runs/{run}/compare",
       .summary = "Two runs side by side, task by task",
       .query = {{"with", text("The other run")}},
       .answer = object(
           {{"ours", reference("Run")},
            {"theirs", reference("Run")},
            {"tasks", list_of(object(
                          {{"task", text()}, {"ours", or_null(cell_schema())}, {"theirs", or_null(cell_schema())}}))}}),
       .handle = [&api](Call& call) -> Result<Answer> {
         return Answer{WEIR_TRY(compare(api, call.at("run"), call.text("with")))};
       }},
      {.method = "POST",
       .path = "/runs/{run}/cancel",
       .summary = "Stops a run: in order, or now",
       .access = Access::Operator,
       .body = {{"now", flag("Kill its tasks rather than let them end at a safe point"), Need::Optional}},
       .answer = reference("Run"),
       .action = "run.cancel",
       .handle = [&api](Call& call) -> Result<Answer> {
         WEIR_TRY(api.run(call.at("run")));
         const bool now = call.body.value("now", false);
         const auto run = WEIR_TRY(api.scheduler.cancel(
             RunId{call.at("run")}, now ? engine::CancelSignal::Urgency::Now : engine::CancelSignal::Urgency::Orderly,
             call.principal.name));
         return Answer{.body = to_json(run, api.version()->project), .headers = {}, .audited = now ? "now" : ""};
       }},
      {.method = "POST",
       .path = "/runs/{run}/retry",
       .summary = "Goes on with a run: what is not done, or a task and everything after it",
       .access = Access::Operator,
       .body = {{"from", or_null(text("This task and everything after it")), Need::Optional},
                {"code", one_of({"old", "current"}, "The files that the run had, or those of now"), Need::Optional}},
       .answer = reference("Run"),
       .action = "run.retry",
       .handle = [&api](Call& call) -> Result<Answer> {
         WEIR_TRY(api.run(call.at("run")));
         return Answer{to_json(WEIR_TRY(retry(api, call)), api.version()->project)};
       }},
  };
}

}  // namespace weir::web
