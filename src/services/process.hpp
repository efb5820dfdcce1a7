#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "base/result.hpp"

namespace weir::services {

struct ProcessSpec {
  std::filesystem::path program;
  std::vector<std::string> arguments;            // without argv[0]; never secrets: every user of the machine sees them
  std::map<std::string, std::string> environment;  // added to ours
  std::filesystem::path folder;                  // "" is ours
  std::string user;                              // runs as this user (needs root); "" is ours
  int stdout_fd = -1;                            // -1: /dev/null; not taken over
  int stderr_fd = -1;
  std::vector<std::pair<int, int>> inherited;    // (our descriptor, its number in the child)
  enum class Session { Ours, Own } session = Session::Own;  // Own: Ctrl-C on our terminal does not reach it
  // The signal that the child gets when this process dies (PR_SET_PDEATHSIG); 0: it lives on.
  int signal_on_parent_death = 9;
};

struct ExitStatus {
  int code = 0;    // when it exited by itself
  int signal = 0;  // when a signal ended it
  std::uint64_t memory_bytes_max = 0;  // its peak resident memory
  bool ok() const { return code == 0 && signal == 0; }
  // "exit code 3", "killed by signal 9 (Killed)".
  std::string text() const;
};

// A child process. Destroying one that still runs kills it and waits. Spawning is done by one thread of its own that
// lives as long as the program, since PR_SET_PDEATHSIG fires when the spawning *thread* ends.
class Process {
 public:
  static Result<Process> spawn(const ProcessSpec& spec);
  Process(Process&&) noexcept;
  Process& operator=(Process&&) noexcept;
  ~Process();

  pid_t pid() const;
  // Readable when the process has ended (a pidfd): for poll().
  int descriptor() const;
  void signal(int number);
  // Nothing when it still runs after the timeout.
  std::optional<ExitStatus> wait(std::chrono::milliseconds timeout);
  ExitStatus wait();
  // SIGTERM, then SIGKILL after the grace period.
  ExitStatus stop(std::chrono::milliseconds grace, int gentle_signal);

 private:
  struct State;
  explicit Process(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Length-prefixed messages over a socket pair: how a task child and its parent talk. A message is a 4-byte little-endian
// length and that many bytes. Sending is thread-safe; one thread receives.
class Channel {
 public:
  static Result<std::pair<Channel, Descriptor>> make_pair();  // ours, and the child's end to inherit
  explicit Channel(Descriptor socket);
  Channel(Channel&&) noexcept;
  ~Channel();

  Result<void> send(std::string_view message);
  // Nothing at the end: the other side has closed or died.
  Result<std::optional<std::string>> receive();
  int descriptor() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir::services
