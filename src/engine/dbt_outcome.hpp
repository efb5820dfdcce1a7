#pragma once

#include <deque>
#include <filesystem>
#include <string>
#include <vector>

#include "dbt/results.hpp"
#include "engine/task_kind.hpp"
#include "services/process.hpp"

namespace weir::engine {

// What dbt complained about in its log: the reason of a failure that no node has.
class DbtComplaints {
 public:
  void add(const LogLine& line);
  // The errors, or without any the last lines.
  std::string text() const;

 private:
  std::vector<std::string> errors_;
  std::deque<std::string> last_;
};

// What a run of dbt comes to: parts and checks of the run in the ledger, and its result or error.
class DbtOutcome {
 public:
  struct About {
    std::string project;  // the dbt project's folder, relative to the Weir project
    std::string adapter;
    std::string command;
    std::filesystem::path target;
  };
  DbtOutcome(TaskContext& context, const Redactor& redactor, About about)
      : context_(context), redactor_(redactor), about_(std::move(about)) {}

  // A part for every node, a check for every test. Where dbt's adapter does not say how many rows a table got, they are
  // counted.
  Result<void> report(std::vector<dbt::NodeResult> nodes);
  Result<Json> judge(const services::ExitStatus& status, const std::vector<dbt::NodeResult>& nodes,
                     const DbtComplaints& complaints) const;

 private:
  Result<void> report_node(const dbt::NodeResult& node, const std::string& name);
  Result<void> report_check(const dbt::NodeResult& node);
  void count_rows(std::vector<dbt::NodeResult>& nodes);
  Error node_error(const dbt::NodeResult& node) const;
  Error failure(const services::ExitStatus& status, const DbtComplaints& complaints) const;
  std::string compiled_path(const dbt::NodeResult& node) const;

  TaskContext& context_;
  const Redactor& redactor_;
  const About about_;
};

}  // namespace weir::engine
