#include "memory.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace weir::bench {

namespace {

namespace fs = std::filesystem;

std::string read_whole(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return std::move(text).str();
}

// /proc/PID/smaps_rollup has the line "Pss:   1234 kB". A process that has just ended has none.
std::uint64_t proportional_bytes(const fs::path& process) {
  const std::string text = read_whole(process / "smaps_rollup");
  const auto at = text.find("\nPss:");
  if (at == std::string::npos) return 0;
  const auto digits = text.find_first_of("0123456789", at);
  std::uint64_t kilobytes = 0;
  std::from_chars(text.data() + digits, text.data() + text.size(), kilobytes);
  return kilobytes * 1024;
}

bool is_counted(const fs::path& process, const fs::path& binary) {
  std::error_code gone;
  if (fs::read_symlink(process / "exe", gone) != binary || gone) return false;
  // Arguments are separated by NULs; the second is the verb.
  const std::string arguments = read_whole(process / "cmdline");
  const auto verb = arguments.find('\0');
  return verb == std::string::npos || arguments.compare(verb + 1, 9, "warehouse") != 0;
}

std::uint64_t bytes_now(const fs::path& binary) {
  std::uint64_t sum = 0;
  std::error_code gone;
  for (const auto& entry : fs::directory_iterator("/proc", gone)) {
    const std::string name = entry.path().filename().string();
    if (!std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; })) continue;
    if (is_counted(entry.path(), binary)) sum += proportional_bytes(entry.path());
  }
  return sum;
}

constexpr auto kInterval = std::chrono::milliseconds(10);

}  // namespace

MemoryWatch::MemoryWatch(const fs::path& binary)
    : thread_([this, binary = fs::canonical(binary)](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
          peak_ = std::max(peak_, bytes_now(binary));
          std::this_thread::sleep_for(kInterval);
        }
      }) {}

std::uint64_t MemoryWatch::peak_bytes() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  return peak_;
}

}  // namespace weir::bench
