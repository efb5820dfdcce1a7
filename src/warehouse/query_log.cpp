#include "warehouse/query_log.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/json.hpp"

namespace weir::warehouse {

Result<std::unique_ptr<QueryLog>> QueryLog::open(std::filesystem::path file, std::size_t bytes_max) {
  std::unique_ptr<QueryLog> log(new QueryLog(std::move(file), bytes_max));
  WEIR_TRY(log->reopen());
  return log;
}

Result<void> QueryLog::reopen() {
  output_.reset(::open(file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!output_) return Error::from_errno(errno, fmt::format("opening query log: {}", file_.string()));
  struct stat status {};
  bytes_ = ::fstat(output_.get(), &status) == 0 ? static_cast<std::size_t>(status.st_size) : 0;
  return {};
}

void QueryLog::write(const QueryLogEntry& entry) {
  const auto& statistics = entry.statistics;
  const Json line{{"event_time", format_instant(entry.began)},
                  {"query_duration_us", entry.took.count()},
                  {"query_id", entry.query_id},
                  {"exception_code", entry.error_code},
                  {"result_rows", statistics.result_rows},
                  {"read_rows", statistics.read_rows},
                  {"read_bytes", statistics.read_bytes},
                  {"written_rows", statistics.written_rows},
                  {"written_bytes", statistics.written_bytes},
                  {"query", entry.query.substr(0, kQueryBytesMax)}};
  const auto text = to_text(line) + "\n";
  const std::lock_guard lock(mutex_);
  if (bytes_ > 0 && bytes_ + text.size() > bytes_max_) {
    auto older = file_;
    older += ".1";
    std::error_code ignored;
    std::filesystem::rename(file_, older, ignored);
    if (!reopen().ok()) return;
  }
  bytes_ += text.size();
  (void)write_all(output_.get(), text, "writing the query log");
}

}  // namespace weir::warehouse
