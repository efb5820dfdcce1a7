#include "engine/replication_watch.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <condition_variable>
#include <set>

#include "engine/replicate.hpp"
#include "sql/template.hpp"

namespace weir::engine {
namespace {

constexpr std::chrono::minutes kInterval{1};

// The replications that the project's tasks describe. Those whose names a template decides are not known before a run.
struct Described {
  std::set<std::string> sources;
  std::map<std::string, std::uint64_t> limits;  // of the log, by the replication's name
};

Described described_replications(const project::Project& project) {
  Described described;
  for (const auto& pipeline : project.pipelines) {
    for (const auto& task : pipeline.tasks) {
      if (task.kind != "replicate" || sql::has_template(to_text(task.settings.values()))) continue;
      described.sources.insert(task.settings.text("from"));
      described.limits[replication_name(task.settings)] = task.settings.bytes("wal_limit");
    }
  }
  return described;
}

std::map<std::string, std::string> warnings_of(const std::string& source, const std::vector<flow::HeldLog>& logs,
                                               const std::map<std::string, std::uint64_t>& limits) {
  std::map<std::string, std::string> warnings;
  for (const auto& log : logs) {
    const auto found = limits.find(log.replication);
    const auto limit = found == limits.end() ? *parse_bytes(kWalLimit) : found->second;
    std::vector<std::string> wrong;
    if (log.is_lost) wrong.emplace_back("the source has given up its slot: the target cannot catch up any more");
    if (auto warning = warning_of_retained(log.retained_bytes, limit)) wrong.push_back(std::move(*warning));
    if (auto warning = warning_of_disk(log.free_bytes, limit)) wrong.push_back(std::move(*warning));
    if (wrong.empty()) continue;
    if (!log.is_read) wrong.emplace_back("its target is not connected");
    warnings[log.replication] =
        fmt::format("replication {} of {}: {}", log.replication, source, fmt::join(wrong, "; "));
  }
  return warnings;
}

}  // namespace

std::vector<WatchedSource> look_at_sources(const ProjectVersion& version, const flow::Registry& registry,
                                           services::Supervisor& supervisor, std::stop_token stop) {
  const auto described = described_replications(version.project);
  const auto services = supervisor.status();
  std::vector<WatchedSource> sources;
  for (const auto& connection : version.project.connections) {
    const auto* connector = registry.find(connection.type);
    if (connector == nullptr || !connector->held_logs) continue;
    if (!connection.managed && !described.sources.contains(connection.name)) continue;
    const auto service = std::ranges::find(services, connection.name, &services::ServiceStatus::name);
    const bool runs = service != services.end() && service->state == services::ServiceState::Running;
    if (connection.managed && !runs) continue;
    const auto look = [&]() -> Result<std::vector<flow::HeldLog>> {
      flow::OpenContext context{.connection = WEIR_TRY(version.connections->resolve(connection.name, stop)),
                                .project_folder = version.project.folder};
      return connector->held_logs(context, stop);
    };
    auto logs = look();
    auto warnings =
        logs.ok() ? warnings_of(connection.name, *logs, described.limits) : std::map<std::string, std::string>{};
    sources.push_back({.connection = connection.name, .logs = std::move(logs), .warnings = std::move(warnings)});
  }
  return sources;
}

ReplicationWatch::ReplicationWatch(CurrentVersion version, const flow::Registry& registry,
                                   services::Supervisor& supervisor, std::function<void(const std::string&)> warn)
    : version_(std::move(version)),
      registry_(registry),
      supervisor_(supervisor),
      warn_(std::move(warn)),
      thread_([this](const std::stop_token& stop) { watch(stop); }) {}

std::vector<WatchedSource> ReplicationWatch::sources() const {
  const std::lock_guard lock(mutex_);
  return sources_;
}

void ReplicationWatch::watch(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::set<std::pair<std::string, std::string>> warned;  // connection and replication
  while (!stop.stop_requested()) {
    auto found = look_at_sources(*version_(), registry_, supervisor_, stop);
    std::set<std::pair<std::string, std::string>> now;
    for (const auto& source : found) {
      for (const auto& [replication, warning] : source.warnings) {
        const auto& key = *now.emplace(source.connection, replication).first;
        if (!warned.contains(key)) warn_(warning);
      }
    }
    warned = std::move(now);
    {
      const std::lock_guard lock(mutex_);
      sources_ = std::move(found);
    }
    std::unique_lock lock(mutex);
    stopped.wait_for(lock, stop, kInterval, [] { return false; });
  }
}

}  // namespace weir::engine
