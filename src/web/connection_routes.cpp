#include "project/validator.hpp"
#include "sql/template.hpp"
#include "web/api.hpp"
#include "web/reply.hpp"
#include "web/shapes.hpp"

// Connections and their connectors. The project's files are the only place where connections are kept: people and git
// write them, the server never does. What it offers is to try settings before they are written there; secrets among them
// are used for that one try, and never come out.
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
Result<void> reach(const flow::Connector& connector, const flow::OpenContext& context, std::stop_token stop) {
  if (connector.open_database) {
    const auto database = WEIR_TRY(connector.open_database(context));
    WEIR_TRY(flow::select_all(*database, "SELECT 1", stop));
    return {};
  }
  if (!connector.open_source) return {};
  const auto source = WEIR_TRY(connector.open_source(context));
  WEIR_TRY(source->discover(stop));
  return {};
}

// Runs a try, and says how it ended without what `redactor` knows.
Answer outcome_of(const std::function<Result<void>()>& attempt, const Redactor& redactor) {
  const auto began = std::chrono::steady_clock::now();
  const auto tried = attempt();
  const auto elapsed = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began);
  Json json{{"ok", tried.ok()}, {"elapsed_s", seconds(elapsed)}, {"error", nullptr}};
  if (tried.ok()) return {.body = std::move(json), .headers = {}, .audited = "ok"};
  json["error"] = error_json(tried.error())["error"];
  for (const auto* part : {"message", "hint"})
    json["error"][part] = redactor.redact(json["error"][part].get<std::string>());
  auto audited = json["error"]["message"].get<std::string>();
  return {.body = std::move(json), .headers = {}, .audited = std::move(audited)};
}

Result<Answer> test_connection(const Api& api, const Call& call) {
  const auto version = api.version();
  const auto& name = call.at("connection");
  if (version->project.find_connection(name) == nullptr)
    return Error::user(Code::NotFound, "no such connection: {}", name);
  return outcome_of(
      [&]() -> Result<void> {
        const auto resolved = WEIR_TRY(version->connections->resolve(name, call.http.gone));
        return reach(*api.registry.find(resolved.type),
                     {.connection = resolved, .project_folder = version->project.folder}, call.http.gone);
      },
      {});
}

Json setting_json(const Setting& setting) {
  auto fields = Json::array();
  for (const auto& field : setting.fields) fields.push_back(setting_json(field));
  return {{"name", setting.name},
          {"type", type_name(setting.type)},
          {"doc", setting.doc},
          {"required", setting.need == Need::Required},
          {"secret", setting.secrecy == Secrecy::Secret},
          {"default", setting.secrecy == Secrecy::Secret ? Json(nullptr) : setting.default_value},
          {"choices", setting.choices},
          {"fields", std::move(fields)}};
}

Json list_connectors(const Api& api) {
  auto items = Json::array();
  for (const auto& connector : api.registry.all()) {
    auto fields = Json::array();
    for (const auto& setting : connector.settings) fields.push_back(setting_json(setting));
    items.push_back({{"name", connector.name},
                     {"summary", connector.summary},
                     {"roles", roles_of(connector)},
                     {"fields", std::move(fields)}});
  }
  return page_answer(std::move(items), {});
}

// Settings as a project would write them, with values in place of templates: what stands in this process's environment is
// not for whoever may type an address.
Result<Settings> read_settings(const flow::Connector& connector, const Json& given) {
  const auto text = to_text(given);
  if (sql::has_template(text))
    return Error::user(Code::InvalidArgument, "a try takes values, not templates").hint("type what it would come to");
  std::vector<Error> mistakes;
  project::Validator validator{connector.name, text, mistakes};
  auto values =
      validator.group(project::from_json(given), connector.settings, fmt::format("connection {}", connector.name));
  if (mistakes.empty()) return Settings{std::move(values)};
  const auto& first = mistakes.front();
  return Error::user(Code::InvalidArgument, "{}", first.message()).hint(first.hint());
}

Result<Answer> try_settings(const Api& api, const Call& call) {
  const auto* connector = api.registry.find(call.at("connector"));
  if (connector == nullptr) return Error::user(Code::NotFound, "no such connector: {}", call.at("connector"));
  const auto& given = call.body["settings"];
  const auto redactor = redactor_of(given, connector->settings);
  auto settings = read_settings(*connector, given);
  if (!settings.ok())
    return Error::user(Code::InvalidArgument, "{}", redactor.redact(settings.error().message()))
        .hint(settings.error().hint());
  const flow::Connection connection{.name = "new", .type = connector->name, .settings = std::move(*settings)};
  return outcome_of(
      [&] {
        return reach(*connector, {.connection = connection, .project_folder = api.version()->project.folder},
                     call.http.gone);
      },
      redactor);
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
  const auto tried = object(
      {{"ok", flag()}, {"elapsed_s", number()}, {"error", or_null(components()["Error"]["properties"]["error"])}});
  const auto setting =
      object({{"name", text()},
              {"type", one_of({std::begin(kTypes), std::end(kTypes)})},
              {"doc", text()},
              {"required", flag()},
              {"secret", flag()},
              {"default", anything()},
              {"choices", list_of(text(), "What a choice takes")},
              {"fields", list_of(anything(), "Of a group; the one element of a list or a map, described likewise")}});
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
       .answer = tried,
       .action = "connection.test",
       .handle = [&api](Call& call) { return test_connection(api, call); }},
      {.method = "GET",
       .path = "/connectors",
       .summary = "The kinds of connections, and the settings that each takes in weir.yml",
       .answer = page_of(
           object({{"name", text()}, {"summary", text()}, {"roles", list_of(text())}, {"fields", list_of(setting)}})),
       .handle = [&api](Call&) -> Result<Answer> { return Answer{list_connectors(api)}; }},
      {.method = "POST",
       .path = "/connectors/{connector}/test",
       .summary = "Reaches a server with settings that stand nowhere yet; nothing of them is kept",
       .access = Access::Admin,
       .body = {{"settings", map_of(anything(), "As weir.yml takes them, but no templates")}},
       .answer = tried,
       .action = "connector.test",
       .handle = [&api](Call& call) { return try_settings(api, call); }},
  };
}

}  // namespace weir::web
