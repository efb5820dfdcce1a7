#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"

namespace weir::dbt {

// One of dbt's commands and what it takes (https://docs.getdbt.com/reference/dbt-commands).
struct Command {
  std::string_view name;      // "build", "docs generate"
  bool selects = false;       // --select and --exclude
  bool full_refresh = false;  // --full-refresh
  bool artifacts = true;      // --target-path
};

// Those that a task may run.
std::span<const Command> commands();
const Command* find_command(std::string_view name);

// What a task asks of dbt.
struct Request {
  std::string command = "build";
  std::string select;
  std::string exclude;
  Json vars = Json::object();
  bool full_refresh = false;
};

// Refuses what dbt's command does not take; the message names the key.
Result<void> check_request(const Request& request);

// Where dbt finds and leaves its files.
struct Places {
  std::filesystem::path project;   // the folder of dbt_project.yml
  std::filesystem::path profiles;  // the folder of profiles.yml
  std::filesystem::path target;
  std::filesystem::path logs;
};

// dbt's arguments. The profile is Weir's own, so that the project's `profile:` does not matter.
std::vector<std::string> arguments(const Request& request, const Places& places);

}  // namespace weir::dbt
