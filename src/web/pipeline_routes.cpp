#include <algorithm>
#include <map>
#include <ranges>
#include <set>

#include "base/nearest.hpp"
#include "web/api.hpp"
#include "web/shapes.hpp"

// Pipelines: the list, one with its plan and files, pause, trigger, grid and calendar.
namespace weir::web {
namespace {

constexpr int kBars = 25;
constexpr int kGridRunsMax = 200;
constexpr int kCalendarDaysMax = 800;
constexpr std::size_t kPlannedFiresMax = 20'000;

Json last_runs(const std::vector<ledger::RunMark>& marks) {
  auto runs = Json::array();
  // The newest come first; bars are read from the left.
  for (const auto& mark : std::views::reverse(marks)) {
    runs.push_back({{"id", mark.id.text()},
                    {"state", name(mark.state)},
                    {"duration_s", seconds_between(mark.started_at, mark.finished_at)},
                    {"started_at", to_json(mark.started_at)}});
  }
  return runs;
}

Json schedule_json(const project::Schedule& schedule) {
  const auto interval = schedule.interval();
  return {{"cron", interval ? Json(nullptr) : Json(schedule.cron())},
          {"every", interval ? Json(format_duration(*interval)) : Json(nullptr)},
          {"timezone", schedule.zone()},
          {"text", schedule.text()}};
}

class PipelineView {
 public:
  PipelineView(const Api& api, std::shared_ptr<const engine::ProjectVersion> version)
      : api_(api), version_(std::move(version)), lineage_(api.versions.lineage(version_)) {
    for (const auto& pause : api.scheduler.paused()) paused_.insert(pause.pipeline);
  }

  Json summary(const project::Pipeline& pipeline, const std::vector<ledger::RunMark>& marks) const {
    auto schedules = Json::array();
    for (const auto& schedule : pipeline.schedules) schedules.push_back(schedule_json(schedule));
    const auto fires = api_.scheduler.next_fires(pipeline.name, 1);
    const auto unplanned = lineage_->unplanned().find(pipeline.name);
    return {{"name", pipeline.name},
            {"description", pipeline.description},
            {"tags", pipeline.tags},
            {"paused", paused_.contains(pipeline.name)},
            {"schedules", std::move(schedules)},
            {"next_fire", fires.empty() ? Json(nullptr) : to_json(fires.front().at)},
            {"last_runs", last_runs(marks)},
            {"tasks_count", pipeline.tasks.size()},
            {"problem", unplanned == lineage_->unplanned().end() ? Json(nullptr) : Json(unplanned->second.text())}};
  }

  Json detail(const project::Pipeline& pipeline, const std::vector<ledger::RunMark>& marks) const {
    auto json = summary(pipeline, marks);
    json["params"] = params(pipeline);
    json["steps"] = Json::array();
    if (const auto* plan = lineage_->plan(pipeline.name)) {
      for (const auto& step : plan->steps) json["steps"].push_back(planned(step));
    }
    json["tasks"] = Json::array();
    for (const auto& task : pipeline.tasks) {
      json["tasks"].push_back(
          {{"name", task.name}, {"kind", task.kind}, {"needs", task.needs}, {"place", task.place.text()}});
    }
    json["after"] = pipeline.after ? Json(pipeline.after->sources) : Json::array();
    json["parallel"] = pipeline.parallel;
    json["code_version"] = version_->hash;
    json["files"] = files(pipeline);
    return json;
  }

 private:
  static Json params(const project::Pipeline& pipeline) {
    auto list = Json::array();
    for (const auto& [name, value] : pipeline.params.items()) {
      const auto doc = pipeline.param_docs.find(name);
      list.push_back({{"name", name},
                      {"type", type_name(value)},
                      {"default", value},
                      {"description", doc == pipeline.param_docs.end() ? "" : doc->second}});
    }
    return list;
  }

  static std::string_view type_name(const Json& value) {
    if (value.is_boolean()) return "flag";
    if (value.is_number_integer()) return "integer";
    if (value.is_number()) return "number";
    if (value.is_string()) return "text";
    if (value.is_array()) return "list";
    return value.is_object() ? "map" : "any";
  }

  static Json planned(const engine::Step& step) {
    return {{"name", step.name},
            {"task", step.task},
            {"kind", step.kind},
            {"node", step.node},
            {"needs", step.needs},
            {"summary", step.summary},
            {"reads", step.reads},
            {"writes", step.writes},
            {"place", step.place.file.empty() ? Json(nullptr) : Json(step.place.text())}};
  }

  // The pipeline's own file first, then the models and the files that its steps name.
  Json files(const project::Pipeline& pipeline) const {
    std::vector<std::string> wanted{pipeline.place.file};
    const auto add = [&](const std::string& path) {
      if (!path.empty() && std::ranges::find(wanted, path) == wanted.end()) wanted.push_back(path);
    };
    if (const auto* plan = lineage_->plan(pipeline.name)) {
      for (const auto& step : plan->steps) {
        if (const auto* node = version_->graph.find(step.node)) add(node->path);
        for (const auto* key : {"spec", "file"}) {
          const auto& values = step.settings.values();
          if (const auto found = values.find(key); found != values.end() && found->is_string()) add(*found);
        }
      }
    }
    auto list = Json::array();
    for (const auto& path : wanted) {
      const auto file = std::ranges::find(version_->files, path, &engine::CodeFile::path);
      if (file != version_->files.end()) list.push_back({{"path", file->path}, {"text", file->text}});
    }
    return list;
  }

  const Api& api_;
  const std::shared_ptr<const engine::ProjectVersion> version_;
  const std::shared_ptr<const Lineage> lineage_;
  std::set<std::string> paused_;
};

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

Result<Json> list_pipelines(const Api& api, const Call& call) {
  const auto version = api.version();
  const PipelineView view{api, version};
  auto page = WEIR_TRY(page_of(call));
  const auto search = lower(call.text("search"));
  const auto state = call.text("state");
  const auto tag = call.text("tag");
  const auto& pipelines = version->project.pipelines;
  auto items = Json::array();
  // The cursor of this list is a position: pipelines are few, and in the order of their files.
  auto at = static_cast<std::size_t>(std::clamp<std::int64_t>(page.before.value_or(0), 0, std::ssize(pipelines)));
  for (; at < pipelines.size() && static_cast<int>(items.size()) < page.limit; ++at) {
    const auto& pipeline = pipelines[at];
    if (lower(pipeline.name + " " + pipeline.description).find(search) == std::string::npos) continue;
    if (!tag.empty() && std::ranges::find(pipeline.tags, tag) == pipeline.tags.end()) continue;
    const auto marks = WEIR_TRY(api.history.last_runs(pipeline.name, kBars));
    if (!state.empty() && (marks.empty() || name(marks.front().state) != state)) continue;
    items.push_back(view.summary(pipeline, marks));
  }
  return page_answer(std::move(items), at < pipelines.size() ? std::optional<std::int64_t>{at} : std::nullopt);
}

Result<Json> grid(const Api& api, const Call& call) {
  ledger::RunSearch search;
  search.pipeline = call.at("pipeline");
  search.page.limit =
      static_cast<int>(std::clamp<std::int64_t>(call.query.value("runs", std::int64_t{kBars}), 1, kGridRunsMax));
  auto runs = Json::array();
  auto cells = Json::object();
  std::vector<std::string> tasks;
  std::set<std::string> known;
  const auto add_task = [&](const std::string& task) {
    if (known.insert(task).second) tasks.push_back(task);
  };
  const auto version = api.version();
  if (const auto* plan = api.versions.lineage(version)->plan(call.at("pipeline"))) {
    for (const auto& step : plan->steps) add_task(step.name);
  }
  for (const auto& record : WEIR_TRY(api.history.runs(search))) {
    runs.push_back(to_json(record, version->project));
    auto row = Json::object();
    for (const auto& cell : WEIR_TRY(api.history.cells(record.run.id))) {
      add_task(cell.task);
      row[cell.task] = {{"state", name(cell.state)},
                        {"attempts", cell.attempts},
                        {"started_at", to_json(cell.started_at)},
                        {"duration_s", seconds_between(cell.started_at, cell.finished_at)},
                        {"rows_written", cell.rows_written}};
    }
    cells[record.run.id.text()] = std::move(row);
  }
  return Json{{"runs", std::move(runs)}, {"tasks", tasks}, {"cells", std::move(cells)}};
}

struct Day {
  int succeeded = 0;
  int failed = 0;
  int other = 0;
  int fires_planned = 0;
};

// Days are those of the pipeline's first schedule's clock, else UTC's.
std::string day_of(Instant instant, const project::Pipeline* pipeline) {
  if (pipeline != nullptr && !pipeline->schedules.empty())
    return pipeline->schedules.front().local_text(instant).substr(0, 10);
  return format_instant(instant).substr(0, 10);
}

Result<Json> calendar(const Api& api, const Call& call) {
  const auto version = api.version();
  const auto* pipeline = version->project.find_pipeline(call.at("pipeline"));
  const auto now = api.now();
  const auto given = [&](const std::string& name, Instant otherwise) {
    const auto text = call.text(name);
    return text.empty() ? otherwise : parse_instant(text).value_or(otherwise);
  };
  const auto from = given("from", now - std::chrono::days(365));
  const auto to = given("to", now + std::chrono::days(31));
  if (to <= from || to - from > std::chrono::days(kCalendarDaysMax))
    return Error::user(Code::InvalidArgument, "a calendar has 1 to {} days", kCalendarDaysMax);
  std::map<std::string, Day> days;
  for (const auto& count : WEIR_TRY(api.history.calendar(call.at("pipeline"), from, to))) {
    auto& day = days[day_of(count.from, pipeline)];
    if (count.state == ledger::RunState::Succeeded) {
      day.succeeded += count.runs;
    } else if (count.state == ledger::RunState::Failed || count.state == ledger::RunState::Lost) {
      day.failed += count.runs;
    } else {
      day.other += count.runs;
    }
  }
  const auto paused = api.scheduler.paused();
  const bool fires =
      pipeline != nullptr && std::ranges::find(paused, pipeline->name, &ledger::Pause::pipeline) == paused.end();
  if (fires) {
    for (const auto& schedule : pipeline->schedules) {
      for (const auto fire : schedule.fires(std::max(from, now), to, kPlannedFiresMax))
        ++days[day_of(fire, pipeline)].fires_planned;
    }
  }
  auto list = Json::array();
  for (const auto& [date, day] : days) {
    list.push_back({{"date", date},
                    {"succeeded", day.succeeded},
                    {"failed", day.failed},
                    {"other", day.other},
                    {"fires_planned", day.fires_planned}});
  }
  return Json{{"days", std::move(list)}};
}

Result<std::optional<Instant>> instant_of(const Json& interval, const char* key) {
  const auto found = interval.find(key);
  if (found == interval.end()) return std::optional<Instant>{};
  return parse_instant(found->get<std::string>());
}

Result<Answer> trigger(const Api& api, const Call& call) {
  engine::RunRequest request;
  request.pipeline = call.at("pipeline");
  request.params = call.body.value("params", Json::object());
  for (const auto& task : call.body.value("select", Json::array())) request.select.push_back(task.get<std::string>());
  request.from = call.body.value("from", std::string{});
  request.environment = call.body.value("environment", std::string{});
  if (const auto interval = call.body.find("interval"); interval != call.body.end() && !interval->is_null()) {
    request.interval_from = WEIR_TRY(instant_of(*interval, "from"));
    request.interval_to = WEIR_TRY(instant_of(*interval, "to"));
  }
  request.trigger = call.principal.means == Principal::Means::Token ? "api" : "manual";
  request.by = call.principal.name;
  // Keys are a caller's own: another user's, or another pipeline's, with the same text is another one.
  if (const auto key = call.http.headers.find("Idempotency-Key"); key && !key->empty()) {
    if (key->size() > 200) return Error::user(Code::InvalidArgument, "an Idempotency-Key has at most 200 characters");
    request.key = fmt::format("{}/{}/{}", call.principal.name, request.pipeline, *key);
  }
  const auto run = WEIR_TRY(api.scheduler.submit(request));
  Answer answer{.body = to_json(run, api.version()->project), .headers = {}, .audited = run.id.text()};
  answer.headers.add("Location", "/api/v1/runs/" + run.id.text());
  return answer;
}

}  // namespace

Result<const project::Pipeline*> Api::pipeline(const engine::ProjectVersion& version, const std::string& name) const {
  if (const auto* found = version.project.find_pipeline(name)) return found;
  std::vector<std::string> known;
  for (const auto& pipeline : version.project.pipelines) known.push_back(pipeline.name);
  auto error = Error::user(Code::NotFound, "no such pipeline: {}", name);
  const auto nearest = nearest_name(name, known);
  if (nearest.empty()) return error;
  return std::move(error).hint(fmt::format("did you mean {}?", nearest));
}

std::vector<Route> pipeline_routes(const Api& api) {
  const auto cell = object({{"state", text()},
                            {"attempts", integer()},
                            {"started_at", or_null(instant())},
                            {"duration_s", or_null(number())},
                            {"rows_written", integer()}});
  const auto day = object({{"date", text("On the clock of the pipeline's first schedule, else UTC")},
                           {"succeeded", integer()},
                           {"failed", integer()},
                           {"other", integer()},
                           {"fires_planned", integer()}});
  return {
      {.method = "GET",
       .path = "/pipelines",
       .summary = "Pipelines with their last runs",
       .query = page_parameters({{"search", text("In the name or the description"), Need::Optional},
                                 {"state", text("Of the last run"), Need::Optional},
                                 {"tag", text(), Need::Optional}}),
       .answer = page_of(reference("Pipeline")),
       .handle = [&api](Call& call) -> Result<Answer> { return Answer{WEIR_TRY(list_pipelines(api, call))}; }},
      {.method = "GET",
       .path = "/pipelines/{pipeline}",
       .summary = "A pipeline with its parameters, steps and files",
       .answer = reference("PipelineDetail"),
       .handle = [&api](Call& call) -> Result<Answer> {
         const auto version = api.version();
         const auto* pipeline = WEIR_TRY(api.pipeline(*version, call.at("pipeline")));
         const auto marks = WEIR_TRY(api.history.last_runs(pipeline->name, kBars));
         return Answer{PipelineView{api, version}.detail(*pipeline, marks)};
       }},
      {.method = "POST",
       .path = "/pipelines/{pipeline}/pause",
       .summary = "Lets its schedules and events start nothing; triggers still do",
       .access = Access::Operator,
       .status = 204,
       .action = "pipeline.pause",
       .handle = [&api](Call& call) -> Result<Answer> {
         WEIR_TRY(api.pipeline(*api.version(), call.at("pipeline")));
         WEIR_TRY(api.scheduler.pause(call.at("pipeline"), call.principal.name));
         return Answer{};
       }},
      {.method = "POST",
       .path = "/pipelines/{pipeline}/resume",
       .summary = "Ends a pause",
       .access = Access::Operator,
       .status = 204,
       .action = "pipeline.resume",
       .handle = [&api](Call& call) -> Result<Answer> {
         WEIR_TRY(api.pipeline(*api.version(), call.at("pipeline")));
         WEIR_TRY(api.scheduler.resume(call.at("pipeline"), call.principal.name));
         return Answer{};
       }},
      {.method = "POST",
       .path = "/pipelines/{pipeline}/runs",
       .summary = "Starts a run; with the header Idempotency-Key a repeated request gives the same run",
       .access = Access::Operator,
       .body = {{"params", map_of(anything()), Need::Optional},
                {"select", list_of(text("A task or step; +x with all that it needs, x+ with all that needs it")),
                 Need::Optional},
                {"from", text("Only this task and everything after it"), Need::Optional},
                {"environment", text(), Need::Optional},
                {"interval", or_null(object({{"from", instant()}, {"to", instant()}})), Need::Optional}},
       .status = 201,
       .answer = reference("Run"),
       .action = "run.trigger",
       .handle = [&api](Call& call) -> Result<Answer> {
         WEIR_TRY(api.pipeline(*api.version(), call.at("pipeline")));
         return trigger(api, call);
       }},
      {.method = "GET",
       .path = "/pipelines/{pipeline}/grid",
       .summary = "The last runs and what became of each task in them",
       .query = {{"runs", integer("How many; 1 to 200, 25 unless told"), Need::Optional}},
       .answer = object({{"runs", list_of(reference("Run"), "Newest first")},
                         {"tasks", list_of(text())},
                         {"cells", map_of(map_of(cell), "By run, then by task")}}),
       .handle = [&api](Call& call) -> Result<Answer> { return Answer{WEIR_TRY(grid(api, call))}; }},
      {.method = "GET",
       .path = "/pipelines/{pipeline}/calendar",
       .summary = "How the runs of each day ended, and what is planned",
       .query = {{"from", instant("A year ago unless told"), Need::Optional},
                 {"to", instant("In a month unless told"), Need::Optional}},
       .answer = object({{"days", list_of(day, "Only those with something on them")}}),
       .handle = [&api](Call& call) -> Result<Answer> { return Answer{WEIR_TRY(calendar(api, call))}; }},
  };
}

}  // namespace weir::web
