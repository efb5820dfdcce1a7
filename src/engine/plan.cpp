#include "engine/plan.hpp"

#include <algorithm>
#include <ranges>
#include <utility>

#include "base/nearest.hpp"
#include "engine/connections.hpp"
#include "engine/dbt_plan.hpp"
#include "engine/parquet.hpp"
#include "engine/stream_format.hpp"

namespace weir::engine {
namespace {

template <typename Range>
Error unknown(std::string_view what, std::string_view name, const Range& known) {
  auto error = Error::user(Code::InvalidArgument, "no such {}: {}", what, name);
  const auto nearest = nearest_name(name, known);
  if (nearest.empty()) return error;
  return std::move(error).hint(fmt::format("did you mean {}?", nearest));
}

Result<Json> merge_params(const project::Pipeline& pipeline, const Json& given) {
  auto params = pipeline.params;
  for (const auto& [name, value] : given.items()) {
    if (!params.contains(name)) {
      std::vector<std::string> known;
      for (const auto& entry : params.items()) known.push_back(entry.key());
      return unknown(fmt::format("parameter of pipeline {}", pipeline.name), name, known);
    }
    params[name] = value;
  }
  return params;
}

void add_unique(std::vector<std::string>& list, std::string value) {
  if (std::ranges::find(list, value) == list.end()) list.push_back(std::move(value));
}

// The texts at a path such as "from.object" or "rules" in rendered settings.
std::optional<std::string> text_at(const Settings& settings, std::string_view path) {
  const Json* value = &settings.values();
  while (!path.empty()) {
    const auto dot = path.find('.');
    const auto found = value->find(std::string{path.substr(0, dot)});
    if (found == value->end()) return std::nullopt;
    value = &*found;
    path = dot == std::string_view::npos ? std::string_view{} : path.substr(dot + 1);
  }
  if (!value->is_string()) return std::nullopt;
  return value->get<std::string>();
}

class Planner {
 public:
  Planner(const project::Project& project, const models::Graph& graph, const project::Pipeline& pipeline, Plan& plan)
      : project_(project), graph_(graph), pipeline_(pipeline), plan_(plan) {}

  Result<void> add_all() {
    for (const auto& task : pipeline_.tasks) WEIR_TRY(add(task).while_doing(fmt::format("task {}", task.name)));
    return {};
  }

  // What follows from the step's settings: what it reads, writes and opens. Of a late step only what is certain.
  Result<void> describe(Step& step) const {
    const auto* kind = find_task_kind(step.kind);
    step.reads.clear();
    step.writes.clear();
    step.connections.clear();
    if (step.kind == "dbt" && !step.late) take_dbt(step);
    add_endpoints(step, *kind);
    for (const auto& table : step.declared_writes) add_unique(step.writes, table);
    if (!step.late) WEIR_TRY(add_parquet(step));
    for (const auto& path : kind->connections) {
      const auto name = text_at(step.settings, path);
      if (name && !sql::has_template(*name)) add_unique(step.connections, *name);
    }
    step.summary = summary(step);
    if (!step.for_each.empty()) step.summary += " for each item";
    return {};
  }

 private:
  // Whether a text takes what is known only while the run goes on.
  static bool needs_results(const Json& value) {
    if (value.is_string()) {
      const auto& text = value.get_ref<const std::string&>();
      if (text.find("tasks") == std::string::npos || !sql::has_template(text)) return false;
      return std::ranges::any_of(sql::free_names(text),
                                 [](const auto& name) { return name == "tasks" || name.starts_with("tasks."); });
    }
    return value.is_structured() && std::ranges::any_of(value, [](const auto& inner) { return needs_results(inner); });
  }

  Result<void> add(const project::Task& task) {
    const auto* kind = find_task_kind(task.kind);
    if (kind == nullptr) return Error::bug("no task kind: {}", task.kind);
    Step step;
    step.task = task.name;
    step.kind = task.kind;
    step.places = task.places;
    step.late = needs_results(task.settings.values()) || !task.for_each.is_null();
    step.settings = step.late
                        ? task.settings
                        : WEIR_TRY(render(templates_, task.settings, kind->settings, plan_.variables, task.places));
    step.retry = task.retry;
    step.timeout = task.timeout;
    step.place = task.place;
    step.run_if = parse_run_if(task.run_if).value_or(RunIf::AllSucceeded);
    step.when = task.when;
    step.for_each = task.for_each.is_string() ? task.for_each.get<std::string>()
                    : task.for_each.is_null() ? std::string{}
                                              : to_text(task.for_each);
    step.concurrency = task.concurrency;
    step.pool = task.pool;
    step.priority = task.priority;
    step.declared_writes = task.writes;
    step.queue_warning = pipeline_.queue_warning;
    for (const auto& upstream : task.needs) {
      const auto& last = ends_[upstream];
      step.needs.insert(step.needs.end(), last.begin(), last.end());
    }
    if (task.kind == "model" && step.late) {
      return Error::user(Code::Unsupported, "a model task takes neither results of other tasks nor for_each: {}",
                         task.name)
          .at(task.place);
    }
    if (task.kind == "model") return add_nodes(task, step);
    step.name = task.name;
    WEIR_TRY(describe(step));
    ends_[task.name] = {step.name};
    plan_.steps.push_back(std::move(step));
    return {};
  }

  void add_endpoints(Step& step, const TaskKind& kind) const {
    const auto add = [&](std::string_view path, std::vector<std::string>& list) {
      const auto text = text_at(step.settings, path);
      if (!text || sql::has_template(*text)) return;
      const auto endpoint = project::parse_endpoint(project_, *text);
      add_unique(step.connections, endpoint.connection.empty() ? std::string{kFilesConnection} : endpoint.connection);
      add_unique(list, *text);
    };
    for (const auto& path : kind.reads) add(path, step.reads);
    for (const auto& path : kind.writes) add(path, step.writes);
  }

  // A Parquet file goes through a ClickHouse connection: the step opens it too, and its settings say which one.
  Result<void> add_parquet(Step& step) const {
    auto values = step.settings.values();
    const auto choose = [&](Json& options, const std::string& object) -> Result<void> {
      const auto endpoint = project::parse_endpoint(project_, object);
      const auto* connection = project_.find_connection(endpoint.connection);
      const bool is_file = connection == nullptr || connection->type == kFilesConnection;
      if (is_file ? !is_parquet(object, options) : !has_format(connection->settings, endpoint.object, "parquet"))
        return {};
      auto& option = options[std::string{kParquetOption}];
      const auto name =
          WEIR_TRY(parquet_connection(project_, option.is_string() ? option.get<std::string>() : std::string{}));
      add_unique(step.connections, name);
      option = name;
      return {};
    };
    if (step.kind == "generate") WEIR_TRY(choose(values, step.settings.text("to")));
    if (step.kind == "copy") {
      for (const auto* side : {"from", "to"}) {
        auto options = values[side].value("options", Json::object());
        WEIR_TRY(choose(options, text_at(step.settings, fmt::format("{}.object", side)).value_or("")));
        if (!options.empty()) values[side]["options"] = std::move(options);
      }
    }
    step.settings = Settings{std::move(values)};
    return {};
  }

  void take_dbt(Step& step) const {
    step.settings = complete_dbt_settings(project_, step.settings);
    auto lineage = dbt_lineage(project_, graph_, step.settings);
    step.reads = std::move(lineage.reads);
    step.writes = std::move(lineage.writes);
  }

  // A model task becomes the sub-graph of what it selects: its models, and the tests that only look at them and at what
  // lies upstream of them.
  Result<void> add_nodes(const project::Task& task, const Step& base) {
    const auto selector = base.settings.text("select");
    const auto chosen = WEIR_TRY(models::select(graph_, selector, base.settings.text("exclude")));
    std::set<std::string> names;
    for (const auto* node : chosen) {
      if (node->kind == models::NodeKind::Model) names.insert(node->name);
    }
    // The selection brings the tests of its models along, also those that look at models which are not built here; they
    // are chosen below. Tests that are selected without any model are meant themselves.
    if (names.empty()) {
      for (const auto* node : chosen) names.insert(node->name);
    }
    const auto upstream = ancestors(names);
    if (base.settings.flag("tests")) {
      for (const auto& node : graph_.nodes) {
        if (node.kind == models::NodeKind::Test && is_buildable(node, names, upstream)) names.insert(node.name);
      }
    }
    auto& ends = ends_[task.name];
    for (const auto& node : graph_.nodes) {
      if (names.contains(node.name)) ends.push_back(add_node(node, names, base));
    }
    return {};
  }

  std::string add_node(const models::Node& node, const std::set<std::string>& names, const Step& base) {
    Step step = base;
    step.name = fmt::format("{}/{}", base.task, node.name);
    step.node = node.name;
    step.connections = {node.connection};
    for (const auto& dependency : node.depends_on) {
      if (names.contains(dependency)) step.needs.push_back(fmt::format("{}/{}", base.task, dependency));
      if (const auto* model = graph_.find(dependency)) step.reads.push_back(table_name(*model));
    }
    for (const auto& [name, relation] : node.sources)
      step.reads.push_back(fmt::format("{}.{}", node.connection, relation.name));
    if (node.kind == models::NodeKind::Model) {
      step.writes = {table_name(node)};
      add_tests_of_parents(step, node, names);
      step.summary = fmt::format("model {} ({})", table_name(node), models::materialization(node));
    } else {
      step.summary = fmt::format("test {}", node.tested_model.empty() ? node.name : "on " + node.tested_model);
    }
    auto name = step.name;
    plan_.steps.push_back(std::move(step));
    return name;
  }

  // A model waits for the tests of its parents: what follows a broken table is not built.
  void add_tests_of_parents(Step& step, const models::Node& node, const std::set<std::string>& names) {
    const auto upstream = ancestors({node.name});
    for (const auto& test : graph_.nodes) {
      if (test.kind != models::NodeKind::Test || !names.contains(test.name)) continue;
      if (!node.depends_on.contains(test.tested_model)) continue;
      const bool only_upstream = std::ranges::all_of(
          test.depends_on, [&](const auto& name) { return name != node.name && upstream.contains(name); });
      if (only_upstream) step.needs.push_back(fmt::format("{}/{}", step.task, test.name));
    }
  }

  static bool is_buildable(const models::Node& test, const std::set<std::string>& names,
                           const std::set<std::string>& upstream) {
    const auto built = [&](const auto& name) { return names.contains(name); };
    return std::ranges::any_of(test.depends_on, built) && std::ranges::all_of(test.depends_on, [&](const auto& name) {
             return built(name) || upstream.contains(name);
           });
  }

  std::set<std::string> ancestors(const std::set<std::string>& of) const {
    std::set<std::string> found;
    std::vector<std::string> waiting(of.begin(), of.end());
    while (!waiting.empty()) {
      const auto* node = graph_.find(waiting.back());
      waiting.pop_back();
      if (node == nullptr) continue;
      for (const auto& parent : node->depends_on) {
        if (found.insert(parent).second) waiting.push_back(parent);
      }
    }
    return found;
  }

  static std::string table_name(const models::Node& node) {
    return fmt::format("{}.{}", node.connection, node.target.name.empty() ? node.name : node.target.name);
  }

  static std::string summary(const Step& step) {
    const auto& settings = step.settings;
    const auto read = fmt::format("{}", fmt::join(step.reads, ", "));
    const auto written = fmt::format("{}", fmt::join(step.writes, ", "));
    if (step.kind == "copy") return fmt::format("copy {} → {} ({})", read, written, settings.text("mode"));
    if (step.kind == "generate")
      return fmt::format("generate {} rows by {} → {}", settings.text("rows"), settings.text("spec"), written);
    if (step.kind == "check") return fmt::format("check {} ({} rules)", read, settings.json("rules").size());
    if (step.kind == "reconcile")
      return fmt::format("reconcile {} = {}", text_at(settings, "left.table").value_or(""),
                         text_at(settings, "right.table").value_or(""));
    if (step.kind == "replicate") {
      const auto tables = settings.texts("tables");
      return fmt::format("replicate {} → {} ({})", settings.text("from"), settings.text("to"),
                         tables.empty() ? "all tables" : fmt::format("{}", fmt::join(tables, ", ")));
    }
    if (step.kind == "dbt") {
      const auto select = settings.has("select") ? " " + settings.text("select") : std::string{};
      return fmt::format("dbt {}{} of {} on {}", settings.text("command"), select, settings.text("project"),
                         settings.text("connection"));
    }
    if (step.kind == "pipeline") return fmt::format("run pipeline {}", settings.text("pipeline"));
    if (step.kind == "wait") return "wait";
    if (step.kind == "sql") return fmt::format("sql on {}", settings.text("connection"));
    return step.kind;
  }

  const project::Project& project_;
  const models::Graph& graph_;
  const project::Pipeline& pipeline_;
  Plan& plan_;
  sql::TemplateEngine templates_;
  std::map<std::string, std::vector<std::string>> ends_;  // task → the steps that must succeed before what needs it
};

enum class Direction { Upstream, Downstream };

void extend(const Plan& plan, std::set<std::string>& chosen, Direction direction) {
  // Steps stand in dependency order: one pass forwards finds everything downstream, one backwards everything upstream.
  if (direction == Direction::Downstream) {
    for (const auto& step : plan.steps) {
      if (std::ranges::any_of(step.needs, [&](const auto& need) { return chosen.contains(need); }))
        chosen.insert(step.name);
    }
    return;
  }
  for (const auto& step : std::views::reverse(plan.steps)) {
    if (chosen.contains(step.name)) chosen.insert(step.needs.begin(), step.needs.end());
  }
}

Result<std::set<std::string>> match(const Plan& plan, std::string_view selector) {
  const bool upstream = selector.starts_with('+');
  if (upstream) selector.remove_prefix(1);
  const bool downstream = selector.ends_with('+');
  if (downstream) selector.remove_suffix(1);
  std::set<std::string> chosen;
  for (const auto& step : plan.steps) {
    if (step.name == selector || step.task == selector) chosen.insert(step.name);
  }
  if (chosen.empty()) {
    std::vector<std::string> known;
    for (const auto& step : plan.steps) {
      add_unique(known, step.task);
      add_unique(known, step.name);
    }
    return unknown(fmt::format("task in pipeline {}", plan.pipeline), selector, known);
  }
  auto result = chosen;
  if (upstream) extend(plan, result, Direction::Upstream);
  if (downstream) {
    extend(plan, chosen, Direction::Downstream);
    result.merge(chosen);
  }
  return result;
}

Result<void> apply_selection(Plan& plan, const PlanRequest& request) {
  if (!request.select.empty() || !request.from.empty()) {
    std::set<std::string> chosen;
    for (const auto& selector : request.select) chosen.merge(WEIR_TRY(match(plan, selector)));
    if (!request.from.empty()) chosen.merge(WEIR_TRY(match(plan, request.from + "+")));
    for (auto& step : plan.steps) step.selected = chosen.contains(step.name);
  }
  for (auto& step : plan.steps) {
    if (request.done.contains(step.name)) step.selected = false;
    if (const auto redo = request.redo.find(step.name); redo != request.redo.end()) step.redo_since = redo->second;
  }
  return {};
}

void ask_for_repair(Plan& plan) {
  for (auto& step : plan.steps) {
    if (step.kind != "reconcile") continue;
    auto values = step.settings.values();
    values["repair"] = true;
    step.settings = Settings{std::move(values)};
  }
}

}  // namespace

std::vector<std::string> Plan::connections() const {
  std::vector<std::string> names;
  for (const auto& step : steps) {
    if (!step.selected) continue;
    for (const auto& name : step.connections) add_unique(names, name);
  }
  return names;
}

Result<Plan> plan(const project::Project& project, const models::Graph& graph, const PlanRequest& request,
                  const RunFacts& facts) {
  const auto* pipeline = project.find_pipeline(request.pipeline);
  if (pipeline == nullptr) {
    std::vector<std::string> known;
    for (const auto& candidate : project.pipelines) known.push_back(candidate.name);
    return unknown("pipeline", request.pipeline, known);
  }
  Plan plan;
  plan.pipeline = pipeline->name;
  plan.environment = project.environment;
  plan.params = WEIR_TRY(merge_params(*pipeline, request.params));
  plan.variables = template_variables(*pipeline, plan.params, facts);
  plan.parallel = pipeline->parallel;
  plan.timeout = pipeline->run_timeout;
  WEIR_TRY(Planner(project, graph, *pipeline, plan).add_all());
  WEIR_TRY(apply_selection(plan, request));
  if (request.differences == Differences::Repair) ask_for_repair(plan);
  return plan;
}

Result<Step> complete_step(const project::Project& project, const models::Graph& graph, const Plan& plan,
                           const Step& step, const StepResults& results, const Json& item) {
  const auto* kind = find_task_kind(step.kind);
  const auto* pipeline = project.find_pipeline(plan.pipeline);
  if (kind == nullptr || pipeline == nullptr) return Error::bug("no such task kind or pipeline: {}", step.kind);
  auto variables = plan.variables;
  // Each of ten thousand items would copy the list that they stand in, for templates that do not ask for it.
  if (to_text(step.settings.values()).find("tasks") != std::string::npos) variables["tasks"] = results;
  if (!item.is_null()) variables["item"] = item;
  sql::TemplateEngine templates;
  auto complete = step;
  complete.settings = WEIR_TRY(render(templates, step.settings, kind->settings, variables, step.places));
  complete.late = false;
  complete.for_each.clear();
  Plan unused;
  WEIR_TRY(Planner(project, graph, *pipeline, unused).describe(complete));
  complete.for_each = step.for_each;
  return complete;
}

Result<bool> holds(const Plan& plan, const Step& step, const StepResults& results) {
  auto variables = plan.variables;
  variables["tasks"] = results;
  sql::TemplateEngine templates;
  const auto value = WEIR_TRY(templates.evaluate(step.place.file, step.when, variables, std::max(step.place.line, 1)));
  if (value.is_boolean()) return value.get<bool>();
  if (value == "true" || value == "True") return true;
  if (value == "false" || value == "False") return false;
  return Error::user(Code::InvalidProject, "the condition of {} gives neither true nor false: {}", step.name,
                     to_text(value))
      .at(step.place);
}

Result<std::vector<Json>> items_of(const Plan& plan, const Step& step, const StepResults& results) {
  auto variables = plan.variables;
  variables["tasks"] = results;
  sql::TemplateEngine templates;
  auto value = WEIR_TRY(templates.evaluate(step.place.file, step.for_each, variables, std::max(step.place.line, 1)));
  if (value.is_string()) {
    auto parsed = parse_json(value.get_ref<const std::string&>());
    if (parsed.ok()) value = std::move(*parsed);
  }
  if (!value.is_array()) {
    return Error::user(Code::InvalidProject, "for_each of {} gives no list: {}", step.name,
                       to_text(value).substr(0, 200))
        .at(step.place);
  }
  return std::vector<Json>(value.begin(), value.end());
}

namespace {

constexpr std::pair<RunIf, std::string_view> kRules[] = {{RunIf::AllSucceeded, "all_succeeded"},
                                                         {RunIf::AllEnded, "all_ended"},
                                                         {RunIf::AnySucceeded, "any_succeeded"},
                                                         {RunIf::AnyFailed, "any_failed"},
                                                         {RunIf::NoneFailed, "none_failed"}};

}  // namespace

std::string_view name(RunIf rule) {
  const auto* const found = std::ranges::find(kRules, rule, &std::pair<RunIf, std::string_view>::first);
  return found->second;
}

std::optional<RunIf> parse_run_if(std::string_view text) {
  const auto* const found = std::ranges::find(kRules, text, &std::pair<RunIf, std::string_view>::second);
  return found == std::end(kRules) ? std::nullopt : std::optional{found->first};
}

Json to_json(const Plan& plan) {
  Json steps = Json::array();
  for (const auto& step : plan.steps) {
    steps.push_back({{"step", step.name},
                     {"task", step.task},
                     {"kind", step.kind},
                     {"summary", step.summary},
                     {"needs", step.needs},
                     {"reads", step.reads},
                     {"writes", step.writes},
                     {"attempts", step.retry.attempts},
                     {"selected", step.selected}});
  }
  return {{"pipeline", plan.pipeline},
          {"environment", plan.environment},
          {"params", plan.params},
          {"steps", std::move(steps)}};
}

}  // namespace weir::engine
