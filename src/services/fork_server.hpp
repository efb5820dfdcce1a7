#pragma once

#include <memory>
#include <mutex>

#include "base/file.hpp"
#include "services/process.hpp"

namespace weir::services {

// Starts processes by forking one that is loaded already: a millisecond instead of what the dynamic loader takes for a
// large program. The server is a process of the program itself that stands still before it has started any thread. Its
// children are processes like others: each has a session of its own, is told apart by its pidfd, and dies with the
// server, which dies with us. Thread-safe.
class ForkServer {
 public:
  // Where both the server and its children find their socket.
  static constexpr int kSocketFd = 3;

  // Runs the program of `spec`, whose body must call serve_forks(); the control socket becomes its descriptor kSocketFd.
  static Result<std::unique_ptr<ForkServer>> start(ProcessSpec spec);

  // A child with `socket` as its descriptor kSocketFd and `output` as its standard output and error; both stay ours too.
  // Unavailable when the server is gone.
  Result<Process> fork(int socket, int output);

 private:
  ForkServer(Process server, Descriptor control) : server_(std::move(server)), control_(std::move(control)) {}

  Process server_;
  std::mutex sending_;
  Descriptor control_;
};

enum class ForkSide { Child, ServerEnded };

// The body of a fork server: forks at each request and reports how its children end. Returns in each child, and in the
// server when its owner has closed the control socket. No thread may have been started before.
ForkSide serve_forks();

}  // namespace weir::services
