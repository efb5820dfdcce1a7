#include "engine/control.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "engine/error_json.hpp"
#include "engine/task_link.hpp"

namespace weir::engine {
namespace {

constexpr auto kSocketName = "serve.sock";

Json micros(Instant at) { return at.time_since_epoch().count(); }
Json micros(const std::optional<Instant>& at) { return at ? micros(*at) : Json(nullptr); }

std::optional<Instant> instant(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_number_integer()) return std::nullopt;
  return Instant{std::chrono::microseconds{found->get<std::int64_t>()}};
}

// A socket's address is short; a project's folder may not be. The folder's descriptor stands in its place.
struct Address {
  Descriptor folder;
  sockaddr_un name{};
};

Result<Address> address_in(const std::filesystem::path& state_folder) {
  Address address;
  address.folder.reset(::open(state_folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!address.folder) return Error::from_errno(errno, fmt::format("opening folder: {}", state_folder.string()));
  const auto path = fmt::format("/proc/self/fd/{}/{}", address.folder.get(), kSocketName);
  address.name.sun_family = AF_UNIX;
  std::memcpy(address.name.sun_path, path.c_str(), path.size() + 1);
  return address;
}

const sockaddr* as_sockaddr(const sockaddr_un& name) { return reinterpret_cast<const sockaddr*>(&name); }

BackfillRequest backfill_request(const Json& call) {
  BackfillRequest request;
  request.pipeline = call.value("pipeline", "");
  request.from = instant(call, "from").value_or(Instant{});
  request.to = instant(call, "to").value_or(Instant{});
  request.mode = ledger::parse_backfill_mode(call.value("mode", "")).value_or(ledger::BackfillMode::Missing);
  request.parallel = call.value("parallel", 1);
  request.params = call.value("params", Json::object());
  request.downstream = call.value("downstream", false);
  request.by = call.value("by", "");
  return request;
}

Json preview_to_json(const BackfillPreview& preview) {
  Json intervals = Json::array();
  for (const auto& interval : preview.intervals) {
    intervals.push_back({{"from", micros(interval.from)},
                         {"to", micros(interval.to)},
                         {"run", interval.existing ? Json(interval.existing->id.text()) : Json(nullptr)},
                         {"state", interval.existing ? Json(ledger::name(interval.existing->state)) : Json(nullptr)},
                         {"chosen", interval.chosen}});
  }
  return {{"intervals", std::move(intervals)}, {"overwritten", preview.overwritten}};
}

Result<Json> submit(Scheduler& scheduler, const Json& call) {
  RunRequest request;
  request.pipeline = call.value("pipeline", "");
  request.params = call.value("params", Json::object());
  request.select = call.value("select", std::vector<std::string>{});
  request.from = call.value("from", "");
  request.environment = call.value("environment", "");
  request.interval_from = instant(call, "interval_from");
  request.interval_to = instant(call, "interval_to");
  request.by = call.value("by", "");
  request.key = call.value("key", "");
  return run_to_json(WEIR_TRY(scheduler.submit(request)));
}

Result<Json> change_backfill(Scheduler& scheduler, const Json& call) {
  const auto id = call.value("backfill", "");
  const auto state = call.value("state", "");
  if (state == "paused") return backfill_to_json(WEIR_TRY(scheduler.pause_backfill(id)));
  if (state == "running") return backfill_to_json(WEIR_TRY(scheduler.resume_backfill(id)));
  const auto urgency = call.value("now", false) ? CancelSignal::Urgency::Now : CancelSignal::Urgency::Orderly;
  return backfill_to_json(WEIR_TRY(scheduler.cancel_backfill(id, urgency)));
}

Result<Json> answer_call(Scheduler& scheduler, ledger::Ledger& ledger, const Json& call) {
  const auto name = call.value("call", std::string{});
  const RunId run{call.value("run", std::string{})};
  const auto by = call.value("by", std::string{});
  if (name == "submit") return submit(scheduler, call);
  if (name == "retry") {
    const auto code = call.value("code", "current") == "old" ? CodeChoice::Old : CodeChoice::Current;
    return run_to_json(WEIR_TRY(scheduler.retry(run, {.from = call.value("from", ""), .code = code, .by = by})));
  }
  if (name == "replay") return run_to_json(WEIR_TRY(scheduler.replay(run, by)));
  if (name == "cancel") {
    const auto urgency = call.value("now", false) ? CancelSignal::Urgency::Now : CancelSignal::Urgency::Orderly;
    return run_to_json(WEIR_TRY(scheduler.cancel(run, urgency, by)));
  }
  if (name == "preview") return preview_to_json(WEIR_TRY(scheduler.preview(backfill_request(call))));
  if (name == "backfill") return backfill_to_json(WEIR_TRY(scheduler.backfill(backfill_request(call))));
  if (name == "backfill_state") return change_backfill(scheduler, call);
  if (name == "backfills") {
    Json all = Json::array();
    constexpr int kShown = 100;
    for (const auto& backfill : WEIR_TRY(ledger.schedules().backfills(call.value("pipeline", ""), kShown)))
      all.push_back(backfill_to_json(backfill));
    return all;
  }
  const auto pipeline = call.value("pipeline", std::string{});
  if (name == "pause") {
    WEIR_TRY(scheduler.pause(pipeline, by));
  } else if (name == "resume") {
    WEIR_TRY(scheduler.resume(pipeline, by));
  } else if (name == "reload") {
    WEIR_TRY(scheduler.reload());
  } else {
    return Error::user(Code::InvalidArgument, "the serving process does not know this call: {}", name)
        .hint("it may be an older Weir: restart it");
  }
  return Json(nullptr);
}

// What an event says of this run; null when it is of another one.
Json event_json(const FeedEvent& event, const RunId& id) {
  if (const auto* const run = std::get_if<ledger::Run>(&event.what); run != nullptr && run->id == id)
    return {{"event", "run"}, {"run", run_to_json(*run)}};
  if (const auto* const attempt = std::get_if<ledger::Attempt>(&event.what); attempt != nullptr && attempt->run == id)
    return {{"event", "attempt"}, {"attempt", attempt_to_json(*attempt)}};
  if (const auto* const log = std::get_if<LogEvent>(&event.what); log != nullptr && log->run == id)
    return {
        {"event", "log"}, {"task", log->task}, {"attempt", log->attempt}, {"line", task_log_line_to_json(log->line)}};
  return nullptr;
}

bool is_end(const FeedEvent& event, const RunId& id) {
  const auto* const run = std::get_if<ledger::Run>(&event.what);
  return run != nullptr && run->id == id && ledger::has_ended(run->state);
}

// Who is at the other end, if they may be.
std::optional<uid_t> allowed_peer(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
  return peer.uid == ::geteuid() || peer.uid == 0 ? std::optional{peer.uid} : std::nullopt;
}

std::string name_of(uid_t user) {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 16'384> buffer{};
  if (::getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return std::to_string(user);
  return entry.pw_name;
}

// What a call that has been answered changed; nothing for one that only looks. Actions are named as those of the REST API.
std::optional<ledger::AuditEntry> change_of(const Json& call, const Json& answer) {
  const auto name = call.value("call", std::string{});
  const auto text = [](const Json& json, const char* key) {
    return json.is_object() ? json.value(key, std::string{}) : std::string{};
  };
  const auto entry = [](std::string action, std::string object, std::string detail = {}) {
    return ledger::AuditEntry{.at = system_clock().now(),
                              .user = {},
                              .action = std::move(action),
                              .object = std::move(object),
                              .detail = std::move(detail),
                              .address = {}};
  };
  if (name == "submit") return entry("run.trigger", text(call, "pipeline"), text(answer, "id"));
  if (name == "retry") return entry("run.retry", text(answer, "id"), text(call, "from"));
  if (name == "replay") return entry("run.replay", text(call, "run"), text(answer, "id"));
  if (name == "cancel") return entry("run.cancel", text(answer, "id"), call.value("now", false) ? "now" : "");
  if (name == "pause" || name == "resume") return entry("pipeline." + name, text(call, "pipeline"));
  if (name == "backfill") return entry("backfill.create", text(call, "pipeline"), text(answer, "id"));
  if (name == "reload") return entry("project.reload", "");
  if (name != "backfill_state") return std::nullopt;
  const auto state = text(call, "state");
  const auto* const verb = state == "paused" ? "pause" : state == "running" ? "resume" : "cancel";
  return entry(fmt::format("backfill.{}", verb), text(call, "backfill"), call.value("now", false) ? "now" : "");
}

}  // namespace

Json run_to_json(const ledger::Run& run) {
  return {{"id", run.id.text()},
          {"pipeline", run.pipeline},
          {"environment", run.environment},
          {"trigger", run.trigger},
          {"triggered_by", run.triggered_by},
          {"params", run.params},
          {"selection", run.selection},
          {"state", ledger::name(run.state)},
          {"created_at", micros(run.created_at)},
          {"started_at", micros(run.started_at)},
          {"finished_at", micros(run.finished_at)},
          {"interval_from", micros(run.interval_from)},
          {"interval_to", micros(run.interval_to)},
          {"code_version", run.code_version},
          {"backfill", run.backfill},
          {"parent", run.parent},
          {"error", run.error}};
}

ledger::Run run_from_json(const Json& json) {
  ledger::Run run;
  run.id = RunId{json.value("id", "")};
  run.pipeline = json.value("pipeline", "");
  run.environment = json.value("environment", "");
  run.trigger = json.value("trigger", "");
  run.triggered_by = json.value("triggered_by", "");
  run.params = json.value("params", Json::object());
  run.selection = json.value("selection", Json(nullptr));
  run.state = ledger::parse_run_state(json.value("state", "")).value_or(ledger::RunState::Queued);
  run.created_at = instant(json, "created_at").value_or(Instant{});
  run.started_at = instant(json, "started_at");
  run.finished_at = instant(json, "finished_at");
  run.interval_from = instant(json, "interval_from");
  run.interval_to = instant(json, "interval_to");
  run.code_version = json.value("code_version", "");
  run.backfill = json.value("backfill", "");
  run.parent = json.value("parent", "");
  run.error = json.value("error", "");
  return run;
}

Json attempt_to_json(const ledger::Attempt& attempt) {
  return {{"run", attempt.run.text()},
          {"task", attempt.task},
          {"number", attempt.number},
          {"state", ledger::name(attempt.state)},
          {"started_at", micros(attempt.started_at)},
          {"finished_at", micros(attempt.finished_at)},
          {"rows_read", attempt.rows_read},
          {"rows_written", attempt.rows_written},
          {"bytes_read", attempt.bytes_read},
          {"memory_bytes_max", attempt.memory_bytes_max},
          {"log_path", attempt.log_path},
          {"error", attempt.error},
          {"output", attempt.output}};
}

ledger::Attempt attempt_from_json(const Json& json) {
  ledger::Attempt attempt;
  attempt.run = RunId{json.value("run", "")};
  attempt.task = json.value("task", "");
  attempt.number = json.value("number", 1);
  attempt.state = ledger::parse_attempt_state(json.value("state", "")).value_or(ledger::AttemptState::Failed);
  attempt.started_at = instant(json, "started_at");
  attempt.finished_at = instant(json, "finished_at");
  attempt.rows_read = json.value("rows_read", std::uint64_t{0});
  attempt.rows_written = json.value("rows_written", std::uint64_t{0});
  attempt.bytes_read = json.value("bytes_read", std::uint64_t{0});
  attempt.memory_bytes_max = json.value("memory_bytes_max", std::uint64_t{0});
  attempt.log_path = json.value("log_path", "");
  attempt.error = json.value("error", Json(nullptr));
  attempt.output = json.value("output", Json(nullptr));
  return attempt;
}

Json task_log_line_to_json(const TaskLogLine& line) {
  return {{"number", line.number}, {"at", micros(line.at)}, {"level", name(line.level)}, {"text", line.text}};
}

TaskLogLine task_log_line_from_json(const Json& json) {
  return {.number = json.value("number", std::int64_t{0}),
          .at = instant(json, "at"),
          .level = parse_log_level(json.value("level", "")).value_or(LogLevel::Info),
          .text = json.value("text", "")};
}

Json backfill_to_json(const ledger::Backfill& backfill) {
  Json intervals = Json::array();
  for (const auto& interval : backfill.intervals) {
    intervals.push_back({{"from", micros(interval.from)},
                         {"to", micros(interval.to)},
                         {"run", interval.run},
                         {"state", interval.state ? Json(ledger::name(*interval.state)) : Json(nullptr)}});
  }
  return {{"id", backfill.id},
          {"pipeline", backfill.pipeline},
          {"from", micros(backfill.from)},
          {"to", micros(backfill.to)},
          {"mode", ledger::name(backfill.mode)},
          {"parallel", backfill.parallel},
          {"downstream", backfill.downstream},
          {"state", ledger::name(backfill.state)},
          {"by", backfill.by},
          {"created_at", micros(backfill.created_at)},
          {"intervals", std::move(intervals)}};
}

Result<std::unique_ptr<ControlServer>> ControlServer::start(const std::filesystem::path& state_folder,
                                                            Scheduler& scheduler, ledger::Ledger& ledger,
                                                            ledger::AccessStore& access) {
  const auto path = state_folder / kSocketName;
  Descriptor socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (!socket) return Error::from_errno(errno, "making a socket");
  const auto address = WEIR_TRY(address_in(state_folder));
  std::error_code error;
  std::filesystem::remove(path, error);
  if (::bind(socket.get(), as_sockaddr(address.name), sizeof address.name) != 0)
    return Error::from_errno(errno, fmt::format("making the socket: {}", path.string()));
  ::chmod(path.c_str(), S_IRUSR | S_IWUSR);
  constexpr int kBacklog = 64;
  if (::listen(socket.get(), kBacklog) != 0) return Error::from_errno(errno, "listening for the command line");
  return std::unique_ptr<ControlServer>(new ControlServer(std::move(socket), path, scheduler, ledger, access));
}

ControlServer::ControlServer(Descriptor socket, std::filesystem::path path, Scheduler& scheduler,
                             ledger::Ledger& ledger, ledger::AccessStore& access)
    : socket_(std::move(socket)),
      ending_(::eventfd(0, EFD_CLOEXEC)),
      path_(std::move(path)),
      scheduler_(scheduler),
      ledger_(ledger),
      access_(access),
      thread_([this] { accept_all(); }) {}

ControlServer::~ControlServer() {
  const std::uint64_t one = 1;
  (void)!::write(ending_.get(), &one, sizeof one);
  thread_.join();
  for (auto& session : sessions_) {
    ::shutdown(session.channel->descriptor(), SHUT_RDWR);
    session.thread.join();
  }
  std::error_code error;
  std::filesystem::remove(path_, error);
}

void ControlServer::accept_all() {
  for (;;) {
    std::array<pollfd, 2> waiting{{{socket_.get(), POLLIN, 0}, {ending_.get(), POLLIN, 0}}};
    if (::poll(waiting.data(), waiting.size(), -1) < 0) continue;
    if (waiting[1].revents != 0) return;
    Descriptor accepted{::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    forget_ended();
    const auto user = accepted ? allowed_peer(accepted.get()) : std::nullopt;
    if (!user) continue;
    auto& session = sessions_.emplace_back();
    session.user = name_of(*user);
    session.channel = std::make_unique<services::Channel>(std::move(accepted));
    session.thread = std::thread([this, &session] { serve(session); });
  }
}

void ControlServer::forget_ended() {
  for (auto session = sessions_.begin(); session != sessions_.end();) {
    if (!session->ended) {
      ++session;
      continue;
    }
    session->thread.join();
    session = sessions_.erase(session);
  }
}

void ControlServer::serve(Session& session) {
  auto& channel = *session.channel;
  for (;;) {
    const auto text = channel.receive();
    if (!text.ok() || !text->has_value()) break;
    auto call = parse_json(**text);
    if (!call.ok() || !call->is_object()) break;
    (*call)["by"] = session.user;
    const bool follows = call->value("follow", false);
    // Before the call, so that no event is missed between the two.
    const auto events = follows ? scheduler_.feed().follow() : nullptr;
    auto answer = answer_call(scheduler_, ledger_, *call);
    if (answer.ok()) {
      if (const auto noted = note(session, *call, *answer); !noted.ok()) answer = noted.error();
    }
    const auto sent =
        channel.send(to_text(answer.ok() ? Json{{"answer", *answer}} : Json{{"error", to_json(answer.error())}}));
    if (!sent.ok()) break;
    if (follows && answer.ok()) follow(channel, *events, RunId{answer->value("id", "")});
  }
  session.ended = true;
}

Result<void> ControlServer::note(const Session& session, const Json& call, const Json& answer) {
  auto change = change_of(call, answer);
  if (!change) return {};
  change->user = session.user;
  change->address = "command line";
  return access_.record(*change);
}

void ControlServer::follow(services::Channel& channel, Feed::Reader& events, const RunId& run) {
  constexpr std::chrono::milliseconds kPatience{1'000};
  for (;;) {
    if (!events.wait(kPatience)) {
      // Somebody who has gone is noticed when there is nothing to tell either.
      pollfd gone{channel.descriptor(), POLLRDHUP, 0};
      if (scheduler_.feed().is_closed() || ::poll(&gone, 1, 0) > 0) return;
      continue;
    }
    for (const auto& event : events.take()) {
      const auto json = event_json(*event, run);
      if (!json.is_null() && !channel.send(to_text(json)).ok()) return;
      if (is_end(*event, run)) return;
    }
    if (!events.has_missed()) continue;
    const auto now = ledger_.find_run(run.text());
    if (!now.ok() || !now->has_value()) return;
    if (!channel.send(to_text({{"event", "missed"}})).ok()) return;
    if (!ledger::has_ended((*now)->state)) continue;
    static_cast<void>(channel.send(to_text({{"event", "run"}, {"run", run_to_json(**now)}})));
    return;
  }
}

Result<std::optional<ControlClient>> ControlClient::connect(const std::filesystem::path& state_folder) {
  std::error_code error;
  if (!std::filesystem::exists(state_folder / kSocketName, error)) return std::optional<ControlClient>{};
  Descriptor socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (!socket) return Error::from_errno(errno, "making a socket");
  const auto address = WEIR_TRY(address_in(state_folder));
  if (::connect(socket.get(), as_sockaddr(address.name), sizeof address.name) != 0) {
    // What a process that was killed has left.
    if (errno == ECONNREFUSED || errno == ENOENT) return std::optional<ControlClient>{};
    return Error::from_errno(errno, "speaking with the serving process");
  }
  return std::optional{ControlClient{services::Channel{std::move(socket)}}};
}

Result<Json> ControlClient::call(const Json& call) {
  WEIR_TRY(channel_.send(to_text(call)));
  const auto text = WEIR_TRY(channel_.receive());
  if (!text) return Error::system(Code::Unavailable, "the serving process has gone");
  auto reply = WEIR_TRY(parse_json(*text));
  if (const auto error = reply.find("error"); error != reply.end()) return error_from_json(*error);
  return std::move(reply["answer"]);
}

Result<std::optional<Json>> ControlClient::next_event() {
  const auto text = WEIR_TRY(channel_.receive());
  if (!text) return std::optional<Json>{};
  return std::optional{WEIR_TRY(parse_json(*text))};
}

}  // namespace weir::engine
