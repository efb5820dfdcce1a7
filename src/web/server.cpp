#include "web/server.hpp"

#include <algorithm>
#include <latch>
#include <thread>

#include "web/api.hpp"
#include "web/metrics.hpp"
#include "web/pages.hpp"
#include "web/reply.hpp"
#include "web/router.hpp"
#include "web/shapes.hpp"

namespace weir::web {
namespace {

constexpr std::chrono::milliseconds kStopPatience{2'000};
constexpr std::chrono::milliseconds kFollowTurn{60'000};
constexpr std::chrono::milliseconds kStreamTurn{20};  // shorter than anybody sees

ledger::Role least_role(Access access) {
  switch (access) {
    case Access::Operator: return ledger::Role::Operator;
    case Access::Admin: return ledger::Role::Admin;
    default: return ledger::Role::Viewer;
  }
}

bool changes_something(std::string_view method) { return method != "GET" && method != "HEAD"; }

// Remembers the status that an answer was sent with.
class WatchedResponse final : public net::ResponseWriter {
 public:
  explicit WatchedResponse(net::ResponseWriter& inner) : inner_(inner) {}
  Result<void> send(int status, const net::Headers& headers, std::string_view body) override {
    status_ = status;
    return inner_.send(status, headers, body);
  }
  Result<void> start(int status, const net::Headers& headers) override {
    status_ = status;
    return inner_.start(status, headers);
  }
  Result<void> write(std::span<const std::byte> bytes) override { return inner_.write(bytes); }
  Result<void> finish() override { return inner_.finish(); }
  void abort() override { inner_.abort(); }
  bool started() const override { return inner_.started(); }
  int status() const { return status_; }

 private:
  net::ResponseWriter& inner_;
  int status_ = 500;
};

class WebServer final : public Server {
 public:
  WebServer(const ServerParts& parts, const ServerOptions& options, std::unique_ptr<ledger::History> history,
            std::unique_ptr<ledger::Ledger> ledger, std::unique_ptr<ledger::AccessStore> access)
      : parts_(parts),
        options_(options),
        history_(std::move(history)),
        ledger_(std::move(ledger)),
        access_(std::move(access)),
        gate_(*access_, parts.clock,
              {.host_names = options.host_names, .tls = options.tls.has_value(), .hash_cost = options.hash_cost}),
        secrets_(parts.registry, &parts.supervisor),
        versions_(parts.source),
        metrics_(parts.weir_version, parts.clock.now()),
        api_{.scheduler = parts.scheduler,
             .supervisor = parts.supervisor,
             .registry = parts.registry,
             .history = *history_,
             .book = ledger_->schedules(),
             .access = *access_,
             .gate = gate_,
             .secrets = secrets_,
             .live = live_,
             .versions = versions_,
             .queries = queries_,
             .state_folder = parts.state_folder,
             .weir_version = parts.weir_version,
             .settings = Json::object()},
        router_(all_routes(api_)),
        reader_(parts.scheduler.feed().follow()) {}

  ~WebServer() override { stop(); }

  Result<void> listen() {
    if (options_.open_lineage)
      lineage_ = WEIR_TRY(OpenLineage::start(*options_.open_lineage, parts_.scheduler, parts_.weir_version));
    net::HttpServerOptions http;
    http.host = options_.host;
    http.port = options_.port;
    http.tls = options_.tls;
    http_ = WEIR_TRY(net::HttpServer::start(
        http, [this](net::IncomingRequest& request, net::ResponseWriter& response) { serve(request, response); }));
    api_.settings = {{"address", address()},
                     {"bind", options_.host},
                     {"tls", options_.tls.has_value()},
                     {"host_names", options_.host_names},
                     {"version", parts_.weir_version},
                     {"state_folder", parts_.state_folder.string()},
                     {"environment", parts_.source.environment},
                     {"open_lineage", lineage_ ? Json(lineage_->target_text()) : Json(nullptr)},
                     {"ui", has_pages()}};
    ready_.count_down();
    follower_ = std::jthread([this](const std::stop_token& stop) { follow(stop); });
    return {};
  }

  int port() const override { return http_->port(); }

  std::string address() const override {
    return fmt::format("{}://{}:{}", options_.tls ? "https" : "http", options_.host, port());
  }

  void stop() override {
    if (stopped_.exchange(true)) return;
    parts_.scheduler.feed().close();
    if (http_) http_->stop(kStopPatience);
    follower_.request_stop();
    if (follower_.joinable()) follower_.join();
    lineage_.reset();
  }

 private:
  void follow(const std::stop_token& stop) {
    const auto& feed = parts_.scheduler.feed();
    while (!stop.stop_requested()) {
      if (!reader_->wait(kFollowTurn) && feed.is_closed()) return live_.close();
      const auto events = reader_->take();
      if (reader_->has_missed()) live_.skip();
      live_.add(events);
      for (const auto& event : events) {
        metrics_.saw(*event);
        if (lineage_) lineage_->saw(*event);
      }
      // Two hundred streams that wake for every event would take the processor from the tasks.
      if (!events.empty()) std::this_thread::sleep_for(kStreamTurn);
    }
  }

  void serve(net::IncomingRequest& request, net::ResponseWriter& response) {
    // The settings say which port it is, which is known only when requests can come.
    ready_.wait();
    if (const auto refusal = gate_.check_host(request)) return refuse(request, response, *refusal);
    const std::string_view target = request.target;
    const auto path = target.substr(0, target.find('?'));
    if (path == "/healthz") return (void)send_json(request, response, 200, R"({"status":"ok"})");
    if (path == "/readyz") return serve_ready(request, response);
    if (path == "/metrics") return serve_metrics(request, response);
    if (path == "/api" || path.starts_with("/api/")) return serve_api(request, response, path);
    serve_page(request, response);
  }

  void serve_ready(const net::IncomingRequest& request, net::ResponseWriter& response) {
    const bool ready = parts_.scheduler.version() != nullptr && access_->has_users().ok() &&
                       history_->runs({.page = {.before = {}, .limit = 1}}).ok();
    (void)send_json(request, response, ready ? 200 : 503,
                    ready ? R"({"status":"ready"})" : R"({"status":"not ready"})");
  }

  void serve_metrics(const net::IncomingRequest& request, net::ResponseWriter& response) {
    const auto principal = gate_.recognise(request);
    if (!principal.ok() || !*principal) return refuse(request, response, stranger());
    Metrics::Now now;
    if (const auto unfinished = history_->unfinished(); unfinished.ok()) {
      for (const auto& record : *unfinished) ++now.runs_active[std::string{name(record.run.state)}];
    }
    now.problems = std::ssize(parts_.scheduler.problems());
    now.pipelines = std::ssize(parts_.scheduler.version()->project.pipelines);
    now.paused = std::ssize(parts_.scheduler.paused());
    if (parts_.replications) now.replications = parts_.replications();
    net::Headers headers;
    headers.add("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    headers.add("Cache-Control", "no-store");
    add_security_headers(headers);
    (void)response.send(200, headers, secrets_.filter(metrics_.text(now), api_.version()));
  }

  void serve_api(net::IncomingRequest& request, net::ResponseWriter& response, std::string_view path) {
    const auto began = std::chrono::steady_clock::now();
    WatchedResponse watched{response};
    std::string route = "unknown";
    if (path.starts_with(kBase) && (path.size() == kBase.size() || path[kBase.size()] == '/')) {
      route = answer_api(request, watched, path.substr(kBase.size()));
    } else {
      send_error(request, watched, Error::user(Code::NotFound, "the API lies below {}", kBase));
    }
    if (route == "/events") return;
    metrics_.request_ended(
        request.method, route, watched.status(),
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began));
  }

  // Returns the path of the route that it found.
  std::string answer_api(net::IncomingRequest& request, net::ResponseWriter& response, std::string_view target) {
    if (target == "/openapi.json") {
      (void)send_json(request, response, 200, to_text(openapi(router_.routes(), parts_.weir_version)));
      return std::string{target};
    }
    auto match = router_.find(request.method, target);
    if (match.route == nullptr) {
      refuse_method(request, response, match.other_methods);
      return "unknown";
    }
    answer_route(request, response, *match.route, std::move(match.path));
    return match.route->path;
  }

  void refuse_method(const net::IncomingRequest& request, net::ResponseWriter& response,
                     const std::vector<std::string>& methods) {
    if (methods.empty())
      return send_error(request, response, Error::user(Code::NotFound, "no such route: {}", request.path));
    net::Headers headers;
    headers.add("Allow", fmt::format("{}", fmt::join(methods, ", ")));
    const auto error = Error::user(Code::InvalidArgument, "not a method of this route: {}", request.method);
    (void)send_json(request, response, 405, to_text(error_json(error)), std::move(headers));
  }

  void answer_route(net::IncomingRequest& request, net::ResponseWriter& response, const Route& route,
                    std::map<std::string, std::string> path) {
    auto principal = gate_.recognise(request);
    if (!principal.ok()) return send_error(request, response, principal.error());
    const bool by_token = *principal && (*principal)->means == Principal::Means::Token;
    if (changes_something(request.method) && !by_token) {
      if (const auto refusal = gate_.check_origin(request)) return refuse(request, response, *refusal);
    }
    if (route.access != Access::Open) {
      if (!*principal) return refuse(request, response, stranger());
      if ((*principal)->role < least_role(route.access)) {
        return send_error(request, response,
                          Error{Fault::User, Code::AccessDenied,
                                fmt::format("this needs the role {}, and {} is {}", name(least_role(route.access)),
                                            (*principal)->name, name((*principal)->role))});
      }
    }
    Call call{.http = request, .path = std::move(path), .principal = principal->value_or(Principal{})};
    auto query = read_query(route, request);
    if (!query.ok()) return send_error(request, response, query.error());
    call.query = std::move(*query);
    if (changes_something(request.method)) {
      auto body = read_body(route, request);
      if (!body.ok()) return send_error(request, response, body.error());
      call.body = std::move(*body);
    }
    if (!route.handle && !route.stream) return sign_in(call, response);
    run_route(call, response, route);
  }

  void run_route(Call& call, net::ResponseWriter& response, const Route& route) {
    Answer answer;
    if (route.handle) {
      auto handled = handle(call, route);
      if (!handled.ok()) return send_error(call.http, response, handled.error());
      answer = std::move(*handled);
    }
    if (route.stream) {
      // Nothing can be streamed to who asks for the head alone.
      if (call.http.method == "HEAD") return (void)send_nothing(response);
      metrics_.stream_opened();
      route.stream(call, response);
      metrics_.stream_closed();
      return;
    }
    if (!route.action.empty()) {
      if (auto noted = note(call, call.principal.name, route, answer.audited); !noted.ok())
        return send_error(call.http, response, noted.error());
    }
    if (route.answer.is_null()) return (void)send_nothing(response, std::move(answer.headers));
    const auto text = secrets_.filter(to_text(answer.body), api_.version());
    (void)send_json(call.http, response, route.status, text, std::move(answer.headers));
  }

  // The last catch: JSON that a task has written may surprise us, and must not take the scheduler down.
  static Result<Answer> handle(Call& call, const Route& route) {
    try {
      return route.handle(call);
    } catch (const std::exception& error) {
      return Error::bug("answering {} {}: {}", route.method, route.path, error.what());
    }
  }

  Result<void> note(const Call& call, const std::string& user, const Route& route, const std::string& detail) {
    std::string object;
    for (const auto& [variable, value] : call.path) object += (object.empty() ? "" : " ") + value;
    return access_->record(ledger::AuditEntry{.at = parts_.clock.now(),
                                              .user = user,
                                              .action = route.action,
                                              .object = object,
                                              .detail = secrets_.filter(detail, api_.version()),
                                              .address = call.address()});
  }

  void sign_in(Call& call, net::ResponseWriter& response) {
    const auto user = call.body["name"].get<std::string>();
    auto outcome = gate_.sign_in(user, Secret{call.body["password"].get<std::string>()}, call.address());
    const auto* route = router_.find("POST", "/session").route;
    if (const auto* refusal = std::get_if<Refusal>(&outcome)) {
      // What somebody typed as a name may be their password: it is not kept.
      const auto known = access_->find_user(user);
      const auto noted_name = known.ok() && *known ? user : std::string{"(unknown)"};
      if (auto noted = note(call, noted_name, *route, fmt::format("refused: {}", refusal->error.message()));
          !noted.ok())
        return send_error(call.http, response, noted.error());
      return refuse(call.http, response, *refusal);
    }
    auto& signed_in = std::get<Gate::SignedIn>(outcome);
    if (auto noted = note(call, user, *route, ""); !noted.ok()) return send_error(call.http, response, noted.error());
    call.principal = signed_in.principal;
    net::Headers headers;
    headers.add("Set-Cookie", signed_in.cookie);
    auto session = router_.find("GET", "/session").route->handle(call);
    if (!session.ok()) return send_error(call.http, response, session.error());
    (void)send_json(call.http, response, 200, secrets_.filter(to_text(session->body), api_.version()),
                    std::move(headers));
  }

  static Refusal stranger() {
    return {401, Error{Fault::User, Code::AccessDenied, "sign in first"}.hint(
                     "or send an API token: Authorization: Bearer weir_…")};
  }

  void send_error(const net::IncomingRequest& request, net::ResponseWriter& response, const Error& error) {
    if (response.started()) return response.abort();
    (void)send_json(request, response, status_of(error), secrets_.filter(to_text(error_json(error)), api_.version()));
  }

  void refuse(const net::IncomingRequest& request, net::ResponseWriter& response, const Refusal& refusal) {
    net::Headers headers;
    if (refusal.retry_after) headers.add("Retry-After", std::to_string(refusal.retry_after->count()));
    if (refusal.status == 401) headers.add("WWW-Authenticate", "Bearer");
    (void)send_json(request, response, refusal.status, to_text(error_json(refusal.error)), std::move(headers));
  }

  const ServerParts parts_;
  const ServerOptions options_;
  const std::unique_ptr<ledger::History> history_;
  const std::unique_ptr<ledger::Ledger> ledger_;  // read only
  const std::unique_ptr<ledger::AccessStore> access_;
  Gate gate_;
  SecretFilter secrets_;
  LiveChanges live_;
  Versions versions_;
  Queries queries_;
  Metrics metrics_;
  Api api_;
  const Router router_;
  const std::unique_ptr<engine::Feed::Reader> reader_;  // the follower's
  std::unique_ptr<OpenLineage> lineage_;
  std::latch ready_{1};
  std::unique_ptr<net::HttpServer> http_;
  std::jthread follower_;
  std::atomic<bool> stopped_ = false;
};

Result<void> check_reachability(const ServerOptions& options, ledger::AccessStore& access) {
  if (is_loopback(options.host) || WEIR_TRY(access.has_users())) return {};
  return Error::user(Code::InvalidArgument,
                     "others could reach {}, and no user exists yet: whoever came first would be admin", options.host)
      .hint("make one first: weir user add NAME --role admin");
}

}  // namespace

Result<std::unique_ptr<Server>> Server::start(const ServerParts& parts, const ServerOptions& options) {
  auto access = WEIR_TRY(ledger::AccessStore::open(parts.state_folder));
  WEIR_TRY(check_reachability(options, *access));
  auto history = WEIR_TRY(ledger::History::open(parts.state_folder));
  auto ledger = WEIR_TRY(ledger::Ledger::open(parts.state_folder, ledger::Ledger::Mode::Read));
  auto server = std::make_unique<WebServer>(parts, options, std::move(history), std::move(ledger), std::move(access));
  WEIR_TRY(server->listen());
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace weir::web
