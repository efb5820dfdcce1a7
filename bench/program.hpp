#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "base/result.hpp"
#include "services/process.hpp"

namespace weir::bench {

// A program that is run to its end and timed.
struct Program {
  std::vector<std::string> arguments;                   // the first is the program: a path, or a name that PATH knows
  std::filesystem::path folder;                         // where it runs
  std::map<std::string, std::string> environment = {};  // added to ours
};

struct Outcome {
  double seconds = 0;  // from start to exit, on the wall
  std::string output;  // what it wrote to stdout
};

// Fails when the program cannot be started or ends with anything but 0; then the error shows the end of its stderr.
Result<Outcome> run(const Program& program);

// The shortest of several runs: what the program takes when the machine does nothing else.
Result<Outcome> run_best(const Program& program, int repeats);

// A program that goes on after its first line of output, which says that it is ready and where.
struct Announced {
  services::Process process;
  Descriptor out;  // the rest of its output
  std::string line;
};
// Returns with the line. Unavailable when the program ends without one.
Result<Announced> start(services::ProcessSpec spec);

}  // namespace weir::bench
