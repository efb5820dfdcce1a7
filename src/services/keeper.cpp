#include "services/keeper.hpp"

#include <sys/signalfd.h>
#include <unistd.h>

#include <charconv>
#include <csignal>

#include "services/endpoint.hpp"
#include "services/managed_service.hpp"
#include "services/process.hpp"

namespace weir::services {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kRetryPauseMin{500};
constexpr milliseconds kRetryPauseMax{30'000};
constexpr seconds kKeeperEndTimeMax{90};
constexpr int kKeeperStartsMax = 3;

// The keeper's lines go to the service's own log, which is its standard error.
class StderrLog final : public Log {
 public:
  void write(LogLine line) override {
    const auto text = fmt::format("{} {} {}\n", format_instant(line.time), weir::name(line.level), line.message);
    (void)write_all(STDERR_FILENO, text, "writing the log");
  }
};

Json to_json(const Error& error) {
  Json json = Json::object();
  json["fault"] = weir::name(error.fault());
  json["code"] = weir::name(error.code());
  json["retry"] = weir::name(error.retry());
  json["message"] = error.text();
  json["hint"] = error.hint();
  return json;
}

Error error_from(const Json& json) {
  const auto text = [&](const char* key) {
    return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : "";
  };
  return Error{parse_fault(text("fault")).value_or(Fault::System), parse_code(text("code")).value_or(Code::Unavailable),
               text("message")}
      .retry(parse_retry(text("retry")).value_or(Retry::Later))
      .hint(text("hint"));
}

std::string answer_text(const Result<ServiceAddress>& address) {
  Json json = Json::object();
  if (address.ok()) {
    json["address"] = to_json(*address);
  } else {
    json["error"] = to_json(address.error());
  }
  return to_text(json);
}

// SIGTERM and SIGINT as a stop request. They are blocked in every thread that is started afterwards.
class SignalsAsStop {
 public:
  explicit SignalsAsStop(std::stop_source& source) {
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGTERM);
    ::sigaddset(&signals, SIGINT);
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    arrived_.reset(::signalfd(-1, &signals, SFD_CLOEXEC));
    listener_ = std::jthread{[this, &source](const std::stop_token& stop) {
      const StopEvent stopped{stop};
      if (wait_readable({arrived_.get(), stopped.descriptor()}, kForever) == 0U) source.request_stop();
    }};
  }

 private:
  Descriptor arrived_;
  std::jthread listener_;
};

// Until a stop: our own service is watched by its OwnedService; another owner's is waited for, then taken over.
void stand_by(OwnedService& service, const std::stop_token& stop, Log& log) {
  const StopEvent stopped{stop};
  auto pause = kRetryPauseMin;
  while (!stop.stop_requested()) {
    if (service.is_ours()) {
      stopped.wait(kForever);
      continue;
    }
    const auto others = service.others();
    if (others.size() == 2 && others[0] && others[1]) {
      wait_readable({stopped.descriptor(), others[0].get(), others[1].get()}, kForever);
    } else {
      stopped.wait(pause);
    }
    if (stop.stop_requested()) return;
    const auto again = service.ensure(stop);
    if (again.ok()) {
      pause = kRetryPauseMin;
      continue;
    }
    if (!stop.stop_requested()) log.warn("{}", again.error().text());
    stopped.wait(pause);
    pause = std::min(pause * 2, kRetryPauseMax);
  }
}

// Runs one keeper and takes its answer; nothing when it found another keeper at work.
Result<std::optional<ServiceAddress>> start_keeper(const ServiceSpec& spec, const ServicePaths& paths,
                                                   std::stop_token stop) {
  auto [channel, end] = WEIR_TRY(Channel::make_pair());
  const auto log = WEIR_TRY(open_log(paths));
  ProcessSpec keeper;
  keeper.program = spec.weir_binary;
  keeper.arguments = {"services", "keep"};
  keeper.inherited = {{end.get(), kKeeperDescriptor}};
  keeper.folder = "/";
  keeper.stdout_fd = log.get();
  keeper.stderr_fd = log.get();
  keeper.signal_on_parent_death = 0;
  auto process = WEIR_TRY(Process::spawn(keeper));
  end.reset();
  const StopEvent stopped{stop};
  const auto answered = channel.send(to_text(to_json(spec))).ok()
                            ? wait_readable({channel.descriptor(), stopped.descriptor()}, kForever)
                            : std::optional<std::size_t>{0};
  if (answered == 1U) return Error::cancelled();  // and the keeper ends with its Process
  const auto answer = WEIR_TRY(channel.receive());
  if (!answer) return std::optional<ServiceAddress>{};
  const auto json = WEIR_TRY(parse_json(*answer));
  if (json.contains("error")) return error_from(json["error"]);
  process.release();
  return std::optional{address_from(json["address"])};
}

}  // namespace

int keep_service(int channel_descriptor) {
  StderrLog log;
  std::stop_source source;
  const SignalsAsStop signals{source};
  std::optional<Channel> channel{Channel{Descriptor{channel_descriptor}}};
  const auto message = channel->receive();
  if (!message.ok() || !*message) {
    log.error("weir services keep is started by weir services up, not by hand");
    return 2;
  }
  const auto json = parse_json(**message);
  if (!json.ok()) return 2;
  const auto spec = spec_from(*json);
  const ServicePaths paths{spec};
  if (!make_folder(paths.folder).ok()) return 1;
  const auto sole = claim(paths.keeper);
  if (!sole.ok() || !*sole) return 1;
  const auto self = identify(::getpid());
  const auto line = fmt::format("{} {}\n", self.pid, self.started_ticks);
  if (::ftruncate((*sole)->get(), 0) != 0 || !write_all((*sole)->get(), line, "writing the keeper's file").ok())
    return 1;

  OwnedService service{spec, log};
  const auto address = service.ensure(source.get_token());
  (void)channel->send(answer_text(address));  // who asked may be gone already: we stay
  channel.reset();
  if (!address.ok()) return 1;
  stand_by(service, source.get_token(), log);
  return 0;
}

ProcessIdentity read_keeper(const ServicePaths& paths) {
  ProcessIdentity identity;
  const auto text = read_file(paths.keeper);
  if (!text.ok()) return identity;
  const char* const end = text->data() + text->size();
  const auto pid = std::from_chars(text->data(), end, identity.pid);
  if (pid.ptr != end) std::from_chars(pid.ptr + 1, end, identity.started_ticks);
  return identity;
}

Result<void> stop_from_outside(const ServiceSpec& spec) {
  const ServicePaths paths{spec};
  if (const auto keeper = read_keeper(paths); !end_process(keeper, SIGTERM, kKeeperEndTimeMax)) {
    return Error::system(Code::TimedOut, "the keeper of service {} does not end: process {}", spec.name, keeper.pid);
  }
  const auto record = read_record(paths);
  if (record.state == ServiceState::Stopped || !is_alive(record.owner)) return {};
  return Error::user(Code::Conflict, "service {} belongs to another Weir that is at work: process {}", spec.name,
                     record.owner.pid)
      .hint("stop that process: its services end with it");
}

DetachedService::DetachedService(ServiceSpec spec) : spec_(std::move(spec)), paths_(spec_) {}

Result<ServiceAddress> DetachedService::ensure(std::stop_token stop) {
  WEIR_TRY(make_folder(paths_.folder));
  const StopEvent stopped{stop};
  for (int start = 1;; ++start) {
    auto pause = milliseconds{5};
    while (is_alive(read_keeper(paths_))) {
      const auto record = read_record(paths_);
      if (record.answers(spec_.kind)) return record.address;
      if (record.state == ServiceState::Failed && record.owner == read_keeper(paths_)) {
        return Error::system(Code::Unavailable, "service {} fails, and its keeper goes on trying: {}", spec_.name,
                             record.detail)
            .hint(fmt::format("see {}", paths_.log.string()));
      }
      if (stopped.wait(pause)) return Error::cancelled();
      pause = std::min(pause * 2, milliseconds{100});
    }
    if (auto address = WEIR_TRY(start_keeper(spec_, paths_, stop))) return *address;
    if (start == kKeeperStartsMax) {
      return Error::system(Code::Unavailable, "the keeper of service {} does not start", spec_.name)
          .hint(fmt::format("see {}", paths_.log.string()));
    }
  }
}

ServiceStatus DetachedService::status() { return recorded_status(spec_); }

Result<void> DetachedService::stop() { return stop_from_outside(spec_); }

}  // namespace weir::services
