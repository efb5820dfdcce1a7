#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.hpp"
#include "engine/work_order.hpp"
#include "flow/connector.hpp"
#include "flow/journal.hpp"
#include "flow/pump.hpp"
#include "ledger/ledger.hpp"
#include "project/project.hpp"

namespace weir::engine {

// A source that keeps what it has read for the run (recordings, fetched documents) reads it there, or anew.
enum class Reading { OfTheRun, Anew };

// What a task kind works with, inside the child process of one attempt.
class TaskContext {
 public:
  virtual ~TaskContext() = default;

  virtual const WorkOrder& order() const = 0;
  virtual const flow::Registry& registry() const = 0;
  virtual Log& log() = 0;
  virtual flow::PumpProgress& progress() = 0;  // reported to the parent while the task runs
  virtual std::stop_token stop() const = 0;
  // The ledger's journal of one of the task's streams, over the channel to the parent.
  virtual std::unique_ptr<flow::Journal> journal(std::string_view stream) = 0;
  // Kept in the ledger at once, also when the task fails later.
  virtual Result<void> report(const ledger::CheckResult& check) = 0;
  // A part of the task that another program ran, under its own name: kept in the ledger as an attempt "<step>/<part>" with
  // the number of this one. The part's `run` and `number` are filled in by the parent.
  virtual Result<void> report_part(const ledger::Attempt& part) = 0;

  // The roles of a connection that the work order carries; a missing role is the user's mistake and names the connection.
  Result<std::unique_ptr<flow::Source>> open_source(std::string_view connection, Reading reading = Reading::OfTheRun);
  Result<std::unique_ptr<flow::Sink>> open_sink(std::string_view connection);
  Result<std::unique_ptr<flow::Database>> open_database(std::string_view connection);
  Result<std::unique_ptr<flow::Replication>> open_replication(std::string_view source, std::string_view target);
};

// A task where it stands, for checks of the project.
struct TaskPlace {
  const project::Project& project;
  const flow::Registry& registry;
  const project::Task& task;

  // Of one of the kind's settings, or of what holds it.
  Place place_of(const std::string& setting) const;
};

struct TaskFindings {
  std::vector<Error> mistakes;  // the project cannot run
  std::vector<Error> warnings;  // it lacks something on this machine
};

// One kind of task: a plain record, like a connector.
struct TaskKind {
  std::string name;
  std::string summary;
  std::vector<Setting> settings;
  // Which of its settings name tables or files, by path ("from", "table"): validated, and shown as the task's lineage.
  std::vector<std::string> reads;
  std::vector<std::string> writes;
  // Which of its settings name connections ("connection"): validated, and opened for the task.
  std::vector<std::string> connections;
  // Whether the work renders files of the project itself, which may ask for other tasks' results.
  bool renders_files = false;
  // What else is wrong with a task of the project, told without running it or touching a connection. Optional.
  std::function<void(const TaskPlace&, TaskFindings&)> check = {};
  // Returns what the task reports about itself; the ledger keeps it as the attempt's output.
  std::function<Result<Json>(TaskContext&)> run;
};

// All of them; the executor, the vocabulary and `weir schema` take them from here.
std::span<const TaskKind> task_kinds();
const TaskKind* find_task_kind(std::string_view name);

// Asks the kind of every task of the project.
TaskFindings check_tasks(const project::Project& project, const flow::Registry& registry);

}  // namespace weir::engine
