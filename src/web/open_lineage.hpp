#pragma once

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/secret.hpp"
#include "engine/feed.hpp"
#include "engine/scheduler.hpp"

namespace weir::web {

// Where OpenLineage events go: a line each into a file, or a POST each to an endpoint.
struct OpenLineageTarget {
  std::filesystem::path file;
  std::string url;            // "http://marquez:5000/api/v1/lineage", instead of the file
  Secret api_key;             // sent as a bearer token
  std::string job_namespace;  // "" is the project's name
};

// What is known of one attempt when its event is made.
struct LineageDataset {
  std::string name_space;       // "postgres://host:5432", "clickhouse://host:8123", "file"
  std::string name;             // "database.schema.table"
  Json fields = Json::array();  // {name, type}; empty when nobody knows
  std::optional<std::uint64_t> rows_written;
};
struct LineageFacts {
  std::string job_namespace;
  std::string weir_version;
  std::string pipeline;
  std::string run;
  std::string summary;
  std::optional<Instant> interval_from;
  std::optional<Instant> interval_to;
  std::vector<LineageDataset> inputs;
  std::vector<LineageDataset> outputs;
};

// A RunEvent of OpenLineage's spec 2-0-2 (https://openlineage.io/spec/2-0-2/OpenLineage.json) about an attempt of a task,
// START when it runs, COMPLETE, FAIL or ABORT when it has ended; its run is a child of the pipeline's. Null for what is no
// such moment (an attempt that never started).
Json lineage_event(const ledger::Attempt& attempt, const LineageFacts& facts);
// The same about a pipeline's run as a whole.
Json lineage_event(const ledger::Run& run, const LineageFacts& facts);
// The same text always gives the same UUID (RFC 9562, version 8, from SHA-256), so that a START and its COMPLETE agree.
std::string uuid_of(std::string_view text);

// Follows what happens and tells a lineage server. A server that does not answer costs events, never a run: they wait in
// memory (10,000 at most), each is tried three times, then dropped with a line in the log. Thread-safe.
class OpenLineage {
 public:
  static Result<std::unique_ptr<OpenLineage>> start(OpenLineageTarget target, engine::Scheduler& scheduler,
                                                    std::string weir_version);
  virtual ~OpenLineage() = default;  // gives what waits a few seconds

  virtual void saw(const engine::FeedEvent& event) = 0;
  // The file or the address, without its key.
  virtual std::string target_text() const = 0;
};

}  // namespace weir::web
