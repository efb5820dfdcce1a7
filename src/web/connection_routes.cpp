#include "web/api.hpp"
#include "web/reply.hpp"
#include "web/shapes.hpp"

// Connections as their connectors describe them. Secrets go in by the project's files and never come out.
namespace weir::web {
namespace {

constexpr std::string_view kTypes[] = {"text",   "integer", "number", "flag",  "duration", "bytes",
                                       "choice", "list",    "map",    "group", "any"};

std::string_view type_name(SettingType type) { return kTypes[static_cast<std::size_t>(type)]; }

// Values without the secrets that stand somewhere inside.
Json without_secrets(const Json& value, const Setting& setting) {
  if (setting.secrecy == Secrecy::Secret) return value.is_null() ? Json(nullptr) : Json("***");
  const auto by_name = [](const Json& group, const std::vector<Setting>& fields) {
    Json shown = Json::object();
    for (const auto& field : fields) {
      if (const auto found = group.find(field.name); found != group.end())
        shown[field.name] = without_secrets(*found, field);
    }
    return shown;
  };
  if (setting.type == SettingType::Group && value.is_object()) return by_name(value, setting.fields);
  if (setting.fields.empty() || !value.is_structured()) return value;
  Json shown = value;
  for (auto& element : shown) element = without_secrets(element, setting.fields.front());
  return shown;
}

Json field_json(const Setting& setting, const Json& values) {
  const auto found = values.find(setting.name);
  const bool set = found != values.end() && !found->is_null();
  const bool secret = setting.secrecy == Secrecy::Secret;
  return {{"name", setting.name},
          {"type", type_name(setting.type)},
          {"value", set && !secret ? without_secrets(*found, setting) : Json(nullptr)},
          {"secret", secret},
          {"set", set && *found != setting.default_value},
          {"doc", setting.doc}};
}

Json roles_of(const flow::Connector& connector) {
  auto roles = Json::array();
  if (connector.open_source) roles.push_back("source");
  if (connector.open_sink) roles.push_back("sink");
  if (connector.open_database) roles.push_back("database");
  if (connector.open_replication) roles.push_back("replication");
  return roles;
}

std::string_view state_name(services::ServiceState state) {
  switch (state) {
    case services::ServiceState::Stopped: return "stopped";
    case services::ServiceState::Starting: return "starting";
    case services::ServiceState::Running: return "running";
    case services::ServiceState::Failed: return "failed";
  }
  return {};
}

Json list_connections(const Api& api) {
  std::map<std::string, services::ServiceStatus> services;
  for (auto& status : api.supervisor.status()) services.emplace(status.name, std::move(status));
  auto items = Json::array();
  for (const auto& connection : api.version()->project.connections) {
    const auto* connector = api.registry.find(connection.type);
    auto fields = Json::array();
    if (connector != nullptr) {
      for (const auto& setting : connector->settings)
        fields.push_back(field_json(setting, connection.settings.values()));
    }
    const auto service = services.find(connection.name);
    items.push_back({{"name", connection.name},
                     {"type", connection.type},
                     {"summary", connector == nullptr ? "" : connector->summary},
                     {"managed", connection.managed},
                     {"place", connection.place.text()},
                     {"fields", std::move(fields)},
                     {"roles", connector == nullptr ? Json::array() : roles_of(*connector)},
                     {"status", service == services.end() ? Json(nullptr) : Json(state_name(service->second.state))}});
  }
  return page_answer(std::move(items), {});
}

// Reaches the server: a database answers a query, a source lists what it has.
Result<void> try_connection(const Api& api, const std::string& name, std::stop_token stop) {
  const auto version = api.version();
  const auto resolved = WEIR_TRY(version->connections->resolve(name, stop));
  const auto* connector = api.registry.find(resolved.type);
  const flow::OpenContext context{.connection = resolved, .project_folder = version->project.folder};
  if (connector->open_database) {
    const auto database = WEIR_TRY(connector->open_database(context));
    WEIR_TRY(flow::select_all(*database, "SELECT 1", stop));
    return {};
  }
  if (!connector->open_source) return {};
  const auto source = WEIR_TRY(connector->open_source(context));
  WEIR_TRY(source->discover(stop));
  return {};
}

Result<Answer> test_connection(const Api& api, const Call& call) {
  if (api.version()->project.find_connection(call.at("connection")) == nullptr)
    return Error::user(Code::NotFound, "no such connection: {}", call.at("connection"));
  const auto began = std::chrono::steady_clock::now();
  const auto tried = try_connection(api, call.at("connection"), call.http.gone);
  const auto elapsed = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began);
  Json json{{"ok", tried.ok()}, {"elapsed_s", seconds(elapsed)}, {"error", nullptr}};
  if (!tried.ok()) json["error"] = error_json(tried.error())["error"];
  return Answer{.body = std::move(json), .headers = {}, .audited = tried.ok() ? "ok" : tried.error().message()};
}

}  // namespace

std::vector<Route> connection_routes(const Api& api) {
  const auto field = object({{"name", text()},
                             {"type", text()},
                             {"value", anything("As the project writes it; null for secrets")},
                             {"secret", flag()},
                             {"set", flag("The project gives it a value of its own")},
                             {"doc", text()}});
  const auto connection =
      object({{"name", text()},
              {"type", text()},
              {"summary", text()},
              {"managed", flag("Weir runs the server")},
              {"place", text()},
              {"fields", list_of(field)},
              {"roles", list_of(one_of({"source", "sink", "database", "replication"}))},
              {"status", or_null(one_of({"stopped", "starting", "running", "failed"}, "Of a managed server"))}});
  return {
      {.method = "GET",
       .path = "/connections",
       .summary = "The project's connections",
       .answer = page_of(connection),
       .handle = [&api](Call&) -> Result<Answer> { return Answer{list_connections(api)}; }},
      {.method = "POST",
       .path = "/connections/{connection}/test",
       .summary = "Reaches the server behind a connection; starts a managed one",
       .access = Access::Operator,
       .answer = object(
           {{"ok", flag()}, {"elapsed_s", number()}, {"error", or_null(components()["Error"]["properties"]["error"])}}),
       .action = "connection.test",
       .handle = [&api](Call& call) { return test_connection(api, call); }},
  };
}

}  // namespace weir::web
