#include "engine/work_order.hpp"

namespace weir::engine {

Json WorkOrder::to_json() const {
  Json connections_json = Json::object();
  for (const auto& [name, connection] : connections) {
    connections_json[name] = {{"type", connection.type}, {"settings", connection.settings.values()}};
  }
  return {{"run", run.text()},
          {"pipeline", pipeline},
          {"environment", environment},
          {"step", step},
          {"kind", kind},
          {"node", node},
          {"attempt", attempt},
          {"replay", replay},
          {"settings", settings.values()},
          {"variables", variables},
          {"project_folder", project_folder.string()},
          {"code_folder", code_folder.string()},
          {"code_is_current", code_is_current},
          {"connections", std::move(connections_json)}};
}

Result<WorkOrder> WorkOrder::from_json(const Json& json) {
  try {
    WorkOrder order;
    order.run = RunId{json.at("run").get<std::string>()};
    order.pipeline = json.at("pipeline");
    order.environment = json.at("environment");
    order.step = json.at("step");
    order.kind = json.at("kind");
    order.node = json.at("node");
    order.attempt = json.at("attempt");
    order.replay = json.at("replay");
    order.settings = Settings{json.at("settings")};
    order.variables = json.at("variables");
    order.project_folder = json.at("project_folder").get<std::string>();
    order.code_folder = json.at("code_folder").get<std::string>();
    order.code_is_current = json.at("code_is_current");
    for (const auto& [name, connection] : json.at("connections").items()) {
      order.connections[name] = {
          .name = name, .type = connection.at("type"), .settings = Settings{connection.at("settings")}};
    }
    return order;
  } catch (const nlohmann::json::exception& error) {
    return Error::bug("malformed work order: {}", error.what());
  }
}

}  // namespace weir::engine
