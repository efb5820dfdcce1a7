#include <algorithm>
#include <utility>

#include "base/clock.hpp"
#include "project/file_settings.hpp"
#include "project/nearest.hpp"
#include "project/reading.hpp"

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
    if (values.has("params")) pipeline.params = values.json("params");
    pipeline.parallel =
        values.has("parallel") ? static_cast<int>(values.integer("parallel")) : reading_.default_parallel;
    if (pipeline.parallel < 1) {
      validator_.mistake(*root.find("parallel"), "parallel must be at least 1", "1 runs one task after the other");
    }
    pipeline.schedules = read_schedules(values);
    retry_ = merge_retry(reading_.default_retry, values.group("retry"));
    check_retry(retry_, root.find("retry"));
    timeout_ = values.has("timeout") ? std::optional{values.duration("timeout")} : reading_.default_timeout;
    if (const auto* tasks = root.find("tasks")) pipeline.tasks = read_tasks(*tasks);
    return pipeline;
  }

 private:
  std::vector<Schedule> read_schedules(const Settings& values) {
    std::vector<Schedule> schedules;
    const auto entries = values.groups("schedule");
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (!entries[i].has("cron")) continue;
      auto schedule = Schedule::parse(entries[i].text("cron"), entries[i].text("timezone"));
      if (schedule.ok()) {
        schedule->catchup = entries[i].flag("catchup");
        schedules.push_back(std::move(*schedule));
        continue;
      }
      const bool cron_is_wrong = !Schedule::parse(entries[i].text("cron"), "UTC").ok();
      const auto path = fmt::format("schedule.{}.{}", i, cron_is_wrong ? "cron" : "timezone");
      const auto place = validator_.places.find(path);
      const auto where = place == validator_.places.end() ? Place{file_.path, 1, 1} : place->second;
      reading_.mistakes.push_back(std::move(schedule).error().at(where));
    }
    return schedules;
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
    for (auto& task : tasks) {
      const auto* needs = node.find(task.name)->find("needs");
      for (std::size_t i = 0; i < task.needs.size(); ++i) {
        if (std::ranges::find(names, task.needs[i]) != names.end()) continue;
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
};

}  // namespace

void read_pipeline(Reading& reading, const YamlFile& file) {
  reading.project.pipelines.push_back(PipelineReader{reading, file}.read());
}

}  // namespace weir::project
