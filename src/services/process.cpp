#include "services/process.hpp"

#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "services/process_state.hpp"
#include "services/spawn.hpp"

namespace weir::services {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Through the pidfd, which never means another process that got the same number.
void Process::State::signal(int number) {
  learn();
  if (pidfd) ::syscall(SYS_pidfd_send_signal, pidfd.get(), number, nullptr, 0);
}

bool Process::State::ended_within(milliseconds timeout) {
  learn();
  const auto deadline = steady_clock::now() + timeout;
  for (;;) {
    // A fork server's child has ended when the server says so, or is gone itself.
    pollfd waiting{status ? status.get() : pidfd.get(), POLLIN, 0};
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now()).count();
    const int ready = ::poll(&waiting, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 1'000'000'000)));
    if (ready > 0) return true;
    if (ready == 0) return false;
    WEIR_CHECK(errno == EINTR);
  }
}

ExitStatus Process::State::reap() {
  const std::lock_guard guard{reaping};
  if (exit) return *exit;
  int wait_status = 0;
  long memory_kilobytes_max = 0;
  if (status) {
    ForkEnded ended{SIGKILL, 0};  // what a server that is gone has taken along
    ssize_t got = 0;
    do {
      got = ::recv(status.get(), &ended, sizeof ended, 0);
    } while (got < 0 && errno == EINTR);
    if (got != sizeof ended) ended = {SIGKILL, 0};
    wait_status = ended.wait_status;
    memory_kilobytes_max = ended.memory_kilobytes_max;
  } else {
    rusage usage{};
    pid_t got = 0;
    do {
      got = ::wait4(pid, &wait_status, 0, &usage);
    } while (got < 0 && errno == EINTR);
    WEIR_CHECK(got == pid);
    memory_kilobytes_max = usage.ru_maxrss;
  }
  ExitStatus result;
  if (WIFSIGNALED(wait_status)) {
    result.signal = WTERMSIG(wait_status);
  } else {
    result.code = WEXITSTATUS(wait_status);
  }
  result.memory_bytes_max = static_cast<std::uint64_t>(memory_kilobytes_max) * 1024;
  exit = result;
  return result;
}

void Process::State::kill_group() {
  const std::lock_guard guard{reaping};
  if (!exit && !status && session == ProcessSpec::Session::Own) ::kill(-pid, SIGKILL);
}

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

pid_t Process::pid() const {
  state_->learn();
  return state_->pid;
}
int Process::descriptor() const {
  state_->learn();
  return state_->pidfd.get();
}
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
