#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "engine/plan.hpp"
#include "ledger/ledger.hpp"

// Tasks that wait: for something outside (`wait`), or for a run of another pipeline (`pipeline`). While they wait they take
// no slot and no process.
namespace weir::engine {

bool is_sensor(const Step& step);
// Whether the step needs no process of its own at all.
bool runs_without_process(const Step& step);

struct Look {
  bool is_there = false;
  std::string detail;
};
// Looks for what a sensor waits for, if that is a file or a time. Files are looked for below `folder`.
Result<Look> look(const Step& step, const std::filesystem::path& folder, const ledger::Run& run);
// How long until the next look.
std::chrono::milliseconds probe_interval(const Step& step, const ledger::Run& run);

}  // namespace weir::engine
