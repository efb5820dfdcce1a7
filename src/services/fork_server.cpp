#include "services/fork_server.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <map>
#include <span>

#include "services/process_state.hpp"

namespace weir::services {
namespace {

// What a request hands over, in this order: the child's socket, its output, its status socket.
constexpr std::size_t kHandedOver = 3;

bool send_with(int socket, std::span<const char> bytes, std::span<const int> descriptors) {
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};  // NOLINT: sendmsg only reads
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kHandedOver)> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    auto* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
  }
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(bytes.size());
}

// The number of descriptors received; -1 at the end of the other side.
int receive_with(int socket, std::span<char> bytes, std::span<int> descriptors) {
  iovec part{bytes.data(), bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kHandedOver)> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t got = 0;
  do {
    got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got != static_cast<ssize_t>(bytes.size())) return -1;
  const auto* const header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS) return 0;
  const auto count = std::min((header->cmsg_len - CMSG_LEN(0)) / sizeof(int), descriptors.size());
  std::memcpy(descriptors.data(), CMSG_DATA(header), count * sizeof(int));
  return static_cast<int>(count);
}

Result<std::pair<Descriptor, Descriptor>> message_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return Error::from_errno(errno, "making a socket pair");
  return std::pair{Descriptor{ends[0]}, Descriptor{ends[1]}};
}

template <typename T>
std::span<const char> bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

// The child's first steps. It has a copy of the server's memory and no other thread.
void become_child(pid_t server, std::span<const int> handed_over) {
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::setsid();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (::getppid() != server) ::_exit(127);
  ::dup2(handed_over[0], ForkServer::kSocketFd);
  ::dup2(handed_over[1], STDOUT_FILENO);
  ::dup2(handed_over[1], STDERR_FILENO);
  ::syscall(SYS_close_range, ForkServer::kSocketFd + 1, ~0U, 0);
}

// The server's side: the children that it has forked and not yet reaped, each with its status socket.
class Server {
 public:
  ForkSide run() {
    sigset_t child_signal;
    ::sigemptyset(&child_signal);
    ::sigaddset(&child_signal, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &child_signal, nullptr);
    signals_.reset(::signalfd(-1, &child_signal, SFD_CLOEXEC | SFD_NONBLOCK));
    for (;;) {
      std::array<pollfd, 2> waiting{{{ForkServer::kSocketFd, POLLIN, 0}, {signals_.get(), POLLIN, 0}}};
      if (::poll(waiting.data(), waiting.size(), -1) < 0) continue;
      if (waiting[1].revents != 0) reap_all();
      if (waiting[0].revents == 0) continue;
      switch (serve_one()) {
        case Served::Child: return ForkSide::Child;
        case Served::End: return ForkSide::ServerEnded;
        case Served::Server: break;
      }
    }
  }

 private:
  enum class Served { Server, Child, End };

  Served serve_one() {
    char request = 0;
    std::array<int, kHandedOver> handed_over{};
    const int count = receive_with(ForkServer::kSocketFd, {&request, 1}, handed_over);
    if (count < 0) return Served::End;
    std::array<Descriptor, kHandedOver> owned;
    for (int i = 0; i < count; ++i) owned[static_cast<std::size_t>(i)].reset(handed_over[static_cast<std::size_t>(i)]);
    if (count != static_cast<int>(kHandedOver)) return Served::Server;
    const auto server = ::getpid();
    const auto pid = ::fork();
    if (pid == 0) {
      children_.clear();
      signals_.reset();
      // They may stand where the child's own will be placed.
      std::array<int, 2> parked{::fcntl(handed_over[0], F_DUPFD_CLOEXEC, 16),
                                ::fcntl(handed_over[1], F_DUPFD_CLOEXEC, 16)};
      owned = {};
      become_child(server, parked);
      return Served::Child;
    }
    // Without a first message the owner takes the closed status socket for a child that was killed at once.
    if (pid < 0) return Served::Server;
    const Descriptor pidfd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
    const int attached = pidfd.get();
    send_with(owned[2].get(), bytes_of(ForkStarted{pid}), {&attached, 1});
    children_.emplace(pid, std::move(owned[2]));
    return Served::Server;
  }

  void reap_all() {
    signalfd_siginfo ignored{};
    while (::read(signals_.get(), &ignored, sizeof ignored) > 0) {
    }
    for (;;) {
      int status = 0;
      rusage usage{};
      const auto pid = ::wait4(-1, &status, WNOHANG, &usage);
      if (pid <= 0) return;
      const auto found = children_.find(pid);
      if (found == children_.end()) continue;
      send_with(found->second.get(), bytes_of(ForkEnded{status, usage.ru_maxrss}), {});
      children_.erase(found);
    }
  }

  Descriptor signals_;
  std::map<pid_t, Descriptor> children_;
};

}  // namespace

Result<std::unique_ptr<ForkServer>> ForkServer::start(ProcessSpec spec) {
  auto [ours, theirs] = WEIR_TRY(message_pair());
  spec.inherited = {{theirs.get(), kSocketFd}};
  auto server = WEIR_TRY(Process::spawn(spec));
  return std::unique_ptr<ForkServer>(new ForkServer(std::move(server), std::move(ours)));
}

Result<Process> ForkServer::fork(int socket, int output) {
  auto [ours, theirs] = WEIR_TRY(message_pair());
  const char request = 1;
  const std::array<int, kHandedOver> handed_over{socket, output, theirs.get()};
  const std::lock_guard guard(sending_);
  if (!send_with(control_.get(), {&request, 1}, handed_over)) {
    return Error::system(Code::Unavailable, "the process that starts others is gone: {}", std::strerror(errno));
  }
  auto state = std::make_unique<Process::State>();
  state->status = std::move(ours);
  state->known = false;
  return Process{std::move(state)};
}

void Process::State::learn() {
  const std::lock_guard guard{learning};
  if (known) return;
  known = true;
  ForkStarted started;
  int attached = -1;
  const auto count = receive_with(status.get(), {reinterpret_cast<char*>(&started), sizeof started}, {&attached, 1});
  if (count != 1) return;
  pid = started.pid;
  pidfd.reset(attached);
}

ForkSide serve_forks() { return Server{}.run(); }

}  // namespace weir::services
