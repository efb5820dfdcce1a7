#pragma once

#include <atomic>
#include <filesystem>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/json.hpp"
#include "engine/scheduler.hpp"
#include "ledger/access_store.hpp"
#include "services/process.hpp"

// How the command line speaks with a `weir serve` of the same project: over the socket .weir/serve.sock, which only this
// user and root may use, in messages of services::Channel. A call is {"call": name, …}; its answer {"answer": …} or
// {"error": …}. After a call with "follow", the run's events follow, until it has ended:
// {"event": "run" | "attempt" | "log" | "missed", …}.
//
//   submit        pipeline, params, select, from, environment, interval_from, interval_to, key   → run
//   retry         run, from, code                                                                → run
//   replay        run                                                                            → run
//   cancel        run, now                                                                       → run
//   pause, resume pipeline                                                                       → null
//   preview       pipeline, from, to, mode, parallel, params, downstream                         → intervals, overwritten
//   backfill      as preview                                                                     → backfill
//   backfill_state  backfill, state (paused, running, cancelled), now                            → backfill
//   backfills     pipeline                                                                       → [backfill]
//   reload                                                                                       → null
namespace weir::engine {

// Instants travel as microseconds, everything else under its own name.
Json run_to_json(const ledger::Run& run);
ledger::Run run_from_json(const Json& json);
Json attempt_to_json(const ledger::Attempt& attempt);
ledger::Attempt attempt_from_json(const Json& json);
Json task_log_line_to_json(const TaskLogLine& line);
TaskLogLine task_log_line_from_json(const Json& json);
Json backfill_to_json(const ledger::Backfill& backfill);

// The serving side: threads of its own. Who calls is the user of the operating system at the other end; every change is in
// the audit log under that name, with the address "command line".
class ControlServer {
 public:
  // Replaces the socket of an earlier process: the caller holds the project's lock.
  static Result<std::unique_ptr<ControlServer>> start(const std::filesystem::path& state_folder, Scheduler& scheduler,
                                                      ledger::Ledger& ledger, ledger::AccessStore& access);
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

 private:
  struct Session {
    std::unique_ptr<services::Channel> channel;
    std::string user;
    std::thread thread;
    std::atomic<bool> ended = false;
  };
  ControlServer(Descriptor socket, std::filesystem::path path, Scheduler& scheduler, ledger::Ledger& ledger,
                ledger::AccessStore& access);
  void accept_all();
  void serve(Session& session);
  void forget_ended();
  Result<void> note(const Session& session, const Json& call, const Json& answer);
  void follow(services::Channel& channel, Feed::Reader& events, const RunId& run);

  Descriptor socket_;
  Descriptor ending_;
  const std::filesystem::path path_;
  Scheduler& scheduler_;
  ledger::Ledger& ledger_;
  ledger::AccessStore& access_;
  std::list<Session> sessions_;  // the accepting thread's alone
  std::thread thread_;
};

// The asking side.
class ControlClient {
 public:
  // Nothing when no process serves the project.
  static Result<std::optional<ControlClient>> connect(const std::filesystem::path& state_folder);

  Result<Json> call(const Json& call);
  // The next event of a followed run; nothing when the serving process has gone.
  Result<std::optional<Json>> next_event();
  int descriptor() const { return channel_.descriptor(); }

 private:
  explicit ControlClient(services::Channel channel) : channel_(std::move(channel)) {}
  services::Channel channel_;
};

}  // namespace weir::engine
