#include <algorithm>
#include <unordered_set>
#include <utility>

#include "base/clock.hpp"
#include "project/file_settings.hpp"
#include "project/nearest.hpp"
#include "project/reading.hpp"
#include "sql/template.hpp"

namespace weir::project {
namespace {

// Reads one pipelines/*.yml.
class PipelineReader {
 public:
  PipelineReader(Reading& reading, const YamlFile& file)
      : reading_(reading), file_(file), validator_(file.path, file.text, reading.mistakes, TypedTemplates::Refused) {}

  Pipeline read() {
    const auto& root = file_.root;
    validator_.read_elsewhere = {"tasks"};
    const Settings values{validator_.group(root, pipeline_settings(), "the pipeline")};
    Pipeline pipeline;
    pipeline.place = {file_.path, root.line, root.column};
    pipeline.name = std::filesystem::path{file_.path}.stem().string();
    if (values.has("name")) {
      pipeline.name = values.text("name");
      pipeline.place = validator_.places.at("name");
      check_name(validator_, *root.find("name"), "a pipeline", pipeline.name);
    }
    pipeline.description = values.text("description");
    if (values.has("params")) read_params(values.json("params"), pipeline);
    pipeline.parallel =
        values.has("parallel") ? static_cast<int>(values.integer("parallel")) : reading_.default_parallel;
    if (pipeline.parallel < 1) {
      validator_.mistake(*root.find("parallel"), "parallel must be at least 1", "1 runs one task after the other");
    }
    pipeline.schedules = read_schedules(values, root);
    pipeline.tags = values.texts("tags");
    pipeline.after = read_after(values, root);
    pipeline.concurrency = static_cast<int>(values.integer("concurrency"));
    if (pipeline.concurrency < 1) {
      validator_.mistake(*root.find("concurrency"), "concurrency must be at least 1", "1 is one run after the other");
    }
    const auto duration = [&](std::string_view name) {
      return values.has(name) ? std::optional{values.duration(name)} : std::nullopt;
    };
    pipeline.run_timeout = duration("run_timeout");
    pipeline.deadline = duration("deadline");
    pipeline.queue_warning = duration("queue_warning");
    priority_ = values.has("priority") ? static_cast<int>(values.integer("priority")) : 0;
    pipeline.hooks = reading_.hooks;
    for (auto& hook : read_hooks(values, root, validator_, file_.path)) pipeline.hooks.push_back(std::move(hook));
    retry_ = merge_retry(reading_.default_retry, values.group("retry"));
    check_retry(retry_, root.find("retry"));
    timeout_ = values.has("timeout") ? std::optional{values.duration("timeout")} : reading_.default_timeout;
    if (const auto* tasks = root.find("tasks")) pipeline.tasks = read_tasks(*tasks);
    return pipeline;
  }

 private:
  // A parameter is its default, or a map of exactly `default` and `description`.
  static void read_params(const Json& params, Pipeline& pipeline) {
    for (const auto& [name, value] : params.items()) {
      const bool is_described =
          value.is_object() && value.size() == 2 && value.contains("default") && value.contains("description");
      pipeline.params[name] = is_described ? value["default"] : value;
      if (is_described && value["description"].is_string()) pipeline.param_docs[name] = value["description"];
    }
  }

  std::vector<Schedule> read_schedules(const Settings& values, const Node& root) {
    std::vector<Schedule> schedules;
    const auto entries = values.groups("schedule");
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const auto& entry = entries[i];
      const auto* list = root.find("schedule");
      const auto& node = list->kind == Node::Kind::List ? list->items[i] : *list;
      if (entry.has("cron") == entry.has("every")) {
        // A value of the wrong type has been told already.
        if (node.kind == Node::Kind::Map && (entry.has("cron") || (!node.find("cron") && !node.find("every"))))
          validator_.mistake(node, "a schedule takes either cron or every", "such as {cron: \"45 12 * * TUE\"}");
        continue;
      }
      auto schedule = entry.has("cron") ? Schedule::parse(entry.text("cron"), entry.text("timezone"))
                                        : Schedule::every(entry.duration("every"), entry.text("timezone"));
      if (schedule.ok()) {
        take_options(*schedule, entry, node);
        const bool is_twice = std::ranges::find(schedules, schedule->text(), &Schedule::text) != schedules.end();
        if (is_twice) {
          validator_.mistake(node, fmt::format("the schedule stands twice: {}", schedule->text()),
                             "remove one of them");
        }
        schedules.push_back(std::move(*schedule));
        continue;
      }
      const bool expression_is_wrong = entry.has("cron") ? !Schedule::parse(entry.text("cron"), "UTC").ok()
                                                         : !Schedule::every(entry.duration("every"), "UTC").ok();
      const auto key = !expression_is_wrong ? "timezone" : entry.has("cron") ? "cron" : "every";
      const auto place = validator_.places.find(fmt::format("schedule.{}.{}", i, key));
      const auto where = place == validator_.places.end() ? Place{file_.path, 1, 1} : place->second;
      reading_.mistakes.push_back(std::move(schedule).error().at(where));
    }
    return schedules;
  }

  void take_options(Schedule& schedule, const Settings& entry, const Node& node) {
    if (entry.has("gap")) schedule.gap = entry.text("gap") == "run" ? Gap::Run : Gap::Skip;
    if (entry.has("overlap")) schedule.overlap = entry.text("overlap") == "both" ? Overlap::Both : Overlap::First;
    const auto catchup = entry.text("catchup");
    schedule.catchup = catchup == "last"                       ? Catchup::Last
                       : catchup == "all" || catchup == "true" ? Catchup::All
                                                               : Catchup::None;
    schedule.catchup_limit = static_cast<int>(entry.integer("catchup_limit"));
    if (schedule.catchup_limit < 1)
      validator_.mistake(*node.find("catchup_limit"), "catchup_limit must be at least 1", "catchup: none runs none");
    if (schedule.interval() && (schedule.gap || schedule.overlap)) {
      validator_.mistake(node, "an interval knows neither gap nor overlap: it follows elapsed time",
                         "remove them, or use cron");
    }
  }

  std::optional<After> read_after(const Settings& values, const Node& root) {
    if (!values.has("after")) return std::nullopt;
    const auto* node = root.find("after");
    const auto group = values.group("after");
    After after;
    after.place = {file_.path, node->line, node->column};
    const auto all = group.texts("all");
    const auto any = group.texts("any");
    if (all.empty() == any.empty()) {
      validator_.mistake(*node, "after takes either all or any", "after: [load] is {all: [load]}");
    }
    after.rule = any.empty() ? After::Rule::All : After::Rule::Any;
    after.sources = any.empty() ? all : any;
    after.batch = group.text("batch") == "one_by_one" ? After::Batch::OneByOne : After::Batch::Together;
    return after;
  }

  void check_retry(const RetryPolicy& retry, const Node* place) {
    if (place == nullptr) return;
    if (retry.attempts < 1)
      validator_.mistake(*place, "retry needs at least one attempt", "attempts: 1 means no retry");
    if (retry.jitter < 0 || retry.jitter > 1) {
      validator_.mistake(*place, fmt::format("jitter must lie between 0 and 1, not {}", retry.jitter), "0.2 is usual");
    }
  }

  std::vector<Task> read_tasks(const Node& node) {
    std::vector<Task> tasks;
    if (node.kind != Node::Kind::Map) return tasks;
    if (node.keys.empty())
      validator_.mistake(node, "the pipeline has no tasks", "a task is a name and its kind below it");
    for (std::size_t i = 0; i < node.keys.size(); ++i) {
      if (auto task = read_task(node.keys[i], node.items[i])) tasks.push_back(std::move(*task));
    }
    check_needs(tasks, node);
    return order_tasks(std::move(tasks), reading_.mistakes);
  }

  std::optional<Task> read_task(const Node& key, const Node& node) {
    check_name(validator_, key, "a task", key.text);
    if (node.kind != Node::Kind::Map) {
      validator_.mistake(node, fmt::format("task {} takes a map, not {}", key.text, describe(node)), kinds_hint());
      return std::nullopt;
    }
    Task task;
    task.name = key.text;
    task.place = {file_.path, key.line, key.column};
    const auto kind = read_kind(key, node);
    Node common = without_kinds(node);
    const auto what = fmt::format("task {}", key.text);
    Validator structure{file_.path, file_.text, reading_.mistakes, TypedTemplates::Refused};
    const Settings values{structure.group(common, task_settings(), what)};
    task.needs = values.texts("needs");
    task.retry = merge_retry(retry_, values.group("retry"));
    check_retry(task.retry, node.find("retry"));
    task.timeout = values.has("timeout") ? std::optional{values.duration("timeout")} : timeout_;
    task.run_if = values.text("run_if");
    task.when = values.text("when");
    task.for_each = values.json("for_each");
    task.pool = values.text("pool");
    task.writes = values.texts("writes");
    task.concurrency = values.has("concurrency") ? static_cast<int>(values.integer("concurrency")) : 0;
    task.priority = values.has("priority") ? static_cast<int>(values.integer("priority")) : priority_;
    check_flow(task, node);
    if (kind == nullptr) return task;

    task.kind = kind->name;
    const Setting whole{.name = kind->name,
                        .type = SettingType::Group,
                        .doc = kind->summary,
                        .fields = kind->settings,
                        .shorthand = Setting::Shorthand::Allowed};
    Validator inner{file_.path, file_.text, reading_.mistakes};
    const auto* content = node.find(kind->name);
    const bool nothing = content->kind == Node::Kind::Null;
    task.settings =
        Settings{nothing ? inner.group(*content, kind->settings, kind->name) : inner.value(*content, whole, "")};
    task.places = std::move(inner.places);
    task.places.try_emplace("", Place{file_.path, content->line, content->column});
    return task;
  }

  void check_flow(const Task& task, const Node& node) {
    if (node.find("concurrency") != nullptr && task.concurrency < 1)
      validator_.mistake(*node.find("concurrency"), "concurrency must be at least 1", "leave it out for no limit");
    if (!task.pool.empty() && !reading_.project.pools.contains(task.pool)) {
      std::vector<std::string_view> names;
      for (const auto& [name, slots] : reading_.project.pools) names.push_back(name);
      validator_.mistake(*node.find("pool"), fmt::format("unknown pool: {}", task.pool),
                         suggestion(task.pool, names, "weir.yml declares pools: {name: slots}"));
    }
    for (const auto& table : task.writes) {
      if (sql::has_template(table) || !parse_endpoint(reading_.project, table).connection.empty()) continue;
      validator_.mistake(*node.find("writes"), fmt::format("not a table of a connection: {}", table),
                         "write it as connection.table");
    }
    if (!task.when.empty() && !sql::has_template(task.when)) {
      validator_.mistake(*node.find("when"), fmt::format("a condition is a template: {}", task.when),
                         "such as \"{{ params.rows > 0 }}\"");
    }
    const bool gives_list =
        task.for_each.is_array() || (task.for_each.is_string() && sql::has_template(task.for_each.get<std::string>()));
    if (!task.for_each.is_null() && !gives_list) {
      validator_.mistake(*node.find("for_each"), "for_each takes a list, or a template that gives one",
                         "such as \"{{ tasks.list.output.items }}\"");
    }
  }

  // The one key that is a kind; none or several are mistakes, but a mistyped one is left to the unknown keys.
  const KindDescription* read_kind(const Node& key, const Node& node) {
    const KindDescription* kind = nullptr;
    bool mistyped = false;
    for (const auto& name : node.keys) {
      const auto* found = find_kind(name.text);
      if (found == nullptr) {
        mistyped |= std::ranges::find(task_settings(), name.text, &Setting::name) == task_settings().end();
        continue;
      }
      if (kind != nullptr) {
        validator_.mistake(name, fmt::format("task {} has two kinds: {} and {}", key.text, kind->name, found->name),
                           "make two tasks of it");
      } else {
        kind = found;
      }
    }
    if (kind == nullptr && !mistyped)
      validator_.mistake(key, fmt::format("task {} does nothing", key.text), kinds_hint());
    return kind;
  }

  // The keys that every task has. A key that is neither one of them nor a kind is reported here, with both as candidates.
  Node without_kinds(const Node& node) {
    Node common = node;
    common.keys.clear();
    common.items.clear();
    auto candidates = names_of(reading_.vocabulary.tasks);
    for (const auto name : names_of(task_settings())) candidates.push_back(name);
    for (std::size_t i = 0; i < node.keys.size(); ++i) {
      const auto& name = node.keys[i];
      if (std::ranges::find(task_settings(), name.text, &Setting::name) != task_settings().end()) {
        common.keys.push_back(name);
        common.items.push_back(node.items[i]);
      } else if (find_kind(name.text) == nullptr) {
        validator_.mistake(name, fmt::format("unknown key or kind of task: {}", name.text),
                           suggestion(name.text, candidates, kinds_hint()));
      }
    }
    return common;
  }

  void check_needs(std::vector<Task>& tasks, const Node& node) {
    // Tasks that are broken themselves still count as there.
    std::vector<std::string_view> names;
    for (const auto& key : node.keys) names.push_back(key.text);
    const std::unordered_set<std::string_view> known(names.begin(), names.end());
    for (auto& task : tasks) {
      for (std::size_t i = 0; i < task.needs.size(); ++i) {
        if (known.contains(task.needs[i])) continue;
        const auto* needs = node.find(task.name)->find("needs");
        const auto& place = needs->kind == Node::Kind::List && i < needs->items.size() ? needs->items[i] : *needs;
        validator_.mistake(place, fmt::format("task {} needs an unknown task: {}", task.name, task.needs[i]),
                           suggestion(task.needs[i], names));
      }
    }
  }

  const KindDescription* find_kind(std::string_view name) const {
    const auto& kinds = reading_.vocabulary.tasks;
    const auto found = std::ranges::find(kinds, name, &KindDescription::name);
    return found == kinds.end() ? nullptr : &*found;
  }

  std::string kinds_hint() const {
    return fmt::format("give it one kind: {}", fmt::join(names_of(reading_.vocabulary.tasks), ", "));
  }

  Reading& reading_;
  const YamlFile& file_;
  Validator validator_;
  RetryPolicy retry_;
  std::optional<std::chrono::milliseconds> timeout_;
  int priority_ = 0;
};

}  // namespace

void read_pipeline(Reading& reading, const YamlFile& file) {
  reading.project.pipelines.push_back(PipelineReader{reading, file}.read());
}

}  // namespace weir::project
