#include "weir_program.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "base/file.hpp"

namespace weir::testing {
namespace {

struct Pipe {
  Descriptor reading;
  Descriptor writing;
};

Pipe make_pipe() {
  int ends[2] = {-1, -1};
  WEIR_CHECK(::pipe2(ends, O_CLOEXEC) == 0);
  return {Descriptor{ends[0]}, Descriptor{ends[1]}};
}

std::string read_to_end(int fd) {
  std::string text;
  char buffer[65536];
  for (;;) {
    const auto got = ::read(fd, buffer, sizeof buffer);
    if (got <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
  }
}

std::filesystem::path new_folder() {
  auto pattern = (std::filesystem::temp_directory_path() / "weir-test-XXXXXX").string();
  WEIR_CHECK(::mkdtemp(pattern.data()) != nullptr);
  // The managed PostgreSQL runs as another user when we are root.
  std::filesystem::permissions(pattern, std::filesystem::perms{0755});
  return pattern;
}

services::ProcessSpec spec_of(const std::filesystem::path& folder, const std::vector<std::string>& arguments) {
  services::ProcessSpec spec;
  spec.program = WEIR_BINARY;
  spec.arguments = arguments;
  spec.folder = folder;
  return spec;
}

}  // namespace

std::vector<Json> ProgramResult::lines() const {
  std::vector<Json> all;
  std::size_t begin = 0;
  for (auto end = out.find('\n'); end != std::string::npos; begin = end + 1, end = out.find('\n', begin)) {
    auto line = parse_json(std::string_view{out}.substr(begin, end - begin));
    if (line.ok()) all.push_back(std::move(*line));
  }
  return all;
}

Json ProgramResult::event(std::string_view kind, std::string_view step) const {
  Json found;
  for (auto& line : lines()) {
    if (line.value("event", "") == kind && (step.empty() || line.value("step", "") == step)) found = std::move(line);
  }
  return found;
}

TestProject::TestProject() : folder_(new_folder()) {}

TestProject::TestProject(const std::string& example) : TestProject() {
  const auto source = std::filesystem::path{WEIR_SOURCE_DIR} / "examples" / example;
  for (const auto& entry : std::filesystem::directory_iterator(source)) {
    const auto name = entry.path().filename();
    if (name == "files" || name == ".weir") continue;
    std::filesystem::copy(entry.path(), folder_ / name, std::filesystem::copy_options::recursive);
  }
}

TestProject::~TestProject() {
  if (std::filesystem::exists(folder_ / ".weir")) (void)run({"services", "down"});
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void TestProject::write(const std::string& path, std::string_view text) const {
  ASSERT_TRUE(make_folder((folder_ / path).parent_path()).ok());
  ASSERT_TRUE(write_file(folder_ / path, text).ok());
}

void TestProject::edit(const std::string& path, std::string_view from, std::string_view to) const {
  auto text = read_file(folder_ / path);
  ASSERT_TRUE(text.ok()) << path;
  const auto at = text->find(from);
  ASSERT_NE(at, std::string::npos) << path << " has no " << from;
  write(path, text->replace(at, from.size(), to));
}

ProgramResult TestProject::run(const std::vector<std::string>& arguments) const {
  auto out = make_pipe();
  auto err = make_pipe();
  auto spec = spec_of(folder_, arguments);
  spec.stdout_fd = out.writing.get();
  spec.stderr_fd = err.writing.get();
  auto process = services::Process::spawn(spec);
  EXPECT_TRUE(process.ok());
  if (!process.ok()) return {};
  out.writing.reset();
  err.writing.reset();
  ProgramResult result;
  std::thread reader([&] { result.err = read_to_end(err.reading.get()); });
  result.out = read_to_end(out.reading.get());
  reader.join();
  const auto status = process->wait();
  result.exit_code = status.signal == 0 ? status.code : 128 + status.signal;
  return result;
}

ProgramResult TestProject::run_on_terminal(const std::vector<std::string>& arguments,
                                           const std::map<std::string, std::string>& environment) const {
  int ends[2] = {-1, -1};
  winsize size{};
  size.ws_row = 24;
  size.ws_col = 80;
  WEIR_CHECK(::openpty(&ends[0], &ends[1], nullptr, nullptr, &size) == 0);
  const Descriptor ours{ends[0]};
  Descriptor theirs{ends[1]};
  auto spec = spec_of(folder_, arguments);
  spec.environment = environment;
  spec.environment.try_emplace("TERM", "xterm-256color");
  spec.stdout_fd = theirs.get();
  spec.stderr_fd = theirs.get();
  auto process = services::Process::spawn(spec);
  EXPECT_TRUE(process.ok());
  if (!process.ok()) return {};
  theirs.reset();
  ProgramResult result;
  result.out = read_to_end(ours.get());
  const auto status = process->wait();
  result.exit_code = status.signal == 0 ? status.code : 128 + status.signal;
  return result;
}

std::string TestProject::Started::error_text() const {
  std::string text;
  char buffer[65536];
  for (ssize_t got = 0; (got = ::pread(err.get(), buffer, sizeof buffer, static_cast<off_t>(text.size()))) > 0;)
    text.append(buffer, static_cast<std::size_t>(got));
  return text;
}

TestProject::Started TestProject::start_until(const std::vector<std::string>& arguments,
                                              const std::function<bool(const Json&)>& go_on) const {
  auto out = make_pipe();
  auto spec = spec_of(folder_, arguments);
  spec.stdout_fd = out.writing.get();
  Descriptor err{::memfd_create("stderr", MFD_CLOEXEC)};
  spec.stderr_fd = err.get();
  auto process = services::Process::spawn(spec);
  WEIR_CHECK(process.ok());
  out.writing.reset();
  std::string line;
  char letter = 0;
  while (::read(out.reading.get(), &letter, 1) == 1) {
    if (letter != '\n') {
      line += letter;
      continue;
    }
    const auto parsed = parse_json(line);
    line.clear();
    if (parsed.ok() && !go_on(*parsed)) break;
  }
  return {std::move(*process), std::move(out.reading), std::move(err)};
}

std::string TestProject::query(const std::string& connection, const std::string& sql) const {
  const auto result = run({"query", connection, sql, "--format", "csv"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const auto head = result.out.find('\n');
  return head == std::string::npos ? result.out : result.out.substr(head + 1);
}

}  // namespace weir::testing
