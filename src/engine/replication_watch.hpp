#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/project_version.hpp"
#include "flow/replication.hpp"

namespace weir::engine {

// A source of replications, looked at between runs: while no task runs, nothing else tells of a target that no longer comes.
struct WatchedSource {
  std::string connection;
  Result<std::vector<flow::HeldLog>> logs;
  // By the replication's name: what is wrong with its log, by the wal_limit of its task.
  std::map<std::string, std::string> warnings;
};

// Looks once at every server that a `replicate` task of the project reads from, and at the managed ones of the same kind. A
// managed server that does not run is left out: its log does not grow.
std::vector<WatchedSource> look_at_sources(const ProjectVersion& version, const flow::Registry& registry,
                                           services::Supervisor& supervisor, std::stop_token stop);

// Looks again and again, each minute, for as long as it lives. Thread-safe.
class ReplicationWatch {
 public:
  using CurrentVersion = std::function<std::shared_ptr<const ProjectVersion>()>;

  // `warn` is told of what was not so a minute before; it is called on the watch's own thread.
  ReplicationWatch(CurrentVersion version, const flow::Registry& registry, services::Supervisor& supervisor,
                   std::function<void(const std::string&)> warn);

  // What the last look found.
  std::vector<WatchedSource> sources() const;

 private:
  void watch(const std::stop_token& stop);

  const CurrentVersion version_;
  const flow::Registry& registry_;
  services::Supervisor& supervisor_;
  const std::function<void(const std::string&)> warn_;
  mutable std::mutex mutex_;
  std::vector<WatchedSource> sources_;  // guarded by mutex_
  std::jthread thread_;
};

}  // namespace weir::engine
