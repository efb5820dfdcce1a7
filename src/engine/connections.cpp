#include "engine/connections.hpp"

#include <utility>

#include "engine/render.hpp"

namespace weir::engine {
namespace {

// The keys under which every connector with managed services takes an address.
void fill_address(Json& settings, const services::ServiceAddress& address, services::ServiceKind kind) {
  if (kind == services::ServiceKind::Warehouse) {
    settings["url"] = fmt::format("http://{}:{}", address.host, address.port);
    settings["unix_socket"] = address.unix_socket;
  } else {
    settings["host"] = address.unix_socket.empty() ? address.host : address.unix_socket;
    settings["port"] = address.port;
  }
  settings["user"] = address.user;
  settings["password"] = address.password.reveal();
  settings["database"] = address.database;
}

services::ServiceKind service_kind(const project::Connection& connection) {
  return connection.type == "postgres" ? services::ServiceKind::Postgres : services::ServiceKind::Warehouse;
}

}  // namespace

Result<flow::Connection> Connections::resolve(std::string_view name, std::stop_token stop) const {
  if (name == kFilesConnection && project_.find_connection(name) == nullptr) {
    return flow::Connection{.name = std::string{name}, .type = "files", .settings = {}};
  }
  const auto* connection = project_.find_connection(name);
  if (connection == nullptr) return Error::user(Code::InvalidArgument, "no such connection: {}", name);
  const auto* connector = registry_.find(connection->type);
  if (connector == nullptr) return Error::bug("no connector of type: {}", connection->type);

  sql::TemplateEngine engine;
  const std::map<std::string, Place> places{{"", connection->place}};
  auto rendered =
      WEIR_TRY(render(engine, connection->settings, connector->settings, {{"env", environment_variables()}}, places)
                   .while_doing(fmt::format("connection {}", name)));
  auto values = rendered.values();
  if (connection->managed) {
    const auto address = WEIR_TRY(supervisor_.ensure(connection->name, stop));
    fill_address(values, address, service_kind(*connection));
    values["server_log"] = services::log_file(project_.folder / ".weir", connection->name).string();
  }
  return flow::Connection{.name = connection->name, .type = connection->type, .settings = Settings{std::move(values)}};
}

bool Connections::is_managed(std::string_view name) const {
  const auto* connection = project_.find_connection(name);
  return connection != nullptr && connection->managed;
}

Result<std::unique_ptr<flow::Database>> Connections::open_database(std::string_view name, std::stop_token stop,
                                                                   Log& log, flow::Rights rights) const {
  const auto connection = WEIR_TRY(resolve(name, stop));
  const auto* connector = registry_.find(connection.type);
  if (!connector->open_database) {
    return Error::user(Code::Unsupported, "connection {} is of type {}, which does not run SQL", name, connection.type);
  }
  return connector->open_database(
      {.connection = connection, .project_folder = project_.folder, .log = &log, .rights = rights});
}

std::vector<services::ServiceSpec> managed_services(const project::Project& project,
                                                    const std::filesystem::path& weir_binary) {
  std::vector<services::ServiceSpec> specs;
  for (const auto& connection : project.connections) {
    if (!connection.managed) continue;
    specs.push_back({.kind = service_kind(connection),
                     .name = connection.name,
                     .state_folder = project.folder / ".weir",
                     .weir_binary = weir_binary,
                     .settings = connection.settings.values()});
  }
  return specs;
}

models::Targets model_targets(const project::Project& project, const flow::Registry& registry) {
  const auto connector_of = [&project, &registry](std::string_view name) -> const flow::Connector* {
    const auto* connection = project.find_connection(name);
    return connection == nullptr ? nullptr : registry.find(connection->type);
  };
  return {.dialect = [connector_of](std::string_view name) -> const flow::Dialect* {
            const auto* connector = connector_of(name);
            return connector == nullptr ? nullptr : connector->dialect;
          },
          .default_space = [connector_of, &project](std::string_view name) -> std::string {
            const auto* connector = connector_of(name);
            if (connector == nullptr || !connector->default_space) return {};
            return connector->default_space(project.find_connection(name)->settings);
          }};
}

}  // namespace weir::engine
