#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <memory>
#include <optional>
#include <ranges>
#include <sstream>

#include "engine/code_view.hpp"
#include "engine/kinds.hpp"
#include "services/process.hpp"

// `command`: a program of the user's. Its output is the attempt's log.
namespace weir::engine {
namespace {

namespace fs = std::filesystem;

// A result travels to the parent in one message and into the ledger.
constexpr std::size_t kResultBytesMax = std::size_t{8} << 20;

// What the program writes to its standard output, when that is the task's result.
class Output {
 public:
  static Result<std::unique_ptr<Output>> open() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return Error::from_errno(errno, "making a pipe");
    return std::unique_ptr<Output>(new Output(Descriptor{ends[0]}, Descriptor{ends[1]}));
  }

  int descriptor() const { return writing_.get(); }
  // Reads to the end, which comes when the program and what it has started are gone.
  Result<std::string> read_all() {
    writing_.reset();
    std::string text;
    std::array<char, 65'536> piece;
    for (;;) {
      const auto got = ::read(reading_.get(), piece.data(), piece.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return Error::from_errno(errno, "reading the command's output");
      if (got == 0) return text;
      text.append(piece.data(), static_cast<std::size_t>(got));
      if (text.size() > kResultBytesMax) {
        return Error::user(Code::ResourceExhausted, "the command's result is longer than {} bytes", kResultBytesMax)
            .hint("write it to a file, and give the file's name as the result");
      }
    }
  }

 private:
  Output(Descriptor reading, Descriptor writing) : reading_(std::move(reading)), writing_(std::move(writing)) {}
  Descriptor reading_;
  Descriptor writing_;
};

Result<Json> result_of(const std::string& output, std::string_view form) {
  if (form == "json") return parse_json(output).while_doing("reading the command's result");
  Json lines = Json::array();
  std::istringstream text{output};
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

// The words of the command that are files of the project name them as they are in the view.
void use_view(std::vector<std::string>& command, const fs::path& code, const fs::path& view) {
  const auto in_view = [&](std::string_view path) { return (view / path).lexically_normal().string(); };
  if (command.size() > 1) {
    for (auto& word : command) {
      if (is_code_path(word, code)) word = in_view(word);
    }
    return;
  }
  auto& text = command.front();
  const auto words = code_words(text, code);
  // From the end, so that the places of those before stay.
  for (const auto& word : words | std::views::reverse) {
    const auto path = in_view(text.substr(word.begin, word.length));
    text.replace(word.begin, word.length, word.quoted ? path : fmt::format("'{}'", path));
  }
}

bool names_code(const std::vector<std::string>& command, const fs::path& code) {
  if (command.size() == 1) return !code_words(command.front(), code).empty();
  return std::ranges::any_of(command, [&](const auto& word) { return is_code_path(word, code); });
}

Result<Json> run_command(TaskContext& context) {
  const auto& order = context.order();
  const auto& settings = order.settings;
  auto command = settings.texts("command");
  if (command.empty()) return Error::user(Code::InvalidProject, "a command task needs a command");
  std::optional<CodeView> view;
  if (names_code(command, order.code_folder)) view.emplace(WEIR_TRY(CodeView::open(order)));
  if (view && view->differs_from_project()) use_view(command, order.code_folder, view->folder());
  services::ProcessSpec spec;
  // A single text goes through the shell, a list is run as it stands.
  if (command.size() == 1) {
    spec.program = "/bin/sh";
    spec.arguments = {"-c", command.front()};
  } else {
    spec.program = command.front();
    spec.arguments.assign(command.begin() + 1, command.end());
  }
  for (const auto& [name, value] : settings.json("environment").items())
    spec.environment[name] = value.get<std::string>();
  spec.folder = order.project_folder;
  spec.stdout_fd = STDOUT_FILENO;  // the attempt's log file
  spec.stderr_fd = STDERR_FILENO;
  std::unique_ptr<Output> output;
  if (settings.has("result")) {
    output = WEIR_TRY(Output::open());
    spec.stdout_fd = output->descriptor();
  }
  auto process = WEIR_TRY(services::Process::spawn(spec));
  // It has a session of its own, so that what it starts hears of the stop too.
  const auto group = -process.pid();
  const std::stop_callback forward(context.stop(), [group] { ::kill(group, SIGTERM); });
  const auto written = output ? output->read_all() : Result<std::string>{std::string{}};
  if (!written.ok()) {
    process.signal(SIGKILL);
    return written.error();
  }
  const auto status = process.wait();
  if (context.stop().stop_requested()) {
    ::kill(group, SIGKILL);
    return Error::cancelled();
  }
  if (!status.ok()) {
    return Error::external(Code::CheckFailed, "the command ended with {}", status.text())
        .hint("its output is in the task's log: weir logs");
  }
  Json report{{"exit_code", status.code}};
  if (output) report["result"] = WEIR_TRY(result_of(*written, settings.text("result")));
  return report;
}

}  // namespace

TaskKind command_kind() {
  return {
      .name = "command",
      .summary = "Runs a program; an exit code other than 0 is a failure",
      .settings = {{.name = "command",
                    .type = SettingType::List,
                    .doc = "A shell command, or a program and its arguments",
                    .need = Need::Required,
                    .fields = {{.name = "argument", .type = SettingType::Text}},
                    .shorthand = Setting::Shorthand::Allowed},
                   {.name = "result",
                    .type = SettingType::Choice,
                    .doc = "Its standard output is the task's result, tasks.NAME.output.result, rather than its log",
                    .choices = {"lines", "json"}},
                   {.name = "environment",
                    .type = SettingType::Map,
                    .doc = "Environment variables in addition to Weir's own",
                    .fields = {{.name = "value", .type = SettingType::Text}}}},
      .reads = {},
      .writes = {},
      .run = run_command};
}

}  // namespace weir::engine
