#pragma once

#include <filesystem>
#include <string>

#include "base/id.hpp"

// A task child dies with the process that started it, and so does the program that it runs. What that program has
// started itself is told by nothing but its environment, which holds the attempt's mark.
namespace weir::engine {

inline constexpr auto kTaskMark = "WEIR_TASK";

// "<state folder>:<run>/<step>/<attempt>/": what the processes of an attempt find in WEIR_TASK.
std::string task_mark(const std::filesystem::path& state_folder, const RunId& run, const std::string& step,
                      int attempt);
// The begin of the marks of all attempts of a project.
std::string project_mark(const std::filesystem::path& state_folder);

// Kills the processes whose mark begins so, but this one, and waits until they are gone. Returns how many there were.
int end_leftovers(const std::string& mark);

}  // namespace weir::engine
