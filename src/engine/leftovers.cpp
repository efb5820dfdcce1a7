#include "engine/leftovers.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <fstream>
#include <iterator>
#include <vector>

#include "base/file.hpp"

namespace weir::engine {
namespace {

bool has_mark(pid_t pid, const std::string& wanted) {
  std::ifstream file{fmt::format("/proc/{}/environ", pid), std::ios::binary};
  const std::string environment{std::istreambuf_iterator<char>{file}, {}};
  for (std::size_t at = 0; at < environment.size();) {
    if (environment.compare(at, wanted.size(), wanted) == 0) return true;
    const auto end = environment.find('\0', at);
    if (end == std::string::npos) return false;
    at = end + 1;
  }
  return false;
}

std::vector<pid_t> processes() {
  std::vector<pid_t> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator{"/proc", error}) {
    const auto name = entry.path().filename().string();
    pid_t pid = 0;
    const auto [end, wrong] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (wrong == std::errc{} && end == name.data() + name.size() && pid != ::getpid()) found.push_back(pid);
  }
  return found;
}

}  // namespace

std::string project_mark(const std::filesystem::path& state_folder) { return state_folder.string() + ":"; }

std::string task_mark(const std::filesystem::path& state_folder, const RunId& run, const std::string& step,
                      int attempt) {
  return fmt::format("{}{}/{}/{}/", project_mark(state_folder), run.text(), step, attempt);
}

int end_leftovers(const std::string& mark) {
  constexpr int kLongestMs = 5'000;
  const auto wanted = fmt::format("{}={}", kTaskMark, mark);
  int count = 0;
  // One that is killed may have started another in the meantime.
  for (bool found = true; found && count < 10'000;) {
    found = false;
    for (const auto pid : processes()) {
      // Opened before it is looked at: the number then means this process for sure.
      const Descriptor pidfd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
      if (!pidfd || !has_mark(pid, wanted)) continue;
      found = true;
      ++count;
      ::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0);
      pollfd waiting{pidfd.get(), POLLIN, 0};
      ::poll(&waiting, 1, kLongestMs);
    }
  }
  return count;
}

}  // namespace weir::engine
