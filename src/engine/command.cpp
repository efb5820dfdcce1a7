#include <signal.h>
#include <unistd.h>

#include "engine/kinds.hpp"
#include "services/process.hpp"

// `command`: a program of the user's. Its output is the attempt's log.
namespace weir::engine {
namespace {

Result<Json> run_command(TaskContext& context) {
  const auto& settings = context.order().settings;
  const auto command = settings.texts("command");
  if (command.empty()) return Error::user(Code::InvalidProject, "a command task needs a command");
  services::ProcessSpec spec;
  // A single text goes through the shell, a list is run as it stands.
  if (command.size() == 1) {
    spec.program = "/bin/sh";
    spec.arguments = {"-c", command.front()};
  } else {
    spec.program = command.front();
    spec.arguments.assign(command.begin() + 1, command.end());
  }
  for (const auto& [name, value] : settings.json("environment").items())
    spec.environment[name] = value.get<std::string>();
  spec.folder = context.order().project_folder;
  spec.stdout_fd = STDOUT_FILENO;  // the attempt's log file
  spec.stderr_fd = STDERR_FILENO;
  auto process = WEIR_TRY(services::Process::spawn(spec));
  const std::stop_callback forward(context.stop(), [&process] { process.signal(SIGTERM); });
  const auto status = process.wait();
  if (context.stop().stop_requested()) return Error::cancelled();
  if (!status.ok()) {
    return Error::external(Code::CheckFailed, "the command ended with {}", status.text())
        .hint("its output is in the task's log: weir logs");
  }
  return Json{{"exit_code", status.code}};
}

}  // namespace

TaskKind command_kind() {
  return {.name = "command",
          .summary = "Runs a program; an exit code other than 0 is a failure",
          .settings = {{.name = "command",
                        .type = SettingType::List,
                        .doc = "A shell command, or a program and its arguments",
                        .need = Need::Required,
                        .fields = {{.name = "argument", .type = SettingType::Text}},
                        .shorthand = Setting::Shorthand::Allowed},
                       {.name = "environment",
                        .type = SettingType::Map,
                        .doc = "Environment variables in addition to Weir's own",
                        .fields = {{.name = "value", .type = SettingType::Text}}}},
          .reads = {},
          .writes = {},
          .run = run_command};
}

}  // namespace weir::engine
