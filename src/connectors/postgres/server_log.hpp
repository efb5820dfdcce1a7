#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

// Why a subscription does not go on: its workers say so in the server's log and nowhere else (PostgreSQL manual 31.5;
// pg_stat_subscription_stats only counts).
namespace weir::postgres {

// An ERROR or FATAL of a background worker, with its DETAIL, HINT and CONTEXT.
struct WorkerError {
  int pid = 0;
  std::string message;
  std::string detail;
  std::string context;

  // "duplicate key value violates unique constraint "t_pkey": Key (id)=(5) already exists. (processing remote data …)"
  std::string text() const;
  // The publisher cannot be reached or has broken off: it passes, or lies outside of the data.
  bool is_about_connection() const;
};

// Picks the errors of one subscription's workers out of a log whose lines begin with a prefix that holds "[pid]", as
// Weir's servers and PostgreSQL's default write it.
class SubscriptionLog {
 public:
  explicit SubscriptionLog(std::string subscription) : subscription_(std::move(subscription)) {}

  // Workers that were at work before the text began.
  void add_worker(int pid) { workers_.insert(pid); }
  // The next lines; an incomplete last line is kept for the next call.
  void append(std::string_view text);
  // In the order in which they were said. The last one may still lack its context.
  const std::vector<WorkerError>& errors() const { return errors_; }
  // The last error or warning with its hint, "" when there is none: "out of logical replication worker slots (You might …)".
  std::string last_words() const;

 private:
  void take(std::string_view line);

  std::string subscription_;
  std::set<int> workers_;
  std::vector<WorkerError> errors_;
  std::string last_words_;
  std::string last_hint_;
  std::string rest_;
};

// Reads what is appended to a log file from now on.
class LogTail {
 public:
  explicit LogTail(std::filesystem::path file);
  // What was written since the last call; "" when the file is not there or not ours to read.
  std::string read();
  bool readable() const;

 private:
  std::filesystem::path file_;
  std::uintmax_t offset_ = 0;
};

}  // namespace weir::postgres
