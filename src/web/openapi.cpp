#include <algorithm>

#include "web/router.hpp"
#include "web/shapes.hpp"

namespace weir::web {
namespace {

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : letter;
  });
  return text;
}

// "GET /runs/{run}/tasks/{task}/logs" → "get_runs_run_tasks_task_logs".
std::string operation_id(const Route& route) {
  std::string id = lower(route.method);
  for (const char letter : route.path) {
    if (letter == '/')
      id += '_';
    else if (letter != '{' && letter != '}')
      id += letter == '.' ? '_' : letter;
  }
  return id;
}

Json parameters_of(const Route& route) {
  auto parameters = Json::array();
  for (std::size_t at = 0; (at = route.path.find('{', at)) != std::string::npos;) {
    const auto end = route.path.find('}', at);
    parameters.push_back({{"name", route.path.substr(at + 1, end - at - 1)},
                          {"in", "path"},
                          {"required", true},
                          {"schema", {{"type", "string"}}}});
    at = end;
  }
  for (const auto& member : route.query) {
    auto schema = member.schema;
    Json parameter{{"name", member.name}, {"in", "query"}, {"required", member.need == Need::Required}};
    if (schema.contains("description")) {
      parameter["description"] = schema["description"];
      schema.erase("description");
    }
    parameter["schema"] = std::move(schema);
    parameters.push_back(std::move(parameter));
  }
  return parameters;
}

std::string_view needed_role(Access access) {
  switch (access) {
    case Access::Open: return "Everybody.";
    case Access::Viewer: return "Viewers and above.";
    case Access::Operator: return "Operators and above.";
    case Access::Admin: return "Admins.";
  }
  return {};
}

Json operation(const Route& route) {
  Json operation{
      {"operationId", operation_id(route)}, {"summary", route.summary}, {"description", needed_role(route.access)}};
  if (auto parameters = parameters_of(route); !parameters.empty()) operation["parameters"] = std::move(parameters);
  if (!route.body.empty()) {
    const bool needed =
        std::ranges::any_of(route.body, [](const auto& member) { return member.need == Need::Required; });
    operation["requestBody"] = {{"required", needed},
                                {"content", {{"application/json", {{"schema", object(route.body)}}}}}};
  }
  Json good{{"description", route.answer.is_null() && !route.stream ? "Done." : "The answer."}};
  if (route.stream) good["content"] = {{route.media, {{"schema", {{"type", "string"}}}}}};
  if (!route.answer.is_null()) good["content"]["application/json"] = {{"schema", route.answer}};
  operation["responses"][std::to_string(route.status)] = std::move(good);
  operation["responses"]["default"] = {{"description", "What was wrong."},
                                       {"content", {{"application/json", {{"schema", reference("Error")}}}}}};
  operation["security"] = route.access == Access::Open
                              ? Json::array()
                              : Json::array({{{"session", Json::array()}}, {{"token", Json::array()}}});
  return operation;
}

}  // namespace

Json openapi(const std::vector<Route>& routes, std::string_view version) {
  Json document{
      {"openapi", "3.1.0"},
      {"info",
       {{"title", "Weir"},
        {"version", version},
        {"description",
         "The API of `weir serve`. Instants are RFC 3339 in UTC, durations seconds. A request that changes something "
         "needs the header X-Weir-Request: 1, unless it carries an API token."}}},
      {"servers", Json::array({{{"url", kBase}}})},
      {"paths", Json::object()}};
  for (const auto& route : routes) document["paths"][route.path][lower(route.method)] = operation(route);
  document["components"] = {{"schemas", components()},
                            {"securitySchemes",
                             {{"session", {{"type", "apiKey"}, {"in", "cookie"}, {"name", "weir_session"}}},
                              {"token", {{"type", "http"}, {"scheme", "bearer"}}}}}};
  return document;
}

}  // namespace weir::web
