#include "environment.hpp"

#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include <fstream>
#include <thread>

#include "base/clock.hpp"
#include "program.hpp"

namespace weir::bench {

namespace {

std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

// The first line that a program prints, or "unknown": a machine without it can still measure.
std::string first_line(const std::filesystem::path& folder, std::vector<std::string> arguments) {
  const auto outcome = run({.arguments = std::move(arguments), .folder = folder});
  return outcome ? outcome->output.substr(0, outcome->output.find('\n')) : "unknown";
}

}  // namespace

Json environment(const std::filesystem::path& source) {
  utsname kernel{};
  uname(&kernel);
  struct sysinfo memory {};
  sysinfo(&memory);
  const bool clean = first_line(source, {"git", "status", "--porcelain", "--untracked-files=no"}).empty();
  return {{"time", format_instant(system_clock().now())},
          {"commit", first_line(source, {"git", "rev-parse", "--short=12", "HEAD"}) + (clean ? "" : " with changes")},
          {"processor", processor()},
          {"cores", std::thread::hardware_concurrency()},
          {"memory_mb", memory.totalram * memory.mem_unit >> 20U},
          {"load_before", static_cast<double>(memory.loads[0]) / (1U << SI_LOAD_SHIFT)},
          {"kernel", kernel.release},
          {"compiler", "gcc " __VERSION__},
          {"postgres", first_line(source, {"psql", "--version"})}};
}

}  // namespace weir::bench
