#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "app/connectors.hpp"
#include "app/run_control.hpp"
#include "app/verbs.hpp"
#include "app/web_server.hpp"
#include "engine/control.hpp"
#include "engine/replication_watch.hpp"
#include "engine/scheduler.hpp"

namespace weir::app {
namespace {

struct Options {
  std::string environment;
  int parallel = 0;
  bool no_schedules = false;
  bool json = false;
  WebOptions web;
};

// SIGTERM and SIGINT as a descriptor. Made before any thread, so that all inherit the mask.
Result<Descriptor> stop_signals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  ::sigaddset(&signals, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  Descriptor descriptor{::signalfd(-1, &signals, SFD_CLOEXEC)};
  if (!descriptor) return Error::from_errno(errno, "taking signals");
  return descriptor;
}

// Until somebody stops us, or the scheduler cannot go on.
Result<void> wait_for_the_end(const Descriptor& signals, const engine::Scheduler& scheduler) {
  pollfd waiting[2] = {{signals.get(), POLLIN, 0}, {scheduler.failed_descriptor(), POLLIN, 0}};
  while (::poll(waiting, 2, -1) < 0) {
  }
  if (waiting[1].revents == 0) return {};
  return scheduler.problems().back();
}

Result<int> serve(const Options& options) {
  const auto signals = WEIR_TRY(stop_signals());
  std::signal(SIGPIPE, SIG_IGN);
  const auto folder = WEIR_TRY(Workspace::find_folder());
  const auto state_folder = folder / ".weir";
  auto ledger = WEIR_TRY(ledger::Ledger::open(state_folder, ledger::Ledger::Mode::Write));
  const auto supervisor =
      services::Supervisor::create({}, services::Supervisor::Lifetime::WithSupervisor, silent_log());
  std::vector<Error> mistakes;
  const engine::VersionSource source{
      .folder = folder, .environment = options.environment, .registry = connectors(), .weir_binary = weir_binary()};
  auto scheduler = engine::Scheduler::start({.source = source,
                                             .state_folder = state_folder,
                                             .version = WEIR_VERSION,
                                             .parallel = options.parallel,
                                             .random = random_fraction,
                                             .fire_schedules = !options.no_schedules},
                                            *ledger, *supervisor, mistakes);
  if (!scheduler.ok()) {
    if (mistakes.empty()) return scheduler.error();
    print_mistakes(mistakes);
    return kMistake;
  }
  const auto access = WEIR_TRY(ledger::AccessStore::open(state_folder));
  const auto control = WEIR_TRY(engine::ControlServer::start(state_folder, **scheduler, *ledger, *access));
  const engine::ReplicationWatch watch{
      [&scheduler] { return (*scheduler)->version(); }, connectors(), *supervisor,
      [](const std::string& warning) { std::fprintf(stderr, "warning: %s\n", warning.c_str()); }};
  const auto web = WEIR_TRY(start_web_server(**scheduler, *supervisor, watch, source, options.web));
  if (options.json) {
    const Json serving{{"event", "serving"}, {"folder", folder.string()}, {"address", web->address()}};
    std::printf("%s\n", to_text(serving).c_str());
  } else {
    std::printf("serving %s on %s\n", folder.c_str(), web->address().c_str());
  }
  std::fflush(stdout);
  const auto ended = wait_for_the_end(signals, **scheduler);
  web->stop();
  (*scheduler)->stop();
  WEIR_TRY(Result<void>{ended});
  return kSuccess;
}

}  // namespace

void add_serve(CLI::App& app, Outcome& outcome) {
  auto options = std::make_shared<Options>();
  auto* verb = app.add_subcommand("serve", "Runs pipelines by their schedules and events, until it is stopped");
  verb->add_option("--env,-e", options->environment, "The environment of weir.yml");
  verb->add_option("--parallel", options->parallel, "How many tasks run at once over all runs; default: by the machine")
      ->check(CLI::Range(1, 10'000));
  verb->add_flag("--no-schedules", options->no_schedules, "Only what somebody asks for runs");
  verb->add_flag("--json", options->json, "Say so as an object, for machines");
  add_web_options(*verb, options->web);
  verb->footer(
      "Examples:\n  weir serve\n  weir serve --env prod\n  weir user add ann --role admin && weir serve --bind 0.0.0.0 "
      "--tls-cert weir.pem --tls-key weir.key");
  verb->callback([options, &outcome] {
    const auto done = serve(*options);
    outcome.exit_code = done.ok() ? *done : report(done.error());
  });
}

}  // namespace weir::app
