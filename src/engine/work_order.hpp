#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "base/id.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "base/setting.hpp"
#include "flow/connector.hpp"

namespace weir::engine {

// Everything that the child process of an attempt needs: what travels over its channel. It carries secrets (the settings
// of the connections that this step uses, and only those), so it is never printed or stored.
struct WorkOrder {
  RunId run;
  std::string pipeline;
  std::string environment;
  std::string step;  // unique in the run: the task's name, or "task/node" for a node of a model task
  std::string kind;
  std::string node;  // a model or test; "" for other kinds
  int attempt = 1;
  std::string replay;                    // a run whose recordings answer instead of the network; "" is none
  Settings settings;                     // of the kind, rendered
  Json variables;                        // what templates inside SQL files see: run, params, interval, env, tasks, item
  std::filesystem::path project_folder;  // where data files lie and programs run
  std::filesystem::path code_folder;     // where the project's own files are as the run began with them
  bool code_is_current = false;          // both have the same files of code: there is nothing to compare
  std::map<std::string, flow::Connection> connections;

  Json to_json() const;
  static Result<WorkOrder> from_json(const Json& json);
};

}  // namespace weir::engine
