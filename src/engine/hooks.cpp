#include "engine/hooks.hpp"

#include <algorithm>
#include <csignal>
#include <utility>

#include "engine/render.hpp"
#include "net/http_client.hpp"
#include "net/mail.hpp"
#include "services/process.hpp"

namespace weir::engine {
namespace {

using std::chrono::seconds;

constexpr seconds kFirstDelay{5};
constexpr seconds kLongestDelay{3600};
constexpr std::chrono::hours kGiveUpAfter{24};
constexpr seconds kLongestTry{30};

Json hook_json(const project::Hook& hook) {
  return {{"webhook", hook.webhook}, {"format", hook.format}, {"email", hook.email}, {"command", hook.command}};
}

Json message_json(const project::Pipeline& pipeline, const HookEvent& event, Instant now) {
  const auto instant = [](const std::optional<Instant>& at) { return at ? Json(format_instant(*at)) : Json(nullptr); };
  return {{"event", event.kind},
          {"text", event.text},
          {"pipeline", pipeline.name},
          {"run", event.run.id.text()},
          {"state", ledger::name(event.run.state)},
          {"task", event.task},
          {"error", event.error},
          {"trigger", event.run.trigger},
          {"interval", {{"from", instant(event.run.interval_from)}, {"to", instant(event.run.interval_to)}}},
          {"started_at", instant(event.run.started_at)},
          {"finished_at", instant(event.run.finished_at)},
          {"at", format_instant(now)}};
}

Result<std::string> rendered(const std::string& text) {
  if (!sql::has_template(text)) return text;
  sql::TemplateEngine engine;
  return engine.render("hook", text, {{"env", environment_variables()}});
}

Result<void> post(const std::string& address, const std::string& body, std::stop_token stop) {
  net::HttpClient client;
  net::HttpRequest request;
  request.method = "POST";
  request.url = WEIR_TRY(rendered(address));
  request.headers.add("Content-Type", "application/json");
  request.timeouts.silence = kLongestTry;
  request.body = net::HttpRequest::Body::Streamed;
  // The address itself is the secret of many a webhook.
  Redactor redactor;
  redactor.add(Secret{request.url});
  const auto reply = client.fetch(std::move(request), body, std::move(stop));
  if (!reply.ok()) {
    return Error{reply.error().fault(), reply.error().code(), redactor.redact(reply.error().message())}.retry(
        Retry::Later);
  }
  const auto status = reply->first.status;
  if (status >= 200 && status < 300) return {};
  return Error::external(Code::Unavailable, "the webhook answers with status {}", status);
}

Result<void> run_command(const std::vector<std::string>& command, const std::filesystem::path& folder,
                         const Json& message) {
  services::ProcessSpec spec;
  if (command.size() == 1) {
    spec.program = "/bin/sh";
    spec.arguments = {"-c", WEIR_TRY(rendered(command.front()))};
  } else {
    spec.program = command.front();
    for (std::size_t i = 1; i < command.size(); ++i) spec.arguments.push_back(WEIR_TRY(rendered(command[i])));
  }
  spec.folder = folder;
  spec.environment["WEIR_MESSAGE"] = to_text(message);
  spec.environment["WEIR_EVENT"] = message.value("event", "");
  spec.environment["WEIR_PIPELINE"] = message.value("pipeline", "");
  spec.environment["WEIR_RUN"] = message.value("run", "");
  auto process = WEIR_TRY(services::Process::spawn(spec));
  const auto status = process.wait(std::chrono::milliseconds{kLongestTry});
  if (!status) {
    process.stop(std::chrono::milliseconds{500}, SIGTERM);
    return Error::external(Code::TimedOut, "the hook's command took longer than {}", format_duration(kLongestTry));
  }
  if (status->ok()) return {};
  return Error::external(Code::CheckFailed, "the hook's command ended with {}", status->text());
}

std::string mail_text(const Json& message) {
  std::string text = message.value("text", "") + "\n\n";
  for (const auto* key : {"pipeline", "run", "state", "task", "trigger", "started_at", "finished_at", "error"}) {
    const auto& value = message[key];
    const auto words = value.is_string() ? value.get<std::string>() : std::string{};
    if (!words.empty()) text += fmt::format("{}: {}\n", key, words);
  }
  return text;
}

Result<void> send_mail(const std::vector<std::string>& to, const ProjectVersion& version, const Json& message) {
  const auto& smtp = version.project.smtp;
  if (!smtp.has("url")) {
    return Error::user(Code::InvalidProject, "a hook sends mail, but weir.yml has no smtp")
        .hint("smtp: {url: \"smtp://localhost:25\", from: weir@example.org}");
  }
  net::Mail mail{.to = to,
                 .from = WEIR_TRY(rendered(smtp.text("from"))),
                 .subject = message.value("text", ""),
                 .text = mail_text(message)};
  return net::send_mail({.url = WEIR_TRY(rendered(smtp.text("url"))),
                         .user = WEIR_TRY(rendered(smtp.text("user"))),
                         .password = Secret{WEIR_TRY(rendered(smtp.text("password")))}},
                        mail, kLongestTry);
}

Result<void> deliver_to(const Json& hook, const Json& message, const ProjectVersion& version, std::stop_token stop) {
  if (const auto url = hook.value("webhook", std::string{}); !url.empty())
    return post(url, webhook_body(hook.value("format", "json"), message), std::move(stop));
  if (const auto to = hook.value("email", std::vector<std::string>{}); !to.empty())
    return send_mail(to, version, message);
  return run_command(hook.value("command", std::vector<std::string>{}), version.project.folder, message);
}

}  // namespace

Result<int> tell_hooks(ledger::Outbox& outbox, const project::Pipeline& pipeline, const HookEvent& event, Instant now) {
  int count = 0;
  for (std::size_t i = 0; i < pipeline.hooks.size(); ++i) {
    const auto& hook = pipeline.hooks[i];
    if (std::ranges::find(hook.on, event.kind) == hook.on.end()) continue;
    ledger::Message message;
    message.key = fmt::format("{}/{}/{}/{}", event.run.id.text(), event.kind, event.occasion, i);
    message.hook = hook_json(hook);
    message.message = message_json(pipeline, event, now);
    message.created_at = now;
    message.next_at = now;
    if (WEIR_TRY(outbox.put(message))) ++count;
  }
  return count;
}

std::string webhook_body(std::string_view format, const Json& message) {
  if (format != "slack") return to_text(message);
  auto text = fmt::format("*{}*\nrun `{}`", message.value("text", ""), message.value("run", ""));
  if (const auto error = message.value("error", std::string{}); !error.empty()) text += "\n```" + error + "```";
  return to_text({{"text", text}});
}

HookDelivery::HookDelivery(ledger::Outbox& outbox, std::function<std::shared_ptr<const ProjectVersion>()> version)
    : outbox_(outbox), version_(std::move(version)), thread_([this](std::stop_token stop) { run(std::move(stop)); }) {}

HookDelivery::~HookDelivery() {
  thread_.request_stop();
  changed_.notify_all();
}

void HookDelivery::wake() {
  {
    const std::lock_guard guard(mutex_);
    woken_ = true;
  }
  changed_.notify_all();
}

void HookDelivery::run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    constexpr int kAtOnce = 20;
    auto due = outbox_.due(system_clock().now(), kAtOnce);
    // A ledger that cannot be read is told of by the scheduler, which cannot go on without it.
    if (due.ok() && !due->empty()) {
      for (const auto& message : *due) {
        if (!stop.stop_requested()) deliver(message, stop);
      }
      continue;
    }
    const auto next = outbox_.next_due();
    auto wait = std::chrono::microseconds{std::chrono::hours{1}};
    if (next.ok() && *next) wait = std::clamp(**next - system_clock().now(), std::chrono::microseconds{1'000}, wait);
    std::unique_lock guard(mutex_);
    changed_.wait_for(guard, stop, wait, [&] { return woken_; });
    woken_ = false;
  }
}

void HookDelivery::deliver(const ledger::Message& message, std::stop_token stop) {
  const auto version = version_();
  const auto delivered = deliver_to(message.hook, message.message, *version, std::move(stop));
  const auto now = system_clock().now();
  if (delivered.ok()) {
    static_cast<void>(outbox_.finish(message.sequence, ledger::Delivery::Delivered, now, ""));
    return;
  }
  const bool is_hopeless = delivered.error().retry() == Retry::Never || now - message.created_at > kGiveUpAfter;
  if (is_hopeless) {
    static_cast<void>(outbox_.finish(message.sequence, ledger::Delivery::GivenUp, now, delivered.error().text()));
    return;
  }
  const auto delay = std::min<seconds>(kFirstDelay * (1LL << std::min(message.tries, 12)), kLongestDelay);
  static_cast<void>(outbox_.try_again(message.sequence, now + delay, delivered.error().text()));
}

}  // namespace weir::engine
