#include "services/process.hpp"

#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>

#include "services/spawn.hpp"

namespace weir::services {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

struct Process::State {
  pid_t pid = 0;
  Descriptor pidfd;
  ProcessSpec::Session session = ProcessSpec::Session::Own;
  std::mutex reaping;
  std::optional<ExitStatus> exit;  // guarded by reaping

  // Through the pidfd, which never means another process that got the same number.
  void signal(int number) const { ::syscall(SYS_pidfd_send_signal, pidfd.get(), number, nullptr, 0); }

  bool ended_within(milliseconds timeout) const {
    const auto deadline = steady_clock::now() + timeout;
    for (;;) {
      pollfd waiting{pidfd.get(), POLLIN, 0};
      const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now()).count();
      const int ready = ::poll(&waiting, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 1'000'000'000)));
      if (ready > 0) return true;
      if (ready == 0) return false;
      WEIR_CHECK(errno == EINTR);
    }
  }

  ExitStatus reap() {
    const std::lock_guard guard{reaping};
    if (exit) return *exit;
    int status = 0;
    rusage usage{};
    pid_t got = 0;
    do {
      got = ::wait4(pid, &status, 0, &usage);
    } while (got < 0 && errno == EINTR);
    WEIR_CHECK(got == pid);
    ExitStatus result;
    if (WIFSIGNALED(status)) {
      result.signal = WTERMSIG(status);
    } else {
      result.code = WEXITSTATUS(status);
    }
    result.memory_bytes_max = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
    exit = result;
    return result;
  }

  // Before it is reaped, while its number cannot have become another group's.
  void kill_group() {
    const std::lock_guard guard{reaping};
    if (!exit && session == ProcessSpec::Session::Own) ::kill(-pid, SIGKILL);
  }
};

std::string ExitStatus::text() const {
  if (signal != 0) return fmt::format("killed by signal {} ({})", signal, ::strsignal(signal));
  return fmt::format("exit code {}", code);
}

Result<Process> Process::spawn(const ProcessSpec& spec) {
  auto spawned = WEIR_TRY(spawn_program(spec));
  auto state = std::make_unique<State>();
  state->pid = spawned.pid;
  state->pidfd = std::move(spawned.pidfd);
  state->session = spec.session;
  return Process{std::move(state)};
}

Process::Process(std::unique_ptr<State> state) : state_(std::move(state)) {}
Process::Process(Process&&) noexcept = default;

Process& Process::operator=(Process&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

Process::~Process() {
  if (state_) stop(milliseconds{0}, SIGKILL);
}

pid_t Process::pid() const { return state_->pid; }
int Process::descriptor() const { return state_->pidfd.get(); }
void Process::release() { state_.reset(); }
void Process::signal(int number) { state_->signal(number); }

std::optional<ExitStatus> Process::wait(milliseconds timeout) {
  if (!state_->ended_within(timeout)) return std::nullopt;
  return state_->reap();
}

ExitStatus Process::wait() {
  while (!state_->ended_within(milliseconds{1'000'000'000})) {
  }
  return state_->reap();
}

ExitStatus Process::stop(milliseconds grace, int gentle_signal) {
  if (!state_->ended_within(milliseconds{0})) {
    state_->signal(gentle_signal);
    if (!state_->ended_within(grace)) state_->signal(SIGKILL);
  }
  while (!state_->ended_within(milliseconds{1'000'000'000})) {
  }
  state_->kill_group();
  return state_->reap();
}

}  // namespace weir::services
