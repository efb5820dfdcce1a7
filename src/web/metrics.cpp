#include "web/metrics.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>

namespace weir::web {
namespace {

std::string escaped(std::string_view text) {
  std::string result;
  for (const char letter : text) {
    if (letter == '\\' || letter == '"') result += '\\';
    if (letter == '\n') {
      result += "\\n";
    } else {
      result += letter;
    }
  }
  return result;
}

void head(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

std::uint64_t resident_bytes() {
  std::ifstream file{"/proc/self/statm"};
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::int64_t open_descriptors() {
  std::error_code error;
  std::int64_t count = 0;
  for (std::filesystem::directory_iterator at{"/proc/self/fd", error}, end; at != end; at.increment(error)) ++count;
  return count;
}

// A gauge of every replication that is watched; those without a value are left out.
void replication_gauge(std::string& out, const std::vector<engine::WatchedSource>& sources, std::string_view name,
                       std::string_view help,
                       const std::function<std::optional<double>(const flow::HeldLog&)>& value_of) {
  head(out, name, "gauge", help);
  for (const auto& source : sources) {
    if (!source.logs.ok()) continue;
    for (const auto& log : *source.logs) {
      if (const auto value = value_of(log))
        out += fmt::format("{}{{connection=\"{}\",replication=\"{}\"}} {}\n", name, escaped(source.connection),
                           escaped(log.replication), *value);
    }
  }
}

double epoch_seconds(Instant instant) { return std::chrono::duration<double>(instant.time_since_epoch()).count(); }

}  // namespace

Metrics::Metrics(std::string weir_version, Instant started_at)
    : weir_version_(std::move(weir_version)), started_at_(started_at) {}

void Metrics::request_ended(std::string_view method, std::string_view route, int status,
                            std::chrono::microseconds duration) {
  const std::lock_guard guard(mutex_);
  ++requests_[{std::string{method}, std::string{route}, status}];
  auto& histogram = durations_[std::string{route}];
  const double duration_s = std::chrono::duration<double>(duration).count();
  ++histogram.count;
  histogram.sum_s += duration_s;
  for (std::size_t i = 0; i < std::size(Histogram::kBounds); ++i) {
    if (duration_s <= Histogram::kBounds[i]) ++histogram.buckets[i];
  }
}

void Metrics::stream_opened() {
  const std::lock_guard guard(mutex_);
  ++streams_;
}

void Metrics::stream_closed() {
  const std::lock_guard guard(mutex_);
  --streams_;
}

void Metrics::saw(const engine::FeedEvent& event) {
  const std::lock_guard guard(mutex_);
  if (const auto* run = std::get_if<ledger::Run>(&event.what); run != nullptr && ledger::has_ended(run->state)) {
    ++runs_ended_[{run->pipeline, std::string{name(run->state)}}];
    if (run->started_at && run->finished_at)
      run_seconds_[run->pipeline] += std::chrono::duration<double>(*run->finished_at - *run->started_at).count();
    if (run->state == ledger::RunState::Succeeded && run->finished_at) last_success_[run->pipeline] = *run->finished_at;
  }
  if (const auto* attempt = std::get_if<ledger::Attempt>(&event.what);
      attempt != nullptr && ledger::has_ended(attempt->state)) {
    ++attempts_ended_[std::string{name(attempt->state)}];
    if (attempt->state == ledger::AttemptState::Succeeded) rows_written_ += attempt->rows_written;
  }
}

std::string Metrics::text(const Now& now) const {
  const std::lock_guard guard(mutex_);
  std::string out;
  head(out, "weir_build_info", "gauge", "Always 1; the version is its label.");
  out += fmt::format("weir_build_info{{version=\"{}\"}} 1\n", escaped(weir_version_));
  head(out, "weir_runs_active", "gauge", "Runs that have not ended, by state.");
  for (const auto* state : {"queued", "running", "cancelling"}) {
    const auto found = now.runs_active.find(state);
    out +=
        fmt::format("weir_runs_active{{state=\"{}\"}} {}\n", state, found == now.runs_active.end() ? 0 : found->second);
  }
  head(out, "weir_runs_ended_total", "counter", "Runs that have ended, by pipeline and state.");
  for (const auto& [key, count] : runs_ended_)
    out += fmt::format("weir_runs_ended_total{{pipeline=\"{}\",state=\"{}\"}} {}\n", escaped(key.first), key.second,
                       count);
  head(out, "weir_run_seconds_total", "counter", "How long runs took, by pipeline.");
  for (const auto& [pipeline, total] : run_seconds_)
    out += fmt::format("weir_run_seconds_total{{pipeline=\"{}\"}} {}\n", escaped(pipeline), total);
  head(out, "weir_last_success_timestamp_seconds", "gauge", "When a run of the pipeline last succeeded.");
  for (const auto& [pipeline, at] : last_success_)
    out += fmt::format("weir_last_success_timestamp_seconds{{pipeline=\"{}\"}} {:.3f}\n", escaped(pipeline),
                       epoch_seconds(at));
  head(out, "weir_attempts_ended_total", "counter", "Attempts of tasks that have ended, by state.");
  for (const auto& [state, count] : attempts_ended_)
    out += fmt::format("weir_attempts_ended_total{{state=\"{}\"}} {}\n", state, count);
  head(out, "weir_rows_written_total", "counter", "Rows written by attempts that succeeded.");
  out += fmt::format("weir_rows_written_total {}\n", rows_written_);
  head(out, "weir_pipelines", "gauge", "Pipelines of the project.");
  out += fmt::format("weir_pipelines {}\n", now.pipelines);
  head(out, "weir_pipelines_paused", "gauge", "Pipelines that are paused.");
  out += fmt::format("weir_pipelines_paused {}\n", now.paused);
  head(out, "weir_project_problems", "gauge", "Mistakes that keep the last edit of the project from being used.");
  out += fmt::format("weir_project_problems {}\n", now.problems);
  using flow::HeldLog;
  replication_gauge(out, now.replications, "weir_replication_connected",
                    "Whether the target of a replication from the connection is connected.",
                    [](const HeldLog& log) { return log.is_read ? 1.0 : 0.0; });
  replication_gauge(out, now.replications, "weir_replication_lost",
                    "Whether the source has given up what the target has not had.",
                    [](const HeldLog& log) { return log.is_lost ? 1.0 : 0.0; });
  replication_gauge(out, now.replications, "weir_replication_lag_bytes", "How much of the log the target has not had.",
                    [](const HeldLog& log) { return static_cast<double>(log.lag_bytes); });
  replication_gauge(out, now.replications, "weir_replication_lag_seconds",
                    "How long a change takes to arrive, when that is known.",
                    [](const HeldLog& log) { return log.lag_seconds; });
  replication_gauge(out, now.replications, "weir_replication_retained_bytes",
                    "How much of its log the source keeps for the target.",
                    [](const HeldLog& log) { return static_cast<double>(log.retained_bytes); });
  replication_gauge(out, now.replications, "weir_replication_free_bytes",
                    "Left on the source's disk, when that is known.", [](const HeldLog& log) -> std::optional<double> {
                      if (!log.free_bytes) return std::nullopt;
                      return static_cast<double>(*log.free_bytes);
                    });
  head(out, "weir_event_streams", "gauge", "Clients that follow live changes.");
  out += fmt::format("weir_event_streams {}\n", streams_);
  head(out, "weir_http_requests_total", "counter", "Requests by method, route and status.");
  for (const auto& [key, count] : requests_) {
    out += fmt::format("weir_http_requests_total{{method=\"{}\",route=\"{}\",status=\"{}\"}} {}\n", std::get<0>(key),
                       escaped(std::get<1>(key)), std::get<2>(key), count);
  }
  head(out, "weir_http_request_duration_seconds", "histogram",
       "How long requests took, by route; event streams aside.");
  for (const auto& [route, histogram] : durations_) {
    const auto label = escaped(route);
    for (std::size_t i = 0; i < std::size(Histogram::kBounds); ++i) {
      out += fmt::format("weir_http_request_duration_seconds_bucket{{route=\"{}\",le=\"{}\"}} {}\n", label,
                         Histogram::kBounds[i], histogram.buckets[i]);
    }
    out += fmt::format("weir_http_request_duration_seconds_bucket{{route=\"{}\",le=\"+Inf\"}} {}\n", label,
                       histogram.count);
    out += fmt::format("weir_http_request_duration_seconds_sum{{route=\"{}\"}} {}\n", label, histogram.sum_s);
    out += fmt::format("weir_http_request_duration_seconds_count{{route=\"{}\"}} {}\n", label, histogram.count);
  }
  head(out, "process_resident_memory_bytes", "gauge",
       "Resident memory of this process; its children and databases aside.");
  out += fmt::format("process_resident_memory_bytes {}\n", resident_bytes());
  head(out, "process_cpu_seconds_total", "counter", "Processor time of this process.");
  out += fmt::format("process_cpu_seconds_total {:.3f}\n", cpu_seconds());
  head(out, "process_open_fds", "gauge", "Open file descriptors.");
  out += fmt::format("process_open_fds {}\n", open_descriptors());
  head(out, "process_start_time_seconds", "gauge", "When this process began.");
  out += fmt::format("process_start_time_seconds {:.3f}\n", epoch_seconds(started_at_));
  return out;
}

}  // namespace weir::web
