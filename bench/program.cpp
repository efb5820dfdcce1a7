#include "program.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>

#include "base/file.hpp"

namespace weir::bench {

namespace {

// The outputs go to unlinked files: unlike pipes they need no reader while the program is timed.
Result<Descriptor> nameless_file() {
  const int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0) return Error::from_errno(errno, "opening a nameless file in /tmp");
  return Descriptor(fd);
}

std::string content(const Descriptor& file) {
  std::string text(static_cast<std::size_t>(std::max<off_t>(lseek(file.get(), 0, SEEK_END), 0)), '\0');
  const ssize_t got = pread(file.get(), text.data(), text.size(), 0);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  return text;
}

std::string last_lines(const std::string& text) { return text.size() <= 2000 ? text : text.substr(text.size() - 2000); }

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

std::vector<std::string> merged_environment(const std::map<std::string, std::string>& added) {
  std::vector<std::string> result;
  for (char** entry = environ; *entry; ++entry) {
    const std::string_view text = *entry;
    if (!added.contains(std::string(text.substr(0, text.find('='))))) result.emplace_back(text);
  }
  for (const auto& [name, value] : added) result.push_back(fmt::format("{}={}", name, value));
  return result;
}

Result<pid_t> start(const Program& program, int out, int err) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addchdir_np(&actions, program.folder.c_str());
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
  std::vector<std::string> arguments = program.arguments;
  std::vector<std::string> environment = merged_environment(program.environment);
  pid_t pid = 0;
  const int failure = posix_spawnp(&pid, arguments[0].c_str(), &actions, nullptr, pointers(arguments).data(),
                                   pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  if (failure != 0) return Error::from_errno(failure, "starting " + arguments[0]);
  return pid;
}

}  // namespace

Result<Outcome> run(const Program& program) {
  const Descriptor out = WEIR_TRY(nameless_file());
  const Descriptor err = WEIR_TRY(nameless_file());
  const auto begin = std::chrono::steady_clock::now();
  const pid_t pid = WEIR_TRY(start(program, out.get(), err.get()));
  int status = 0;
  if (waitpid(pid, &status, 0) != pid) return Error::from_errno(errno, "waiting for " + program.arguments[0]);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    std::string words;
    for (const std::string& argument : program.arguments) words += (words.empty() ? "" : " ") + argument;
    return Error::system(Code::Unavailable, "the program failed (wait status {}): {}\n{}{}", status, words,
                         last_lines(content(out)), last_lines(content(err)));
  }
  return Outcome{.seconds = elapsed.count(), .output = content(out)};
}

Result<Outcome> run_best(const Program& program, int repeats) {
  Outcome best = WEIR_TRY(run(program));
  for (int repeat = 1; repeat < repeats; ++repeat) {
    Outcome next = WEIR_TRY(run(program));
    if (next.seconds < best.seconds) best = std::move(next);
  }
  return best;
}

Result<Announced> start(services::ProcessSpec spec) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Error::from_errno(errno, "making a pipe");
  Descriptor reading{ends[0]};
  Descriptor writing{ends[1]};
  spec.stdout_fd = writing.get();
  auto process = WEIR_TRY(services::Process::spawn(spec));
  writing.reset();
  std::string line;
  for (char letter = 0; ::read(reading.get(), &letter, 1) == 1 && letter != '\n';) line += letter;
  if (line.empty()) return Error::external(Code::Unavailable, "{} ended at once", spec.program.string());
  return Announced{std::move(process), std::move(reading), std::move(line)};
}

}  // namespace weir::bench
