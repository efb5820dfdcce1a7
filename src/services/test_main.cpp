// The main of this folder's test programs. Beside running the tests it can be the processes that the tests need: these
// are started from the tests as this very program with a verb.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "services/fork_server.hpp"
#include "services/keeper.hpp"
#include "services/process.hpp"
#include "services/record.hpp"

namespace weir::services {
namespace {

std::string argument_after(const std::vector<std::string>& arguments, std::string_view key) {
  for (std::size_t i = 0; i + 1 < arguments.size(); ++i) {
    if (arguments[i] == key) return arguments[i + 1];
  }
  return "";
}

// Stands in for `weir warehouse`: keeps its promises (arguments, the held folder's exit code, the ready line, the socket,
// an orderly end at SIGTERM) and no database. A file `behaviour` in its data folder makes it misbehave.
int stand_in_warehouse(const std::vector<std::string>& arguments) {
  sigset_t term;
  ::sigemptyset(&term);
  ::sigaddset(&term, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &term, nullptr);

  const auto data = std::filesystem::path{argument_after(arguments, "--data")};
  const int held = ::open((data / "held").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (::flock(held, LOCK_EX | LOCK_NB) != 0) {
    fmt::print(stderr, "another process holds the data\n");
    return 3;
  }
  const auto behaviour = read_file(data / "behaviour");
  if (behaviour.ok() && *behaviour == "fail") {
    fmt::print(stderr, "the disk is on fire\n");
    return 1;
  }
  if (behaviour.ok() && *behaviour == "silent") ::pause();
  if (!read_file(argument_after(arguments, "--password-file")).ok()) return 1;

  const auto path = argument_after(arguments, "--socket");
  ::unlink(path.c_str());
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || ::listen(listener, 1000) != 0)
    return 1;
  const auto line = fmt::format("{{\"port\":{},\"socket\":\"{}\",\"pid\":{},\"version\":\"0.0\"}}\n",
                                std::max(std::stoi(argument_after(arguments, "--port")), 1), path, ::getpid());
  const int ready = std::stoi(argument_after(arguments, "--ready-fd"));
  if (!write_all(ready, line, "").ok()) return 1;
  ::close(ready);
  int signal_number = 0;
  ::sigwait(&term, &signal_number);
  ::unlink(path.c_str());
  return 0;
}

// A Weir that owns a service until it is killed; it prints the address as one line of JSON when the service answers.
int own(const std::string& kind, const std::string& name, const std::string& state_folder) {
  ServiceSpec spec;
  spec.kind = kind == "postgres" ? ServiceKind::Postgres : ServiceKind::Warehouse;
  spec.name = name;
  spec.state_folder = state_folder;
  spec.weir_binary = std::filesystem::canonical("/proc/self/exe");
  const auto supervisor = Supervisor::create({spec}, Supervisor::Lifetime::WithSupervisor, silent_log());
  const auto address = supervisor->ensure(name, {});
  if (!address.ok()) {
    fmt::print("{}\n", address.error().explain());
    return 1;
  }
  (void)write_all(STDOUT_FILENO, to_text(to_json(*address)) + "\n", "");
  ::pause();
  return 0;
}

// Starts a child, prints its pid and waits for it.
int parent_of_sleep() {
  ProcessSpec spec;
  spec.program = "sleep";
  spec.arguments = {"60"};
  auto child = Process::spawn(spec);
  if (!child.ok()) return 1;
  (void)write_all(STDOUT_FILENO, fmt::format("{}\n", child->pid()), "");
  child->wait();
  return 0;
}

// A fork server whose children do what the first message over their socket says.
int fork_server() {
  if (serve_forks() == ForkSide::ServerEnded) return 0;
  Channel channel{Descriptor{ForkServer::kSocketFd}};
  const auto order = channel.receive();
  if (!order.ok() || !*order) return 9;
  const std::string text = **order;
  if (text == "abort") ::abort();
  if (text == "wait") ::pause();
  if (text.starts_with("exit ")) return std::stoi(text.substr(5));
  if (text.starts_with("print ")) fmt::print("{}", text.substr(6));
  if (text == "who") (void)channel.send(fmt::format("{} {} {}", ::getpid(), ::getppid(), ::getsid(0)));
  return 0;
}

}  // namespace
}  // namespace weir::services

int main(int argument_count, char** texts) {
  const std::vector<std::string> arguments{texts + 1, texts + argument_count};
  const auto verb = arguments.empty() ? "" : arguments[0];
  if (verb == "warehouse") return weir::services::stand_in_warehouse(arguments);
  if (verb == "services") return weir::services::keep_service(weir::services::kKeeperDescriptor);
  if (verb == "own") return weir::services::own(arguments.at(1), arguments.at(2), arguments.at(3));
  if (verb == "fork-server") return weir::services::fork_server();
  if (verb == "parent-of-sleep") return weir::services::parent_of_sleep();
  testing::InitGoogleTest(&argument_count, texts);
  return RUN_ALL_TESTS();
}
