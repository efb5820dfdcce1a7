#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "engine/feed.hpp"
#include "engine/replication_watch.hpp"
#include "ledger/ledger.hpp"

namespace weir::web {

// What /metrics says, in Prometheus's text format 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format). Counts since the process began.
// Thread-safe.
class Metrics {
 public:
  Metrics(std::string weir_version, Instant started_at);

  void request_ended(std::string_view method, std::string_view route, int status, std::chrono::microseconds duration);
  void stream_opened();
  void stream_closed();
  void saw(const engine::FeedEvent& event);

  // Gauges that are looked up when they are asked for.
  struct Now {
    std::map<std::string, std::int64_t> runs_active;  // by state
    std::int64_t problems = 0;
    std::int64_t pipelines = 0;
    std::int64_t paused = 0;
    std::vector<engine::WatchedSource> replications = {};
  };
  std::string text(const Now& now) const;

 private:
  struct Histogram {
    static constexpr double kBounds[] = {0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10};
    std::uint64_t buckets[std::size(kBounds)] = {};
    std::uint64_t count = 0;
    double sum_s = 0;
  };

  const std::string weir_version_;
  const Instant started_at_;
  mutable std::mutex mutex_;
  std::map<std::tuple<std::string, std::string, int>, std::uint64_t> requests_;
  std::map<std::string, Histogram> durations_;                               // by route
  std::map<std::pair<std::string, std::string>, std::uint64_t> runs_ended_;  // by pipeline and state
  std::map<std::string, double> run_seconds_;                                // by pipeline
  std::map<std::string, Instant> last_success_;                              // by pipeline
  std::map<std::string, std::uint64_t> attempts_ended_;                      // by state
  std::uint64_t rows_written_ = 0;
  std::int64_t streams_ = 0;
};

}  // namespace weir::web
