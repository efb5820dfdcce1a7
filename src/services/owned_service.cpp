#include <unistd.h>

#include <algorithm>

#include "services/endpoint.hpp"
#include "services/managed_service.hpp"

namespace weir::services {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds kOtherStartTimeMax{600};  // another process makes or recovers the database
constexpr seconds kOtherAnswerTimeMax{15};  // another process restarts what has died
constexpr seconds kStopGrace{60};
constexpr milliseconds kRestartPauseMin{500};
constexpr milliseconds kRestartPauseMax{30'000};
constexpr seconds kHealthyAfter{60};  // a service that has run this long starts with a clean slate

Result<StartedService> start_service(const StartRequest& request) {
  return request.spec.kind == ServiceKind::Postgres ? start_postgres(request) : start_warehouse(request);
}

}  // namespace

OwnedService::OwnedService(ServiceSpec spec, Log& log) : spec_(std::move(spec)), paths_(spec_), log_(log) {}

OwnedService::~OwnedService() {
  if (is_ours()) (void)stop();
}

std::unique_lock<StoppableMutex> OwnedService::enter(const std::stop_token& stop) {
  if (!mutex_.lock_unless(stop)) return {};
  return {mutex_, std::adopt_lock};
}

Result<ServiceAddress> OwnedService::ensure(std::stop_token stop) {
  WEIR_TRY(make_folder(paths_.folder));
  const StopEvent stopped{stop};
  const auto began = steady_clock::now();
  auto pause = milliseconds{5};
  for (;;) {
    {
      const std::lock_guard watching{watching_};
      const auto guard = enter(stop);
      if (!guard) return Error::cancelled();
      const bool ours = static_cast<bool>(lock_);
      if (!ours) {
        if (auto claimed = WEIR_TRY(claim(paths_.lock))) lock_ = std::move(*claimed);
      }
      if (lock_) {
        if (is_running()) return record_.address;
        if (!ours) record_ = read_record(paths_);
        auto address = start(stop);
        if (!address.ok() && !ours) give_up(ServiceState::Failed, address.error().text());
        if (address.ok() && !watcher_.joinable()) {
          watcher_ = std::jthread{[this](std::stop_token token) { watch(std::move(token)); }};
        }
        return address;
      }
    }

    // Somebody else owns it, or is about to: the record says when it answers.
    const auto record = read_record(paths_);
    if (record.answers(spec_.kind)) return record.address;
    if (record.state == ServiceState::Failed && is_alive(record.owner)) {
      return Error::system(Code::Unavailable, "service {} fails at its owner, process {}: {}", spec_.name,
                           record.owner.pid, record.detail);
    }
    const auto patience = record.state == ServiceState::Starting ? kOtherStartTimeMax : kOtherAnswerTimeMax;
    if (steady_clock::now() - began > patience) {
      return Error::system(Code::TimedOut, "service {} does not answer; it belongs to process {}", spec_.name,
                           record.owner.pid)
          .hint(fmt::format("stop that process, then retry; the service's log is {}", paths_.log.string()));
    }
    if (stopped.wait(pause)) return Error::cancelled();
    pause = std::min(pause * 2, milliseconds{100});
  }
}

Result<ServiceAddress> OwnedService::start(std::stop_token stop) {
  started_.reset();
  const auto previous = record_;
  record_.owner = identify(::getpid());
  report(ServiceState::Starting, "");
  auto started = start_service({spec_, paths_, previous, log_, std::move(stop)});
  if (!started.ok()) {
    report(ServiceState::Failed, started.error().text());
    return std::move(started).error();
  }
  started_.emplace(std::move(started).value());
  record_.process = identify(started_->process.pid());
  record_.address = started_->address;
  record_.data_folder = started_->data_folder;
  record_.version = started_->version;
  report(ServiceState::Running, "");
  return record_.address;
}

bool OwnedService::is_running() {
  if (!started_ || started_->process.wait(milliseconds{0})) return false;
  if (accepts_connections(spec_.kind, record_.address)) return true;
  log_.warn("service {} takes no connections at {}: starting it again", spec_.name,
            socket_file(spec_.kind, record_.address).string());
  started_->process.stop(kStopGrace, stop_signal(spec_.kind));
  return false;
}

void OwnedService::report(ServiceState state, std::string detail) {
  record_.state = state;
  record_.detail = std::move(detail);
  // Without it others cannot share the service, and we still can use it.
  if (auto written = write_record(paths_, spec_, record_); !written.ok()) {
    log_.warn("service {}: {}", spec_.name, written.error().text());
  }
}

void OwnedService::give_up(ServiceState state, std::string detail) {
  started_.reset();
  record_.process = {};
  report(state, std::move(detail));
  lock_.reset();
}

void OwnedService::watch(std::stop_token stop) {
  const StopEvent stopped{stop};
  milliseconds pause{0};
  for (;;) {
    Descriptor ended;
    {
      const auto guard = enter(stop);
      if (!guard) return;
      if (started_) ended = open_process(record_.process);
    }
    if (ended) {
      const auto began = steady_clock::now();
      if (wait_readable({stopped.descriptor(), ended.get()}, kForever) != 1U) {
        if (stop.stop_requested()) return;
        continue;
      }
      if (steady_clock::now() - began > kHealthyAfter) pause = milliseconds{0};
    }
    if (stopped.wait(pause)) return;

    const auto guard = enter(stop);
    if (!guard) return;
    const auto exit = started_ ? started_->process.wait(milliseconds{0}) : std::nullopt;
    if (started_ && !exit) continue;  // ensure() was faster
    if (exit) log_.warn("service {} has ended ({}): starting it again", spec_.name, exit->text());
    if (auto again = start(stop); !again.ok() && !stop.stop_requested()) {
      log_.warn("service {} does not start again: {}", spec_.name, again.error().text());
    }
    pause = std::clamp(pause * 2, kRestartPauseMin, kRestartPauseMax);
  }
}

Result<void> OwnedService::stop() {
  const std::lock_guard watching{watching_};
  watcher_ = {};  // asks it to end and waits
  const std::lock_guard guard{mutex_};
  if (!lock_) return stop_from_outside(spec_);
  if (started_) started_->process.stop(kStopGrace, stop_signal(spec_.kind));
  // Goes when it is empty: one in /tmp would stay behind when the project is removed.
  std::error_code ignored;
  std::filesystem::remove(socket_file(spec_.kind, record_.address).parent_path(), ignored);
  give_up(ServiceState::Stopped, "");
  return {};
}

ServiceStatus OwnedService::status() { return recorded_status(spec_); }

bool OwnedService::is_ours() {
  const std::lock_guard guard{mutex_};
  return static_cast<bool>(lock_);
}

std::vector<Descriptor> OwnedService::others() {
  std::vector<Descriptor> found;
  if (is_ours()) return found;
  const auto record = read_record(paths_);
  found.push_back(open_process(record.owner));
  found.push_back(open_process(record.process));
  return found;
}

}  // namespace weir::services
