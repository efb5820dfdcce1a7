#include <cstdio>

#include "app/terminal.hpp"
#include "app/verbs.hpp"
#include "app/workspace.hpp"
#include "services/keeper.hpp"

namespace weir::app {
namespace {

struct Options {
  std::string environment;
  std::string name;
  bool json = false;
};

std::string_view text_of(services::ServiceState state) {
  switch (state) {
    case services::ServiceState::Stopped: return "stopped";
    case services::ServiceState::Starting: return "starting";
    case services::ServiceState::Running: return "running";
    case services::ServiceState::Failed: return "failed";
  }
  return "";
}

// Never shows a password: how to reach a service is what people need, and `weir query` needs no password of them.
int show(const Options& options) {
  const auto workspace = Workspace::open(options.environment);
  if (!workspace) return kMistake;
  Json all = Json::array();
  TextTable table{
      {{"service"}, {"kind"}, {"state"}, {"pid", TextTable::Align::Right}, {"address"}, {"data"}, {"detail"}}};
  for (const auto& status : workspace->supervisor().status()) {
    const auto kind = status.kind == services::ServiceKind::Postgres ? "postgres" : "clickhouse";
    const auto address = status.address ? fmt::format("{}:{}", status.address->host, status.address->port) : "";
    const auto pid = status.pid == 0 ? "" : std::to_string(status.pid);
    all.push_back({{"service", status.name},
                   {"kind", kind},
                   {"state", text_of(status.state)},
                   {"pid", status.pid},
                   {"address", address},
                   {"socket", status.address ? status.address->unix_socket : ""},
                   {"data", status.data_folder.string()},
                   {"detail", status.detail}});
    const auto style = status.state == services::ServiceState::Running ? Style::Good : Style::Faint;
    table.add({{status.name, Style::Strong},
               {kind},
               {std::string{text_of(status.state)}, style},
               {pid},
               {address},
               {status.data_folder.string(), Style::Faint},
               {status.detail}});
  }
  if (options.json) {
    std::printf("%s\n", to_text(all).c_str());
  } else {
    std::fputs(table.empty() ? "this project has no managed connections\n" : table.text(0).c_str(), stdout);
  }
  return kSuccess;
}

Result<int> start(const Options& options) {
  const auto workspace = Workspace::open(options.environment);
  if (!workspace) return kMistake;
  const auto supervisor = services::Supervisor::create(engine::managed_services(workspace->project(), weir_binary()),
                                                       services::Supervisor::Lifetime::Detached, silent_log());
  WEIR_TRY(supervisor->ensure_all({}));
  return show(options);
}

Result<int> stop(const Options& options) {
  const auto workspace = Workspace::open(options.environment);
  if (!workspace) return kMistake;
  auto statuses = workspace->supervisor().status();
  for (auto status = statuses.rbegin(); status != statuses.rend(); ++status) {
    if (status->state == services::ServiceState::Stopped) continue;
    WEIR_TRY(workspace->supervisor().stop(status->name));
    std::printf("stopped %s\n", status->name.c_str());
  }
  return kSuccess;
}

}  // namespace

void add_services(CLI::App& app, Outcome& outcome) {
  auto options = std::make_shared<Options>();
  auto* verb = app.add_subcommand("services", "The databases that Weir runs for this project");
  verb->require_subcommand(0, 1);
  verb->add_option("--env,-e", options->environment, "The environment of weir.yml");
  verb->add_flag("--json", options->json, "For machines");
  verb->footer("Examples:\n  weir services\n  weir services up     # they stay up until: weir services down");
  const auto add = [&](const char* name, const char* summary, Result<int> (*body)(const Options&)) {
    verb->add_subcommand(name, summary)->fallthrough()->callback([options, &outcome, body] {
      const auto done = body(*options);
      outcome.exit_code = done.ok() ? *done : report(done.error());
    });
  };
  add("up", "Starts them; they stay until `down`", start);
  add("down", "Stops them, in order", stop);
  add("status", "Shows them", [](const Options& given) -> Result<int> { return show(given); });
  verb->add_subcommand("keep", "The process that keeps a service up; Weir starts it itself")
      ->group("")
      ->callback([&outcome] { outcome.exit_code = services::keep_service(services::kKeeperDescriptor); });
  verb->callback([verb, options, &outcome] {
    if (verb->get_subcommands().empty()) outcome.exit_code = show(*options);
  });
}

}  // namespace weir::app
