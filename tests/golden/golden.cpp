// weir_golden [--update] [CASE…]: compares what comes of the project of each case with its expected.txt: what loading it
// with a fixed vocabulary says, or what the program says to the case's commands.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/file.hpp"
#include "program.hpp"
#include "project/project.hpp"
#include "vocabulary.hpp"

namespace weir::golden {
namespace {

namespace fs = std::filesystem;

// Schedules are shown by their first fires after this instant.
constexpr Instant kNow = std::chrono::sys_days{std::chrono::year{2026} / 3 / 1};
constexpr int kFiresShown = 3;

std::string show(const project::Mistakes& mistakes) {
  std::string text;
  for (const auto& error : mistakes.errors) {
    text += error.text() + "\n";
    if (!error.hint().empty()) text += fmt::format("  hint: {}\n", error.hint());
  }
  return text;
}

std::string show(const project::Schedule& schedule) {
  auto text = fmt::format("  schedule {} in {}{}\n", schedule.interval() ? schedule.text() : schedule.cron(),
                          schedule.zone(), schedule.catchup == project::Catchup::None ? "" : ", catching up");
  auto fire = schedule.next(kNow);
  for (int i = 0; fire && i < kFiresShown; ++i) {
    text += fmt::format("    {}\n", schedule.local_text(*fire));
    fire = schedule.next(*fire);
  }
  return text;
}

std::string show(const project::Task& task) {
  auto text = fmt::format("  task {}: {} {}\n", task.name, task.kind, to_text(task.settings.values()));
  if (!task.needs.empty()) text += fmt::format("    needs {}\n", fmt::join(task.needs, ", "));
  const auto& retry = task.retry;
  if (retry.attempts > 1) {
    text += fmt::format("    {} attempts, {} {} to {}, jitter {}\n", retry.attempts, format_duration(retry.delay),
                        retry.exponential ? "doubling" : "fixed", format_duration(retry.max_delay), retry.jitter);
  }
  if (!task.when.empty()) text += fmt::format("    when {}\n", task.when);
  if (task.run_if != "all_succeeded") text += fmt::format("    if {}\n", task.run_if);
  if (!task.for_each.is_null()) text += fmt::format("    for each of {}\n", to_text(task.for_each));
  if (task.concurrency != 0) text += fmt::format("    {} at once\n", task.concurrency);
  if (!task.pool.empty()) text += fmt::format("    in pool {}\n", task.pool);
  if (task.priority != 0) text += fmt::format("    priority {}\n", task.priority);
  if (task.timeout) text += fmt::format("    at most {}\n", format_duration(*task.timeout));
  return text;
}

std::string show_flow(const project::Pipeline& pipeline) {
  std::string text;
  if (pipeline.concurrency != 1) text += fmt::format("  {} runs at once\n", pipeline.concurrency);
  const auto limit = [&](std::string_view what, const std::optional<std::chrono::milliseconds>& duration) {
    if (duration) text += fmt::format("  {} {}\n", what, format_duration(*duration));
  };
  limit("a run takes at most", pipeline.run_timeout);
  limit("should have succeeded within", pipeline.deadline);
  limit("may wait for a slot", pipeline.queue_warning);
  if (const auto& after = pipeline.after) {
    text += fmt::format("  after {} of {}{}\n", after->rule == project::After::Rule::All ? "all" : "any",
                        fmt::join(after->sources, ", "),
                        after->batch == project::After::Batch::OneByOne ? ", one by one" : "");
  }
  for (const auto& hook : pipeline.hooks) {
    text += fmt::format("  hook on {}: {}{}{}\n", fmt::join(hook.on, ", "), hook.webhook, fmt::join(hook.email, ", "),
                        fmt::join(hook.command, " "));
  }
  return text;
}

std::string show(const project::Project& project) {
  auto text = fmt::format("project {}\nvars {}\nmodels on {} {}\n", project.name, to_text(project.vars),
                          project.model_connection, to_text(project.model_config));
  for (const auto& connection : project.connections) {
    text += fmt::format("connection {}: {}{} {}\n", connection.name, connection.managed ? "managed " : "",
                        connection.type, to_text(connection.settings.values()));
  }
  for (const auto& pipeline : project.pipelines) {
    text +=
        fmt::format("pipeline {}: {} at once, params {}\n", pipeline.name, pipeline.parallel, to_text(pipeline.params));
    text += show_flow(pipeline);
    for (const auto& schedule : pipeline.schedules) text += show(schedule);
    for (const auto& task : pipeline.tasks) text += show(task);
  }
  for (const auto& file : project.sql_files) text += fmt::format("sql {}: {}\n", file.path, file.name);
  for (const auto& file : project.properties)
    text += fmt::format("properties {}: {}\n", file.path, to_text(file.content));
  for (const auto& file : project.generators) {
    text += fmt::format("generator {}: {}\n", file.path, to_text(file.settings.values()));
  }
  return text;
}

// The case "name@prod" is loaded with the environment prod.
std::string environment_of(const std::string& name) {
  const auto at = name.find('@');
  return at == std::string::npos ? std::string{} : name.substr(at + 1);
}

// Paths of this machine do not belong into what is expected.
std::string without_folder(std::string text, const std::string& folder) {
  for (auto at = text.find(folder); at != std::string::npos; at = text.find(folder))
    text.replace(at, folder.size(), "PROJECT");
  return text;
}

std::string show_loading(const fs::path& folder) {
  const auto outcome = project::load(folder, vocabulary(), {environment_of(folder.filename().string())});
  return outcome.project ? show(*outcome.project) : show(outcome.mistakes);
}

bool check_case(const fs::path& folder, bool update) {
  const auto name = folder.filename().string();
  const auto shown =
      without_folder(has_commands(folder) ? show_commands(folder) : show_loading(folder), folder.string());
  const auto file = folder / "expected.txt";
  const auto expected = read_file(file);
  if (expected.ok() && *expected == shown) return true;
  if (update) {
    fmt::print("rewriting {}\n", name);
    return write_file(file, shown).ok();
  }
  fmt::print("{} differs\n--- expected\n{}--- found\n{}\n", name, expected.ok() ? *expected : "(no expected.txt)\n",
             shown);
  return false;
}

int run(std::vector<std::string> names, bool update) {
  if (names.empty()) {
    for (const auto& entry : fs::directory_iterator{WEIR_GOLDEN_FOLDER}) {
      if (entry.is_directory()) names.push_back(entry.path().filename().string());
    }
  }
  std::ranges::sort(names);
  int failed = 0;
  for (const auto& name : names) failed += check_case(fs::path{WEIR_GOLDEN_FOLDER} / name, update) ? 0 : 1;
  fmt::print("{} cases, {} failed\n", names.size(), failed);
  return failed == 0 && !names.empty() ? 0 : 1;
}

}  // namespace
}  // namespace weir::golden

int main(int argc, char** argv) {
  std::vector<std::string> names(argv + 1, argv + argc);
  const bool update = std::erase(names, "--update") > 0;
  return weir::golden::run(std::move(names), update);
}
