#include "engine/running_attempt.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "engine/error_json.hpp"
#include "engine/leftovers.hpp"
#include "engine/task_link.hpp"

namespace weir::engine {
namespace {

// Two segments of PostgreSQL's log.
constexpr std::uintmax_t kLittleSpaceBytes = std::uintmax_t{32} << 20;

// What to do about a disk of ours that has hardly any room left; nothing when none is so.
std::optional<std::string> nearly_full_disk(const std::filesystem::path& state_folder) {
  for (const auto& folder : {state_folder / "services", state_folder}) {
    std::error_code failed;
    const auto space = std::filesystem::space(folder, failed);
    if (failed || space.available >= kLittleSpaceBytes) continue;
    return fmt::format("the disk that holds {} has only {:.1f} MB left, which may be why: free some space there",
                       folder.string(), static_cast<double>(space.available) / 1e6);
  }
  return std::nullopt;
}

Result<Descriptor> open_log(const std::filesystem::path& path) {
  WEIR_TRY(make_folder(path.parent_path()));
  Descriptor log{::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)};
  if (!log) return Error::from_errno(errno, fmt::format("opening log: {}", path.string()));
  return log;
}

// A step's name holds slashes; its log lies in the run's folder.
std::string log_name(const Step& step, int attempt) {
  std::string name = step.name;
  for (auto& letter : name) {
    if (letter == '/') letter = '.';
  }
  return fmt::format("{}.{}.log", name, attempt);
}

}  // namespace

RunningAttempt::RunningAttempt(const Step& step, ledger::Attempt attempt, services::Process process,
                               services::Channel channel, Log log)
    : step_(step),
      attempt_(std::move(attempt)),
      process_(std::move(process)),
      channel_(std::move(channel)),
      log_(std::move(log)) {
  if (step.timeout) timeout_at_ = std::chrono::steady_clock::now() + *step.timeout;
}

Result<std::unique_ptr<RunningAttempt>> RunningAttempt::start(const Step& step, ledger::Attempt attempt,
                                                              const std::filesystem::path& state_folder,
                                                              const Spawn& spawn) {
  attempt.log_path = fmt::format("logs/{}/{}", attempt.run.text(), log_name(step, attempt.number));
  auto path = state_folder / attempt.log_path;
  // The child's and ours apart: only so is our place in the file after a line of ours where that line ends.
  const auto log = WEIR_TRY(open_log(path));
  auto our_log = WEIR_TRY(open_log(path));
  auto follower = WEIR_TRY(TaskLogFollower::open(path));
  auto [channel, child_end] = WEIR_TRY(services::Channel::make_pair());
  auto process = WEIR_TRY(spawn(child_end.get(), log.get()));
  std::unique_ptr<RunningAttempt> running{
      new RunningAttempt(step, std::move(attempt), std::move(process), std::move(channel),
                         {.path = std::move(path), .file = std::move(our_log), .follower = std::move(follower)})};
  const auto& record = running->attempt_;
  running->state_folder_ = state_folder;
  running->mark_ = task_mark(state_folder, record.run, record.task, record.number);
  return running;
}

void RunningAttempt::give(const WorkOrder& order) {
  static_cast<void>(channel_.send(to_text({{"type", "work"}, {"order", order.to_json()}})));
}

Result<std::vector<RunningAttempt::Event>> RunningAttempt::receive(ledger::Ledger& ledger, std::string_view pipeline) {
  std::vector<Event> events;
  const auto closed = Event{.kind = Event::Kind::Closed, .part = {}};
  const auto arrived = channel_.receive_arrived();
  // A broken channel and a closed one say the same: the child is gone.
  if (!arrived.ok()) return std::vector{closed};
  for (const auto& text : arrived->messages) {
    const auto message = parse_json(text);
    if (!message.ok()) return std::vector{closed};
    events.push_back(WEIR_TRY(handle(*message, ledger, pipeline)));
  }
  if (arrived->ended) events.push_back(closed);
  return events;
}

void RunningAttempt::answer() {
  // A child that is gone notices nothing more; its end arrives as a closed channel.
  for (const auto& text : answers_) static_cast<void>(channel_.send(text));
  answers_.clear();
}

Result<RunningAttempt::Event> RunningAttempt::handle(const Json& message, ledger::Ledger& ledger,
                                                     std::string_view pipeline) {
  const auto type = message.value("type", std::string{});
  if (type == "log") {
    write_log(log_line_from_json(message));
    return Event{.kind = Event::Kind::Log, .part = {}};
  }
  if (type == "progress") {
    attempt_.rows_read = message.value("rows_read", attempt_.rows_read);
    attempt_.rows_written = message.value("rows_written", attempt_.rows_written);
    attempt_.bytes_read = message.value("bytes_read", attempt_.bytes_read);
    return Event{.kind = Event::Kind::Progress, .part = {}};
  }
  if (type == "check") {
    auto check = check_from_json(message);
    check.run = attempt_.run;
    check.task = step_.name;
    const auto saved = ledger.save_check(check);
    Json answer{{"type", "answer"}, {"value", true}};
    if (!saved.ok()) answer["error"] = to_json(saved.error());
    answers_.push_back(to_text(answer));
  } else if (type == "part") {
    auto part = part_from_json(message);
    const auto saved = save_part(ledger, part);
    Json answer{{"type", "answer"}, {"value", true}};
    if (!saved.ok()) answer["error"] = to_json(saved.error());
    answers_.push_back(to_text(answer));
    return Event{.kind = Event::Kind::Part, .part = std::move(part)};
  } else if (type == "journal") {
    auto& journal = journals_[message.value("stream", std::string{})];
    if (!journal) {
      journal =
          ledger.journal(attempt_.run, pipeline, step_.name, message.value("stream", std::string{}), step_.redo_since);
    }
    answers_.push_back(to_text(answer_journal(*journal, message)));
  } else if (type == "done") {
    reported_ = true;
    attempt_.memory_bytes_max = message.value("memory_bytes_max", attempt_.memory_bytes_max);
    attempt_.output = message.value("output", Json(nullptr));
  } else if (type == "failed") {
    reported_ = true;
    attempt_.memory_bytes_max = message.value("memory_bytes_max", attempt_.memory_bytes_max);
    error_ = error_from_json(message.value("error", Json::object()));
  }
  return Event{};
}

// A part that was skipped is a note that it never started, as a skipped step is.
Result<void> RunningAttempt::save_part(ledger::Ledger& ledger, ledger::Attempt& part) const {
  part.run = attempt_.run;
  part.task = fmt::format("{}/{}", step_.name, part.task);
  part.number = part.state == ledger::AttemptState::Skipped ? 0 : attempt_.number;
  part.log_path = attempt_.log_path;
  if (part.number != 0) {
    auto started = part;
    started.state = ledger::AttemptState::Running;
    started.finished_at.reset();
    WEIR_TRY(ledger.start_attempt(started));
  }
  return ledger.finish_attempt(part);
}

void RunningAttempt::settle() {
  services::ExitStatus status;
  if (reported_) {
    process_.release();
  } else {
    status = process_.wait();
    attempt_.memory_bytes_max = status.memory_bytes_max;
    end_leftovers(mark_);
  }
  if (stop_reason_ == StopReason::TimedOut && (error_ || !reported_)) {
    error_ = Error::system(Code::TimedOut, "the task ran longer than its timeout: {}", format_duration(*step_.timeout))
                 .hint("raise the task's timeout, or find out what it waits for");
  } else if (stop_reason_ == StopReason::Cancelled && (error_ || !reported_)) {
    error_ = Error::cancelled();
  } else if (!reported_) {
    error_ = Error::system(Code::Unavailable, "the task's process ended without a word: {}", status.text())
                 .hint(fmt::format("its last output is in .weir/{}", attempt_.log_path));
  }
  // A service that runs out of disk cannot always say so: PostgreSQL ends when its log does not fit.
  if (error_ && error_->code() == Code::Unavailable && error_->hint().empty()) {
    if (const auto full = nearly_full_disk(state_folder_)) error_ = std::move(*error_).hint(*full);
  }
  if (error_) write_log({system_clock().now(), LogLevel::Error, error_->text()});
}

void RunningAttempt::write_log(const LogLine& line) {
  const auto text = format_log_line(line);
  if (!write_all(log_.file.get(), text, "writing the task's log").ok()) return;
  log_.follower.wrote(static_cast<std::uint64_t>(::lseek(log_.file.get(), 0, SEEK_CUR)), text.size());
}

std::vector<TaskLogLine> RunningAttempt::new_log_lines() { return log_.follower.take(system_clock().now()); }
std::vector<TaskLogLine> RunningAttempt::last_log_lines() { return log_.follower.take_rest(system_clock().now()); }

void RunningAttempt::ask_to_stop(std::chrono::milliseconds grace) {
  if (stop_reason_ == StopReason::None) stop_reason_ = StopReason::Cancelled;
  process_.signal(SIGTERM);
  kill_at_ = std::chrono::steady_clock::now() + grace;
}

void RunningAttempt::kill() {
  if (stop_reason_ == StopReason::None) stop_reason_ = StopReason::Cancelled;
  process_.signal(SIGKILL);
  kill_at_.reset();
}

std::optional<SteadyTime> RunningAttempt::deadline() const { return kill_at_ ? kill_at_ : timeout_at_; }

void RunningAttempt::deadline_passed(std::chrono::milliseconds grace) {
  if (kill_at_) return kill();
  stop_reason_ = StopReason::TimedOut;
  timeout_at_.reset();
  ask_to_stop(grace);
}

}  // namespace weir::engine
