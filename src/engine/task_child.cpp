#include "engine/task_child.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <exception>
#include <mutex>
#include <thread>

#include "engine/error_json.hpp"
#include "engine/leftovers.hpp"
#include "engine/task_kind.hpp"
#include "engine/task_link.hpp"
#include "services/fork_server.hpp"

namespace weir::engine {
namespace {

// Turns SIGTERM and SIGINT into a stop request. Constructed before any other thread, so that all inherit the mask.
class StopOnSignal {
 public:
  StopOnSignal() : done_(::eventfd(0, EFD_CLOEXEC)) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    signals_ = Descriptor{::signalfd(-1, &signals, SFD_CLOEXEC)};
    thread_ = std::thread([this] {
      pollfd waiting[2] = {{signals_.get(), POLLIN, 0}, {done_.get(), POLLIN, 0}};
      while (::poll(waiting, 2, -1) < 0) {
      }
      if ((waiting[0].revents & POLLIN) != 0) stop_.request_stop();
    });
  }
  ~StopOnSignal() {
    const std::uint64_t one = 1;
    (void)!::write(done_.get(), &one, sizeof one);
    thread_.join();
  }
  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;

  std::stop_token token() const { return stop_.get_token(); }

 private:
  std::stop_source stop_;
  Descriptor signals_;
  Descriptor done_;
  std::thread thread_;
};

class LinkedLog final : public Log {
 public:
  LinkedLog(TaskLink& link, const Redactor& redactor) : link_(link), redactor_(redactor) {}
  void write(LogLine line) override {
    line.message = redactor_.redact(line.message);
    auto message = to_json(line);
    message["type"] = "log";
    // A parent that is gone takes this process with it; there is nobody left to tell.
    (void)link_.send(message);
  }

 private:
  TaskLink& link_;
  const Redactor& redactor_;
};

Json progress_message(const flow::PumpProgress& progress) {
  return {{"type", "progress"},
          {"rows_read", progress.rows_read.load()},
          {"rows_written", progress.rows_written.load()},
          {"bytes_read", progress.bytes_read.load()}};
}

// Tells the parent how far the task is, a few times a second while something changes.
class ProgressReporter {
 public:
  ProgressReporter(TaskLink& link, const flow::PumpProgress& progress) : link_(link), progress_(progress) {
    thread_ = std::thread([this] { report_while_running(); });
  }
  ~ProgressReporter() {
    {
      const std::lock_guard lock(mutex_);
      done_ = true;
    }
    changed_.notify_all();
    thread_.join();
    (void)link_.send(progress_message(progress_));
  }
  ProgressReporter(const ProgressReporter&) = delete;
  ProgressReporter& operator=(const ProgressReporter&) = delete;

 private:
  void report_while_running() {
    constexpr std::chrono::milliseconds kInterval{150};
    auto last = progress_message(progress_);
    std::unique_lock lock(mutex_);
    while (!changed_.wait_for(lock, kInterval, [&] { return done_; })) {
      auto now = progress_message(progress_);
      if (now == last) continue;
      if (!link_.send(now).ok()) return;
      last = std::move(now);
    }
  }

  TaskLink& link_;
  const flow::PumpProgress& progress_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  std::thread thread_;
};

class ChildContext final : public TaskContext {
 public:
  ChildContext(WorkOrder order, const flow::Registry& registry, TaskLink& link, std::stop_token stop)
      : order_(std::move(order)), registry_(registry), link_(link), log_(link, redactor_), stop_(std::move(stop)) {
    for (const auto& [name, connection] : order_.connections) add_secrets(connection);
  }

  const WorkOrder& order() const override { return order_; }
  const flow::Registry& registry() const override { return registry_; }
  Log& log() override { return log_; }
  flow::PumpProgress& progress() override { return progress_; }
  std::stop_token stop() const override { return stop_; }
  std::unique_ptr<flow::Journal> journal(std::string_view stream) override {
    return std::make_unique<LinkedJournal>(link_, std::string{stream});
  }
  Result<void> report(const ledger::CheckResult& check) override {
    auto message = to_json(check);
    message["type"] = "check";
    WEIR_TRY(link_.call(message));
    return {};
  }
  Result<void> report_part(const ledger::Attempt& part) override {
    auto message = part_to_json(part);
    message["type"] = "part";
    WEIR_TRY(link_.call(message));
    return {};
  }
  const Redactor& redactor() const { return redactor_; }

 private:
  void add_secrets(const flow::Connection& connection) {
    const auto* connector = registry_.find(connection.type);
    if (connector != nullptr) add_secrets(connector->settings, connection.settings.values());
  }

  // Secrets may stand within groups, lists and maps.
  void add_secrets(const std::vector<Setting>& settings, const Json& values) {
    for (const auto& setting : settings) {
      const auto value = values.find(setting.name);
      if (value != values.end()) add_secrets(setting, *value);
    }
  }

  void add_secrets(const Setting& setting, const Json& value) {
    if (setting.secrecy == Secrecy::Secret && value.is_string()) redactor_.add(Secret{value.get<std::string>()});
    if (setting.type == SettingType::Group && value.is_object()) add_secrets(setting.fields, value);
    if ((setting.type == SettingType::List || setting.type == SettingType::Map) && !setting.fields.empty() &&
        value.is_structured()) {
      for (const auto& entry : value) add_secrets(setting.fields.front(), entry);
    }
  }

  WorkOrder order_;
  const flow::Registry& registry_;
  TaskLink& link_;
  Redactor redactor_;
  LinkedLog log_;
  flow::PumpProgress progress_;
  std::stop_token stop_;
};

// The last catch: whatever escapes a task kind is a bug of ours, recorded like any other failure.
Result<Json> run_kind(const TaskKind& kind, TaskContext& context) {
  try {
    return kind.run(context);
  } catch (const std::bad_alloc&) {
    return Error::system(Code::ResourceExhausted, "out of memory");
  } catch (const std::exception& error) {
    return Error::bug("unexpected exception: {}", error.what());
  }
}

std::uint64_t memory_bytes_max() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

Result<void> work(TaskLink& link, const flow::Registry& registry, std::stop_token stop) {
  auto order = WEIR_TRY(WorkOrder::from_json(WEIR_TRY(link.receive_work())));
  const auto* kind = find_task_kind(order.kind);
  if (kind == nullptr) return Error::bug("unknown task kind: {}", order.kind);
  // What the task's programs start is found by it when all that started them is gone.
  ::setenv(kTaskMark, task_mark(order.project_folder / ".weir", order.run, order.step, order.attempt).c_str(), 1);
  ChildContext context{std::move(order), registry, link, std::move(stop)};
  const auto outcome = [&] {
    const ProgressReporter reporter{link, context.progress()};
    return run_kind(*kind, context);
  }();
  if (outcome.ok()) {
    return link.send({{"type", "done"}, {"output", *outcome}, {"memory_bytes_max", memory_bytes_max()}});
  }
  auto error = to_json(outcome.error());
  for (const auto* key : {"message", "hint"}) {
    if (error.contains(key)) error[key] = context.redactor().redact(error[key].get<std::string>());
  }
  return link.send({{"type", "failed"}, {"error", std::move(error)}, {"memory_bytes_max", memory_bytes_max()}});
}

}  // namespace

int run_task_child(const flow::Registry& registry) {
  std::signal(SIGPIPE, SIG_IGN);
  const StopOnSignal stop;
  TaskLink link{services::Channel{Descriptor{kTaskChannelFd}}};
  const auto worked = work(link, registry, stop.token());
  if (worked.ok()) return 0;
  std::fprintf(stderr, "weir task: %s\n", worked.error().text().c_str());
  (void)link.send({{"type", "failed"}, {"error", to_json(worked.error())}});
  return 1;
}

int serve_task_children(const flow::Registry& registry) {
  // What every child needs is made once, here.
  static_cast<void>(task_kinds());
  if (services::serve_forks() == services::ForkSide::ServerEnded) return 0;
  const int code = run_task_child(registry);
  // All is said. Taking the program apart costs more than many a task.
  std::fflush(nullptr);
  ::_exit(code);
}

}  // namespace weir::engine
