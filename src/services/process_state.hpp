#pragma once

#include <mutex>

#include "services/process.hpp"

// What stands behind a Process: a child of ours, or one of a fork server, which tells how it ended.
namespace weir::services {

// A fork server's two messages about a child, each over the child's status socket: that it runs (with its pidfd attached),
// and how it ended.
struct ForkStarted {
  pid_t pid = 0;
};
struct ForkEnded {
  int wait_status = 0;
  long memory_kilobytes_max = 0;
};

struct Process::State {
  pid_t pid = 0;
  Descriptor pidfd;
  ProcessSpec::Session session = ProcessSpec::Session::Own;
  Descriptor status;  // of a fork server's child; none for our own
  std::mutex learning;
  bool known = true;  // guarded by learning: pid and pidfd have arrived
  std::mutex reaping;
  std::optional<ExitStatus> exit;  // guarded by reaping

  // Takes the fork server's first message.
  void learn();
  void signal(int number);
  bool ended_within(std::chrono::milliseconds timeout);
  ExitStatus reap();
  // Before it is reaped, while its number cannot have become another group's.
  void kill_group();
};

}  // namespace weir::services
