#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>

#include "base/file.hpp"

namespace weir::services {

// A process that cannot be mistaken for a later one with the same number: its number and when it was started.
struct ProcessIdentity {
  pid_t pid = 0;
  std::uint64_t started_ticks = 0;  // clock ticks since boot (field 22 of /proc/PID/stat)

  bool operator==(const ProcessIdentity&) const = default;
};

// Of a process that runs now; all zero when there is none.
ProcessIdentity identify(pid_t pid);

// A pidfd of exactly this process (readable when it ends); none when it has ended.
Descriptor open_process(const ProcessIdentity& identity);
bool is_alive(const ProcessIdentity& identity);

// Sends the signal and waits for the end; true when it came in time.
bool end_process(const ProcessIdentity& identity, int signal_number, std::chrono::milliseconds grace);

}  // namespace weir::services
