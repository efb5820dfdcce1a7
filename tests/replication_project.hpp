#pragma once

#include <memory>
#include <string>

#include "flow/database.hpp"
#include "services/service.hpp"
#include "weir_program.hpp"

namespace weir::testing {

// A project with two PostgreSQL servers and a warehouse, all managed, which run for as long as the program does.
class ReplicationProject {
 public:
  static ReplicationProject& instance();

  const TestProject& project() const { return project_; }
  std::filesystem::path log_of(const std::string& service) const;
  services::Supervisor& supervisor() { return *supervisor_; }
  // Waits until the service answers, starting it when it does not run.
  void ensure(const std::string& service);
  int pid_of(const std::string& service);

  // SQL in a session of its own; a failure is the test's.
  void execute(const std::string& connection, const std::string& sql);
  // The rows as text: "1|a 2|b".
  std::string rows(const std::string& connection, const std::string& sql);

  // Writes pipelines/NAME.yml with one task `replicate` of these settings (flow style, without braces).
  void write_pipeline(const std::string& name, const std::string& settings) const;
  // `weir run NAME --json`.
  ProgramResult run(const std::string& name) const { return project_.run({"run", name, "--json"}); }
  // What the task reported about itself.
  static Json output(const ProgramResult& result) { return result.event("step", "replicate")["output"]; }
  static std::string error(const ProgramResult& result) { return to_text(result.event("step", "replicate")["error"]); }

 private:
  ReplicationProject();
  ~ReplicationProject();
  std::unique_ptr<flow::Database> open(const std::string& connection);

  TestProject project_;
  std::unique_ptr<services::Supervisor> supervisor_;
};

}  // namespace weir::testing
