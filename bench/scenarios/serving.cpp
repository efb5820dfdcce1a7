#include "scenarios/serving.hpp"

#include <fmt/format.h>

#include <csignal>
#include <fstream>

#include "base/json.hpp"
#include "program.hpp"

namespace weir::bench {

Result<void> write_pipeline(const std::filesystem::path& project, const std::string& name, const std::string& text) {
  WEIR_TRY(make_folder(project / "pipelines"));
  WEIR_TRY(write_file(project / "weir.yml", "name: bench\n"));
  return write_file(project / "pipelines" / (name + ".yml"), text);
}

Result<void> write_chain(const std::filesystem::path& project) {
  std::string chain = "tasks:\n  t0: {command: \"true\"}\n";
  for (int i = 1; i < 10; ++i) chain += fmt::format("  t{}: {{needs: [t{}], command: \"true\"}}\n", i, i - 1);
  return write_pipeline(project, "chain", chain);
}

Serving::Serving(services::Process process, Descriptor out, double ready, std::string address)
    : process_(std::move(process)), out_(std::move(out)), ready_seconds_(ready), address_(std::move(address)) {}

Serving::Serving(Serving&& other) noexcept
    : process_(std::move(other.process_)),
      out_(std::move(other.out_)),
      ready_seconds_(other.ready_seconds_),
      address_(std::move(other.address_)),
      alive_(std::exchange(other.alive_, false)) {}

Serving::~Serving() {
  if (alive_) process_.stop(std::chrono::seconds{10}, SIGTERM);
}

Result<Serving> Serving::start(const Setup& setup, const std::filesystem::path& project) {
  services::ProcessSpec spec;
  spec.program = setup.weir();
  spec.arguments = {"serve", "--json", "--port", "0"};
  spec.folder = project;
  const auto begin = std::chrono::steady_clock::now();
  auto started = WEIR_TRY(bench::start(std::move(spec)));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const auto said = WEIR_TRY(parse_json(started.line));
  return Serving{std::move(started.process), std::move(started.out), seconds, said.value("address", "")};
}

double Serving::memory_mb() const {
  std::ifstream status{fmt::format("/proc/{}/status", process_.pid())};
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stod(line.substr(6)) / 1024;
  }
  return 0;
}

double Serving::processor_seconds() const {
  double nanoseconds = 0;
  for (const auto& thread : std::filesystem::directory_iterator{fmt::format("/proc/{}/task", process_.pid())}) {
    double ran = 0;  // the first number (Documentation/scheduler/sched-stats.rst)
    std::ifstream{thread.path() / "schedstat"} >> ran;
    nanoseconds += ran;
  }
  return nanoseconds / 1e9;
}

}  // namespace weir::bench
