#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.hpp"
#include "base/result.hpp"

namespace weir::services {

struct ProcessSpec {
  std::filesystem::path program;       // without a slash it is looked for in PATH; a relative one from `folder`
  std::vector<std::string> arguments;  // without argv[0]; never secrets: every user of the machine sees them
  std::map<std::string, std::string> environment;  // added to ours
  std::filesystem::path folder;                    // "" is ours
  std::string user;                                // runs as this user (needs root); "" is ours
  // Standard input is /dev/null, unless `inherited` maps a descriptor to 0.
  int stdout_fd = -1;  // -1: /dev/null; not taken over
  int stderr_fd = -1;
  std::vector<std::pair<int, int>> inherited;  // (our descriptor, its number in the child); all others are closed
  enum class Session { Ours, Own } session = Session::Own;  // Own: Ctrl-C on our terminal does not reach it
  // The signal that the child gets when this process dies (PR_SET_PDEATHSIG); 0: it lives on.
  int signal_on_parent_death = 9;
};

struct ExitStatus {
  int code = 0;    // when it exited by itself
  int signal = 0;  // when a signal ended it
  // Its peak resident memory. Never less than what we ourselves used when it was spawned: Linux counts the moment
  // before exec too.
  std::uint64_t memory_bytes_max = 0;
  bool ok() const { return code == 0 && signal == 0; }
  // "exit code 3", "killed by signal 9 (Killed)".
  std::string text() const;
};

// A child process. Destroying one that still runs kills it and waits. Spawning is done by one thread of its own that
// lives as long as the program, since PR_SET_PDEATHSIG fires when the spawning *thread* ends. signal(), wait() and
// stop() may be called from any thread.
class Process {
 public:
  // Returns once the program runs; a program that cannot be executed is an error that names it.
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
  // The gentle signal, then SIGKILL after the grace period. With a session of its own, what is left of its process
  // group is killed too.
  ExitStatus stop(std::chrono::milliseconds grace, int gentle_signal);
  // Lets the process run on by itself: it is not ours any more.
  void release();

 private:
  friend class ForkServer;
  struct State;
  explicit Process(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Length-prefixed messages over a socket pair: how a task child and its parent talk. A message is a 4-byte
// little-endian length and that many bytes. Sending is thread-safe; one thread receives.
class Channel {
 public:
  // Longer messages are refused on both sides: a length that is larger comes from a broken or foreign writer.
  static constexpr std::size_t kMessageBytesMax = std::size_t{64} << 20;

  static Result<std::pair<Channel, Descriptor>> make_pair();  // ours, and the child's end to inherit
  explicit Channel(Descriptor socket);
  Channel(Channel&&) noexcept;
  Channel& operator=(Channel&&) noexcept;
  ~Channel();

  Result<void> send(std::string_view message);
  // Nothing at the end: the other side has closed or died.
  Result<std::optional<std::string>> receive();
  // Without waiting: the messages that have arrived whole, and whether the other side has closed. Not to be mixed with
  // receive().
  struct Arrived {
    std::vector<std::string> messages;
    bool ended = false;
  };
  Result<Arrived> receive_arrived();
  int descriptor() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir::services
