#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/plan.hpp"
#include "engine/project_version.hpp"
#include "ledger/ledger.hpp"

namespace weir::web {

// A step of a pipeline as its plan with default parameters has it: what reads and writes which tables.
struct LineageStep {
  std::string pipeline;
  std::string step;
  std::string kind;
  std::string node;
  std::vector<std::string> reads;  // tables ("warehouse.sales") and files
  std::vector<std::string> writes;
};

// Who reads and who writes what, over all pipelines of one version of the project.
class Lineage {
 public:
  explicit Lineage(const engine::ProjectVersion& version);

  const std::vector<LineageStep>& steps() const { return steps_; }
  // Every table that a step reads or writes, sorted; files are left out.
  std::vector<std::string> tables() const;
  // Why a pipeline cannot be planned (a parameter without a default, say).
  const std::map<std::string, Error>& unplanned() const { return unplanned_; }
  const engine::Plan* plan(std::string_view pipeline) const;

  // {nodes, edges} around a table: everything that it is made of, and everything that is made of it.
  Json graph_around(const std::string& table) const;
  // The tables from which, or into which, data flows directly or through files and other tables.
  enum class Direction { Upstream, Downstream };
  std::vector<std::string> tables_along(const std::string& table, Direction direction) const;

 private:
  bool is_table(const std::string& object) const;
  // Objects and steps that are reached from an object, itself included.
  std::pair<std::vector<std::string>, std::vector<std::size_t>> reach(const std::string& object,
                                                                      Direction direction) const;

  const project::Project& project_;
  std::map<std::string, engine::Plan> plans_;
  std::map<std::string, Error> unplanned_;
  std::vector<LineageStep> steps_;
  std::multimap<std::string, std::size_t> readers_;
  std::multimap<std::string, std::size_t> writers_;
};

// The project as it is and as runs had it, with what is computed from it once. Thread-safe.
class Versions {
 public:
  explicit Versions(engine::VersionSource source) : source_(std::move(source)) {}

  // Of the version; kept until another one is asked for.
  std::shared_ptr<const Lineage> lineage(const std::shared_ptr<const engine::ProjectVersion>& version);
  // The version that a run ran with: `current` when it is that one, else the kept copy; nothing when there is none.
  std::shared_ptr<const engine::ProjectVersion> version_of(
      const ledger::Run& run, const std::shared_ptr<const engine::ProjectVersion>& current);
  // The plan that a run was made from, as far as it can be made again.
  Result<engine::Plan> plan_of(const ledger::Run& run, const engine::ProjectVersion& version) const;

 private:
  const engine::VersionSource source_;
  std::mutex mutex_;
  std::shared_ptr<const engine::ProjectVersion> lineage_version_;
  std::shared_ptr<const Lineage> lineage_;
  std::map<std::string, std::shared_ptr<const engine::ProjectVersion>> kept_;
};

}  // namespace weir::web
