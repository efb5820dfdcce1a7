#include "services/identity.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>

#include "services/wait.hpp"

namespace weir::services {

using std::chrono::milliseconds;

ProcessIdentity identify(pid_t pid) {
  const auto stat = read_file(fmt::format("/proc/{}/stat", pid));
  if (!stat.ok()) return {};
  // "pid (name) state …": the name may hold anything, so fields are counted from its last parenthesis. State is the 3rd.
  std::string_view rest{*stat};
  rest.remove_prefix(std::min(rest.rfind(')'), rest.size()));
  for (int field = 2; field < 22; ++field) {
    const auto space = rest.find(' ');
    if (space == std::string_view::npos) return {};
    rest.remove_prefix(space + 1);
  }
  ProcessIdentity identity{pid, 0};
  std::from_chars(rest.data(), rest.data() + rest.size(), identity.started_ticks);
  return identity;
}

Descriptor open_process(const ProcessIdentity& identity) {
  if (identity.pid <= 0) return {};
  Descriptor pidfd{static_cast<int>(::syscall(SYS_pidfd_open, identity.pid, 0))};
  // Opened first and compared afterwards: the number cannot change its meaning between the two.
  if (!pidfd || identify(identity.pid) != identity) return {};
  if (wait_readable({pidfd.get()}, milliseconds{0})) return {};  // ended, but its parent has not asked yet
  return pidfd;
}

bool is_alive(const ProcessIdentity& identity) { return static_cast<bool>(open_process(identity)); }

bool end_process(const ProcessIdentity& identity, int signal_number, milliseconds grace) {
  const auto pidfd = open_process(identity);
  if (!pidfd) return true;
  ::syscall(SYS_pidfd_send_signal, pidfd.get(), signal_number, nullptr, 0);
  return wait_readable({pidfd.get()}, grace).has_value();
}

}  // namespace weir::services
