#pragma once

#include <cstdint>
#include <filesystem>
#include <thread>

namespace weir::bench {

// Watches what all processes of one program occupy together while it lives, `weir warehouse` apart: that one is a
// database. Proportional memory (Pss) is summed, so that pages which parent and children share count once.
class MemoryWatch {
 public:
  explicit MemoryWatch(const std::filesystem::path& binary);
  // Stops watching; the highest sum that was seen.
  std::uint64_t peak_bytes();

 private:
  std::uint64_t peak_ = 0;  // the thread's until it has been joined
  std::jthread thread_;
};

}  // namespace weir::bench
