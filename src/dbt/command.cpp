#include "dbt/command.hpp"

#include <algorithm>
#include <array>

#include "dbt/profile.hpp"

namespace weir::dbt {
namespace {

constexpr std::array<Command, 12> kCommands{{
    {.name = "build", .selects = true, .full_refresh = true},
    {.name = "run", .selects = true, .full_refresh = true},
    {.name = "test", .selects = true},
    {.name = "seed", .selects = true, .full_refresh = true},
    {.name = "snapshot", .selects = true},
    {.name = "compile", .selects = true, .full_refresh = true},
    {.name = "docs generate", .selects = true},
    {.name = "source freshness", .selects = true},
    {.name = "parse"},
    {.name = "list", .selects = true},
    {.name = "deps", .artifacts = false},
    {.name = "debug", .artifacts = false},
}};

Error not_taken(const Request& request, std::string_view key) {
  return Error::user(Code::InvalidProject, "dbt {} does not take {}", request.command, key)
      .hint(fmt::format("remove {}, or choose another command", key));
}

}  // namespace

std::span<const Command> commands() { return kCommands; }

const Command* find_command(std::string_view name) {
  const auto found = std::ranges::find(kCommands, name, &Command::name);
  return found == kCommands.end() ? nullptr : &*found;
}

Result<void> check_request(const Request& request) {
  const auto* command = find_command(request.command);
  if (command == nullptr) return Error::user(Code::InvalidProject, "no such command of dbt: {}", request.command);
  if (!command->selects && !request.select.empty()) return not_taken(request, "select");
  if (!command->selects && !request.exclude.empty()) return not_taken(request, "exclude");
  if (!command->full_refresh && request.full_refresh) return not_taken(request, "full_refresh");
  return {};
}

std::vector<std::string> arguments(const Request& request, const Places& places) {
  std::vector<std::string> arguments{
      "--log-format", "json", "--log-level", "info", "--no-use-colors", "--no-send-anonymous-usage-stats"};
  const auto words = std::string_view{request.command};
  for (std::size_t begin = 0; begin < words.size();) {
    const auto end = std::min(words.find(' ', begin), words.size());
    arguments.emplace_back(words.substr(begin, end - begin));
    begin = end + 1;
  }
  const auto add = [&](std::string_view option, std::string value) {
    arguments.emplace_back(option);
    arguments.push_back(std::move(value));
  };
  add("--project-dir", places.project.string());
  add("--profiles-dir", places.profiles.string());
  add("--profile", std::string{kProfileName});
  add("--log-path", places.logs.string());
  const auto* command = find_command(request.command);
  if (command != nullptr && command->artifacts) add("--target-path", places.target.string());
  if (!request.select.empty()) add("--select", request.select);
  if (!request.exclude.empty()) add("--exclude", request.exclude);
  if (!request.vars.empty()) add("--vars", to_text(request.vars));
  if (request.full_refresh) arguments.emplace_back("--full-refresh");
  return arguments;
}

}  // namespace weir::dbt
