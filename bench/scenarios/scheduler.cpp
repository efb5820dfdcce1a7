// `weir serve` and what a task costs when it does nothing, against the limits that the project states. Airflow 3.3.2 on two
// cores took 10 s to be ready, 13.3 s for a chain of ten empty tasks and 18.1 s for fifty.

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/clock.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "program.hpp"
#include "scenarios/parts.hpp"
#include "scenarios/timing.hpp"
#include "services/process.hpp"

namespace weir::bench {

namespace {

constexpr int kIdleSeconds = 5;
constexpr int kDuePipelines = 100;

Figure limit(const std::string& name, double ours, double reference, std::string unit) {
  return {.name = "scheduler/" + name,
          .ours = ours,
          .reference = reference,
          .unit = std::move(unit),
          .better = Better::Lower,
          .origin = Reference::Stated,
          .against = "the limit"};
}

Result<void> write_pipeline(const std::filesystem::path& project, const std::string& name, const std::string& text) {
  WEIR_TRY(make_folder(project / "pipelines"));
  WEIR_TRY(write_file(project / "weir.yml", "name: bench\n"));
  return write_file(project / "pipelines" / (name + ".yml"), text);
}

// A serving process; killed when it goes.
class Serving {
 public:
  static Result<Serving> start(const Setup& setup, const std::filesystem::path& project) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return Error::from_errno(errno, "making a pipe");
    Descriptor reading{ends[0]};
    Descriptor writing{ends[1]};
    services::ProcessSpec spec;
    spec.program = setup.weir();
    spec.arguments = {"serve", "--json", "--port", "0"};
    spec.folder = project;
    spec.stdout_fd = writing.get();
    const auto begin = std::chrono::steady_clock::now();
    auto process = WEIR_TRY(services::Process::spawn(spec));
    writing.reset();
    char letter = 0;
    while (::read(reading.get(), &letter, 1) == 1 && letter != '\n') {
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (letter != '\n') return Error::external(Code::Unavailable, "weir serve ended at once in {}", project.string());
    return Serving{std::move(process), std::move(reading), seconds};
  }
  ~Serving() {
    if (alive_) process_.stop(std::chrono::seconds{10}, SIGTERM);
  }
  Serving(Serving&& other) noexcept
      : process_(std::move(other.process_)),
        out_(std::move(other.out_)),
        ready_seconds_(other.ready_seconds_),
        alive_(std::exchange(other.alive_, false)) {}

  double ready_seconds() const { return ready_seconds_; }
  // Resident memory in MB.
  double memory_mb() const {
    std::ifstream status{fmt::format("/proc/{}/status", process_.pid())};
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("VmRSS:")) return std::stod(line.substr(6)) / 1024;
    }
    return 0;
  }
  // Processor time so far.
  double processor_seconds() const {
    std::ifstream file{fmt::format("/proc/{}/stat", process_.pid())};
    std::string text{std::istreambuf_iterator<char>{file}, {}};
    std::istringstream words{text.substr(text.rfind(')') + 2)};
    std::string word;
    double ticks = 0;
    constexpr int kUser = 12;  // fields 14 and 15 of the file, counted from what follows the name
    for (int i = 1; words >> word && i <= kUser + 1; ++i) {
      if (i >= kUser) ticks += std::stod(word);
    }
    return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
  }

 private:
  Serving(services::Process process, Descriptor out, double ready)
      : process_(std::move(process)), out_(std::move(out)), ready_seconds_(ready) {}
  services::Process process_;
  Descriptor out_;
  double ready_seconds_;
  bool alive_ = true;
};

Result<double> ready_seconds(const Setup& setup, int pipelines) {
  const auto project = setup.folder / fmt::format("ready-{}", pipelines);
  for (int i = 0; i < pipelines; ++i) {
    WEIR_TRY(write_pipeline(project, fmt::format("p{}", i),
                            fmt::format("schedule: \"{} 6 * * *\"\ntasks:\n  a: {{command: \"true\"}}\n  b: {{needs: "
                                        "[a], command: \"true\"}}\n",
                                        i % 60)));
  }
  return best_of(setup.repeats,
                 [&]() -> Result<double> { return WEIR_TRY(Serving::start(setup, project)).ready_seconds(); });
}

Result<double> run_seconds(const Setup& setup, const std::filesystem::path& project, const char* pipeline) {
  const Program program{.arguments = {setup.weir(), "run", pipeline, "--json"}, .folder = project};
  double best = std::numeric_limits<double>::max();
  for (int i = 0; i < setup.repeats; ++i) {
    const auto outcome = WEIR_TRY(run(program));
    std::istringstream lines{outcome.output};
    for (std::string line; std::getline(lines, line);) {
      const auto event = WEIR_TRY(parse_json(line));
      if (event.value("event", "") == "run_finished") best = std::min(best, event.value("seconds", best));
    }
  }
  return best;
}

Result<Figures> measure_tasks(const Setup& setup) {
  const auto project = setup.folder / "tasks";
  std::string chain = "tasks:\n  t0: {command: \"true\"}\n";
  for (int i = 1; i < 10; ++i) chain += fmt::format("  t{}: {{needs: [t{}], command: \"true\"}}\n", i, i - 1);
  WEIR_TRY(write_pipeline(project, "chain", chain));
  std::string wide = "parallel: 8\ntasks:\n";
  for (int i = 0; i < 1000; ++i) wide += fmt::format("  t{}: {{command: \"true\"}}\n", i);
  WEIR_TRY(write_pipeline(project, "wide", wide));
  std::string large = "tasks:\n  t0: {command: \"true\"}\n";
  for (int i = 1; i < 10'000; ++i) large += fmt::format("  t{}: {{needs: [t{}], command: \"true\"}}\n", i, i / 2);
  const auto large_project = setup.folder / "large";
  WEIR_TRY(write_pipeline(large_project, "large", large));
  const Program plan{.arguments = {setup.weir(), "plan", "large", "--json"}, .folder = large_project};
  const Program check{.arguments = {setup.weir(), "check"}, .folder = large_project};
  const auto planned = WEIR_TRY(run_best(plan, setup.repeats));
  const auto checked = WEIR_TRY(run_best(check, setup.repeats));
  const auto serving = WEIR_TRY(Serving::start(setup, project));
  return Figures{limit("chain_of_10", WEIR_TRY(run_seconds(setup, project, "chain")), 0.25, "s"),
                 limit("1000_tasks", WEIR_TRY(run_seconds(setup, project, "wide")), 6, "s"),
                 limit("plan_10000_tasks", planned.seconds - checked.seconds, 0.2, "s")};
}

// Pipelines that are all due in the same second: from the fire to the run's start.
Result<double> delay_p99_ms(const Setup& setup) {
  const auto project = setup.folder / "due";
  const auto due = std::chrono::floor<std::chrono::seconds>(system_clock().now()) + std::chrono::seconds{8};
  const auto text = format_instant(Instant{due});
  for (int i = 0; i < kDuePipelines; ++i) {
    WEIR_TRY(write_pipeline(project, fmt::format("p{}", i),
                            fmt::format("schedule: \"{} {} {} * * *\"\ntasks:\n  a: {{command: \"true\"}}\n",
                                        text.substr(17, 2), text.substr(14, 2), text.substr(11, 2))));
  }
  const auto serving = WEIR_TRY(Serving::start(setup, project));
  const Program list{.arguments = {setup.weir(), "runs", "--json", "--limit", "1000"}, .folder = project};
  for (int i = 0; i < 60; ++i) {
    std::this_thread::sleep_for(std::chrono::seconds{1});
    if (system_clock().now() < Instant{due}) continue;
    const auto runs = WEIR_TRY(parse_json(WEIR_TRY(run(list)).output));
    std::vector<double> delays;
    for (const auto& one : runs) {
      const auto begun =
          one["started_at"].is_string() ? parse_instant(one["started_at"].get<std::string>()) : std::nullopt;
      if (begun && one["state"] == "succeeded")
        delays.push_back(std::chrono::duration<double, std::milli>(*begun - Instant{due}).count());
    }
    if (delays.size() < kDuePipelines) continue;
    std::ranges::sort(delays);
    return delays[delays.size() * 99 / 100 - 1];
  }
  return Error::external(Code::TimedOut, "the pipelines that were due have not all run");
}

}  // namespace

Result<Figures> measure_scheduler_tasks(const Setup& setup) { return measure_tasks(setup); }

Result<Figures> measure_serving(const Setup& setup) {
  Figures figures{limit("ready_20_pipelines", WEIR_TRY(ready_seconds(setup, 20)), 0.3, "s"),
                  limit("ready_2000_pipelines", WEIR_TRY(ready_seconds(setup, 2000)), 2, "s"),
                  limit("delay_p99", WEIR_TRY(delay_p99_ms(setup)), 50, "ms")};
  const auto idle = WEIR_TRY(Serving::start(setup, setup.folder / "ready-20"));
  const double before = idle.processor_seconds();
  std::this_thread::sleep_for(std::chrono::seconds{kIdleSeconds});
  figures.push_back(limit("idle_cpu", (idle.processor_seconds() - before) * 100 / kIdleSeconds, 0.5, "%"));
  figures.push_back(limit("idle_memory", idle.memory_mb(), 60, "MB"));
  return figures;
}

std::vector<Part> scheduler_parts() {
  return {{"tasks", "what empty tasks take beside `weir serve`", measure_scheduler_tasks},
          {"serving", "`weir serve`: readiness, delay, idleness", measure_serving}};
}

}  // namespace weir::bench
