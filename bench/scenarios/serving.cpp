#include "scenarios/serving.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "base/json.hpp"

namespace weir::bench {

Result<void> write_pipeline(const std::filesystem::path& project, const std::string& name, const std::string& text) {
  WEIR_TRY(make_folder(project / "pipelines"));
  WEIR_TRY(write_file(project / "weir.yml", "name: bench\n"));
  return write_file(project / "pipelines" / (name + ".yml"), text);
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
  std::string line;
  for (char letter = 0; ::read(reading.get(), &letter, 1) == 1 && letter != '\n';) line += letter;
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (line.empty()) return Error::external(Code::Unavailable, "weir serve ended at once in {}", project.string());
  const auto said = WEIR_TRY(parse_json(line));
  return Serving{std::move(process), std::move(reading), seconds, said.value("address", "")};
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
