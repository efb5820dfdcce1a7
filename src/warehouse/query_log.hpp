#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

#include "base/clock.hpp"
#include "base/file.hpp"
#include "base/result.hpp"
#include "warehouse/chdb.hpp"

namespace weir::warehouse {

// One statement that has ended.
struct QueryLogEntry {
  Instant began;
  std::chrono::microseconds took{};
  std::string query_id;
  std::string query;  // "" when it holds credentials
  int error_code = 0;
  Statistics statistics;
};

// The warehouse's own query log, since the embedded engine keeps none: JSON lines in a file, which is rotated once, so that
// it never takes more than twice kBytesMax. Thread-safe.
class QueryLog {
 public:
  static constexpr std::size_t kBytesMax = 16 << 20;
  static constexpr std::size_t kQueryBytesMax = 4096;

  static Result<std::unique_ptr<QueryLog>> open(std::filesystem::path file, std::size_t bytes_max = kBytesMax);
  // A full disk loses the line, not the statement.
  void write(const QueryLogEntry& entry);

 private:
  QueryLog(std::filesystem::path file, std::size_t bytes_max) : file_(std::move(file)), bytes_max_(bytes_max) {}
  Result<void> reopen();

  const std::filesystem::path file_;
  const std::size_t bytes_max_;
  std::mutex mutex_;
  Descriptor output_;
  std::size_t bytes_ = 0;
};

}  // namespace weir::warehouse
