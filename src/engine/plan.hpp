#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/render.hpp"
#include "engine/task_kind.hpp"
#include "models/models.hpp"
#include "project/project.hpp"

namespace weir::engine {

// Which ends of the steps that it needs let a step run; otherwise it is skipped.
enum class RunIf { AllSucceeded, AllEnded, AnySucceeded, AnyFailed, NoneFailed };
std::string_view name(RunIf rule);
std::optional<RunIf> parse_run_if(std::string_view text);

// One attempt's worth of work: a task, or one node (model or test) of a model task.
struct Step {
  std::string name;  // the task's, or "task/node"
  std::string task;
  std::string kind;
  std::string node;
  Settings settings;               // rendered
  std::vector<std::string> needs;  // steps
  project::RetryPolicy retry;
  std::optional<std::chrono::milliseconds> timeout;
  std::vector<std::string> connections;  // that it opens
  std::vector<std::string> reads;        // tables and files, as the user writes them
  std::vector<std::string> writes;
  std::string summary;  // one line for people
  Place place;
  RunIf run_if = RunIf::AllSucceeded;
  std::string when;      // a template: the step is skipped unless it gives true; "" is always
  std::string for_each;  // a template that gives a list: an attempt for each item; "" is a single one
  int concurrency = 0;   // attempts of this task at once, over all runs; 0 is no limit
  std::string pool;      // whose slots its attempts take; "" is none
  int priority = 0;      // the higher, the sooner, where slots are scarce
  std::optional<std::chrono::milliseconds> queue_warning;  // how long it may wait for a slot without a word
  std::vector<std::string> declared_writes = {};
  bool late = false;                         // its settings need the results of other steps: they are templates still
  std::map<std::string, Place> places = {};  // of its settings
  bool selected = true;                      // false: not asked for, or done by an earlier try of this run
  // A retry does it again: what this run has done of it before that moment does not count.
  std::optional<Instant> redo_since = {};
};

// What a run will do, as plain data: `weir plan` prints it, `weir run` executes it.
struct Plan {
  std::string pipeline;
  std::string environment;
  Json params;
  Json variables;
  int parallel = 4;
  std::optional<std::chrono::milliseconds> timeout;  // of the whole run
  std::vector<Step> steps;                           // each after all that it needs

  std::vector<std::string> connections() const;  // of the selected steps, each once
};

// What reconcile tasks do about rows that differ; their own `repair` counts too.
enum class Differences { Report, Repair };

struct PlanRequest {
  std::string pipeline;
  Json params = Json::object();  // as the user gave them: override the pipeline's defaults
  std::vector<std::string>
      select;                  // tasks or steps; "+x" with all that it needs, "x+" with all that needs it; empty: all
  std::string from;            // this task and everything after it; "" is no restriction
  std::set<std::string> done;  // steps that an earlier try of this run finished
  std::map<std::string, Instant> redo = {};  // steps that a retry does again: Step::redo_since
  Differences differences = Differences::Report;
};

// Pure. InvalidArgument for an unknown pipeline, task or parameter (with the nearest known one).
Result<Plan> plan(const project::Project& project, const models::Graph& graph, const PlanRequest& request,
                  const RunFacts& facts);

// What is known of the steps that have ended, by name: state, output, rows_read, rows_written. Templates see it as `tasks`.
using StepResults = Json;

// A late step with its settings rendered, once the results of those that it needs are there. `item` is the element of a
// for_each, null without one.
Result<Step> complete_step(const project::Project& project, const models::Graph& graph, const Plan& plan,
                           const Step& step, const StepResults& results, const Json& item);
// Whether a step's `when` holds: InvalidProject when it gives neither true nor false.
Result<bool> holds(const Plan& plan, const Step& step, const StepResults& results);
// The items of a for_each: InvalidProject when its template gives no list.
Result<std::vector<Json>> items_of(const Plan& plan, const Step& step, const StepResults& results);

Json to_json(const Plan& plan);

}  // namespace weir::engine
