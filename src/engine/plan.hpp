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
  bool selected = true;  // false: not asked for, or done by an earlier try of this run
};

// What a run will do, as plain data: `weir plan` prints it, `weir run` executes it.
struct Plan {
  std::string pipeline;
  std::string environment;
  Json params;
  Json variables;
  int parallel = 4;
  std::vector<Step> steps;  // each after all that it needs

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
  Differences differences = Differences::Report;
};

// Pure. InvalidArgument for an unknown pipeline, task or parameter (with the nearest known one).
Result<Plan> plan(const project::Project& project, const models::Graph& graph, const PlanRequest& request,
                  const RunFacts& facts);

Json to_json(const Plan& plan);

}  // namespace weir::engine
