#include "services/spawn.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <thread>

#include "services/user.hpp"

namespace weir::services {
namespace {

struct Credentials {
  uid_t user = 0;
  gid_t group = 0;
  std::vector<gid_t> groups;
};

struct Mapping {
  int source;
  int target;
  int parked = -1;  // where the child keeps the source while targets are being replaced
};

// What a step of the child failed at; it travels to us through a pipe that a successful exec closes.
enum class Step { Descriptors, Session, User, Folder, DeathSignal, Program };
struct Failure {
  Step step;
  int error_number;
};

// Everything that the child needs, made before it exists: it shares our memory and may not allocate.
struct Image {
  std::string program;
  std::vector<std::string> texts;
  std::vector<char*> arguments;
  std::vector<char*> environment;
  std::string folder;
  std::optional<Credentials> credentials;
  std::vector<Mapping> mappings;
  int parking_start = 3;  // above every target
  bool own_session = true;
  int death_signal = 0;
  pid_t parent = 0;
  Descriptor null;
  Descriptor report;
};

// The kernel's struct sigaction, all zero: the default action, no flags, an empty mask.
struct KernelDefaultAction {
  unsigned long words[4] = {0, 0, 0, 0};
};

#define WEIR_UNINSTRUMENTED __attribute__((noinline, no_sanitize("address", "thread", "undefined")))

WEIR_UNINSTRUMENTED long fail(const Image& image, Step step) {
  const Failure failure{step, errno};
  ::syscall(SYS_write, image.report.get(), &failure, sizeof failure);
  return ::syscall(SYS_exit_group, 127);
}

// Runs in the child between clone and exec, in our memory and beside our other threads, so it uses raw system calls
// only: libc's setuid would change the user of our threads too, and libc's sigaction may be a sanitizer's.
WEIR_UNINSTRUMENTED int become_program(void* argument) {
  auto& image = *static_cast<Image*>(argument);
  const KernelDefaultAction default_action;
  constexpr std::size_t kMaskBytes = 8;
  for (int number = 1; number <= 64; ++number) {
    ::syscall(SYS_rt_sigaction, number, &default_action, nullptr, kMaskBytes);
  }

  auto* const mappings = image.mappings.data();
  const std::size_t count = image.mappings.size();
  // Parked first and placed afterwards, so that no target overwrites a source that is still to be placed.
  for (std::size_t i = 0; i < count; ++i) {
    const long parked = ::syscall(SYS_fcntl, mappings[i].source, F_DUPFD_CLOEXEC, image.parking_start);
    if (parked < 0) return static_cast<int>(fail(image, Step::Descriptors));
    mappings[i].parked = static_cast<int>(parked);
  }
  ::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
  for (std::size_t i = 0; i < count; ++i) {
    if (::syscall(SYS_dup3, mappings[i].parked, mappings[i].target, 0) < 0) {
      return static_cast<int>(fail(image, Step::Descriptors));
    }
  }

  if (image.own_session && ::syscall(SYS_setsid) < 0) return static_cast<int>(fail(image, Step::Session));
  if (image.credentials) {
    const auto& who = *image.credentials;
    if (::syscall(SYS_setgroups, who.groups.size(), who.groups.data()) < 0 ||
        ::syscall(SYS_setresgid, who.group, who.group, who.group) < 0 ||
        ::syscall(SYS_setresuid, who.user, who.user, who.user) < 0) {
      return static_cast<int>(fail(image, Step::User));
    }
  }
  if (!image.folder.empty() && ::syscall(SYS_chdir, image.folder.c_str()) < 0) {
    return static_cast<int>(fail(image, Step::Folder));
  }
  if (image.death_signal != 0) {
    // After the change of user, which clears it. A parent that has died before this line is caught by getppid.
    if (::syscall(SYS_prctl, PR_SET_PDEATHSIG, image.death_signal, 0, 0, 0) < 0) {
      return static_cast<int>(fail(image, Step::DeathSignal));
    }
    if (::syscall(SYS_getppid) != image.parent) ::syscall(SYS_exit_group, 127);
  }

  const unsigned long empty_mask = 0;
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &empty_mask, nullptr, kMaskBytes);
  ::syscall(SYS_execve, image.program.c_str(), image.arguments.data(), image.environment.data());
  return static_cast<int>(fail(image, Step::Program));
}

Error start_error(const Failure& failure, const ProcessSpec& spec) {
  const auto program = spec.program.string();
  switch (failure.step) {
    case Step::Descriptors:
      return Error::from_errno(failure.error_number,
                               fmt::format("starting program: {}: handing over descriptors", program));
    case Step::Session:
      return Error::from_errno(failure.error_number, fmt::format("starting program: {}: making its session", program));
    case Step::User:
      return Error::from_errno(failure.error_number,
                               fmt::format("starting program: {}: changing to user {}", program, spec.user));
    case Step::Folder:
      return Error::from_errno(failure.error_number,
                               fmt::format("starting program: {}: entering folder {}", program, spec.folder.string()));
    case Step::DeathSignal:
      return Error::from_errno(failure.error_number,
                               fmt::format("starting program: {}: binding its life to ours", program));
    case Step::Program: break;
  }
  return Error::from_errno(failure.error_number, fmt::format("starting program: {}", program));
}

Result<Credentials> credentials_of(const std::string& user) {
  const auto found = find_user(user);
  if (!found) return Error::system(Code::NotFound, "no such user on this machine: {}", user).retry(Retry::Never);
  Credentials credentials{found->uid, found->gid, std::vector<gid_t>(64)};
  int count = static_cast<int>(credentials.groups.size());
  if (::getgrouplist(user.c_str(), found->gid, credentials.groups.data(), &count) < 0) {
    credentials.groups.resize(static_cast<std::size_t>(count));
    ::getgrouplist(user.c_str(), found->gid, credentials.groups.data(), &count);
  }
  credentials.groups.resize(static_cast<std::size_t>(count));
  return credentials;
}

std::vector<std::string> environment_of(const ProcessSpec& spec) {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text{*entry};
    if (!spec.environment.contains(std::string{text.substr(0, text.find('='))})) environment.emplace_back(text);
  }
  for (const auto& [key, value] : spec.environment) environment.push_back(fmt::format("{}={}", key, value));
  return environment;
}

Result<std::string> path_of(const ProcessSpec& spec) {
  if (spec.program.string().find('/') != std::string::npos) return spec.program.string();
  const auto own = spec.environment.find("PATH");
  const char* ours = std::getenv("PATH");
  const auto path = find_program(spec.program, own != spec.environment.end() ? own->second.c_str()
                                               : ours != nullptr             ? ours
                                                                             : "/usr/local/bin:/usr/bin:/bin");
  if (path.empty()) {
    return Error::system(Code::NotFound, "starting program: {}: it is in no folder of PATH", spec.program.string())
        .retry(Retry::Never);
  }
  return path.string();
}

Result<Image> make_image(const ProcessSpec& spec) {
  Image image;
  image.program = WEIR_TRY(path_of(spec));
  image.texts.push_back(spec.program.string());
  image.texts.insert(image.texts.end(), spec.arguments.begin(), spec.arguments.end());
  const std::size_t argument_count = image.texts.size();
  for (auto& entry : environment_of(spec)) image.texts.push_back(std::move(entry));
  for (std::size_t i = 0; i < image.texts.size(); ++i) {
    (i < argument_count ? image.arguments : image.environment).push_back(image.texts[i].data());
  }
  image.arguments.push_back(nullptr);
  image.environment.push_back(nullptr);
  image.folder = spec.folder.string();
  if (!spec.user.empty()) image.credentials = WEIR_TRY(credentials_of(spec.user));

  image.null.reset(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!image.null) return Error::from_errno(errno, "opening /dev/null");
  const int null = image.null.get();
  image.mappings = {
      {null, 0}, {spec.stdout_fd >= 0 ? spec.stdout_fd : null, 1}, {spec.stderr_fd >= 0 ? spec.stderr_fd : null, 2}};
  for (const auto& [source, target] : spec.inherited) image.mappings.push_back({source, target});
  for (const auto& mapping : image.mappings) image.parking_start = std::max(image.parking_start, mapping.target + 1);
  image.own_session = spec.session == ProcessSpec::Session::Own;
  image.death_signal = spec.signal_on_parent_death;
  image.parent = ::getpid();
  return image;
}

// The child borrows our memory and has a stack of its own; we stand still until it has called exec (CLONE_VFORK), so that
// spawning costs the same whatever our size.
long clone_child(Image& image, std::vector<char>& stack, int* pidfd) {
#if defined(__SANITIZE_THREAD__)
  // ThreadSanitizer takes clone() for a fork and marks, in the memory that we share, our thread as the child's. It gets a
  // copy of our memory instead, behind the sanitizer's back.
  (void)stack;
  const long pid = ::syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, nullptr, pidfd, nullptr, nullptr);
  if (pid == 0) become_program(&image);
  return pid;
#else
  return ::clone(become_program, stack.data() + stack.size(), CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &image,
                 pidfd);
#endif
}

// Runs on the spawner thread, whose signals are all blocked, so that none of our handlers runs in the child.
Result<Spawned> start(const ProcessSpec& spec, std::vector<char>& stack) {
  auto image = WEIR_TRY(make_image(spec));
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Error::from_errno(errno, "making a pipe");
  const Descriptor reading{ends[0]};
  image.report.reset(ends[1]);
  // The report must not stand where a mapping will be placed.
  const int report = ::fcntl(image.report.get(), F_DUPFD_CLOEXEC, image.parking_start);
  if (report < 0) return Error::from_errno(errno, "duplicating a descriptor");
  image.report.reset(report);

  int pidfd = -1;
  const auto pid = clone_child(image, stack, &pidfd);
  if (pid < 0) return Error::from_errno(errno, fmt::format("starting program: {}", spec.program.string()));
  Spawned spawned{static_cast<pid_t>(pid), Descriptor{pidfd}};
  image.report.reset();
  Failure failure{};
  if (::read(reading.get(), &failure, sizeof failure) == sizeof failure) {
    ::waitpid(spawned.pid, nullptr, 0);
    return start_error(failure, spec);
  }
  return spawned;
}

class Spawner {
 public:
  Spawner() {
    // A launcher may have left SIGCHLD ignored, and then the kernel throws exit statuses away.
    struct sigaction child {};
    if (::sigaction(SIGCHLD, nullptr, &child) == 0 && child.sa_handler == SIG_IGN) std::signal(SIGCHLD, SIG_DFL);
    std::thread{[this] { run(); }}.detach();
  }

  Result<Spawned> spawn(const ProcessSpec& spec) {
    Request request{&spec, std::nullopt};
    std::unique_lock guard{mutex_};
    requests_.push_back(&request);
    changed_.notify_all();
    changed_.wait(guard, [&] { return request.answer.has_value(); });
    return std::move(*request.answer);
  }

 private:
  struct Request {
    const ProcessSpec* spec;
    std::optional<Result<Spawned>> answer;
  };

  [[noreturn]] void run() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
    ::prctl(PR_SET_NAME, "spawner");
    std::vector<char> stack(std::size_t{64} << 10);
    std::unique_lock guard{mutex_};
    for (;;) {
      changed_.wait(guard, [&] { return !requests_.empty(); });
      auto* const request = requests_.front();
      requests_.pop_front();
      guard.unlock();
      auto answer = start(*request->spec, stack);
      guard.lock();
      request->answer = std::move(answer);
      changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Request*> requests_;  // guarded by mutex_; each lives on its caller's stack until it is answered
};

}  // namespace

std::filesystem::path find_program(const std::string& name, std::string_view search_path) {
  while (!search_path.empty()) {
    const auto end = std::min(search_path.find(':'), search_path.size());
    auto candidate = std::filesystem::path{search_path.substr(0, end)} / name;
    if (::access(candidate.c_str(), X_OK) == 0 && std::filesystem::is_regular_file(candidate)) return candidate;
    search_path.remove_prefix(std::min(end + 1, search_path.size()));
  }
  return {};
}

Result<Spawned> spawn_program(const ProcessSpec& spec) {
  // Never destroyed: its thread has to outlive every other part of the program.
  static auto* const kSpawner = new Spawner;
  return kSpawner->spawn(spec);
}

}  // namespace weir::services
