#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "services/process.hpp"

// Runs the real binary on real projects: what the tests of the whole program stand on.
namespace weir::testing {

struct ProgramResult {
  int exit_code = -1;
  std::string out;
  std::string err;
  // The lines of --json output.
  std::vector<Json> lines() const;
  // The last event of this kind, for a step if one is given; null when there is none.
  Json event(std::string_view kind, std::string_view step = {}) const;
};

// A project in a temporary folder, removed at the end (its services are stopped first).
class TestProject {
 public:
  // A copy of examples/<example>.
  explicit TestProject(const std::string& example);
  // An empty folder.
  TestProject();
  ~TestProject();
  TestProject(const TestProject&) = delete;
  TestProject& operator=(const TestProject&) = delete;

  const std::filesystem::path& folder() const { return folder_; }
  void write(const std::string& path, std::string_view text) const;
  // Replaces the first occurrence, which must be there.
  void edit(const std::string& path, std::string_view from, std::string_view to) const;

  // Runs `weir …` in the project's folder to its end.
  ProgramResult run(const std::vector<std::string>& arguments) const;
  // The same on a terminal of 80 columns, with these variables set: everything that it wrote there is in `out`.
  ProgramResult run_on_terminal(const std::vector<std::string>& arguments,
                                const std::map<std::string, std::string>& environment = {}) const;
  struct Started {
    services::Process process;
    Descriptor out;  // the rest of its standard output
    Descriptor err;  // a file in memory: its standard error
    // What it has written to standard error so far.
    std::string error_text() const;
  };
  // Starts it and hands every line of its standard output to the function until that returns false or the output ends;
  // then returns the process, which may still run.
  Started start_until(const std::vector<std::string>& arguments, const std::function<bool(const Json&)>& go_on) const;
  // The rows of a query as CSV without the head.
  std::string query(const std::string& connection, const std::string& sql) const;

 private:
  std::filesystem::path folder_;
};

}  // namespace weir::testing
