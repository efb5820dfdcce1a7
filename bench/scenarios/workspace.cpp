#include "scenarios/workspace.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "base/file.hpp"

namespace weir::bench {

namespace fs = std::filesystem;

Settings with_defaults(Json values, const std::vector<Setting>& described) {
  for (const Setting& setting : described) {
    if (!values.contains(setting.name) && !setting.default_value.is_null())
      values[setting.name] = setting.default_value;
  }
  return Settings(std::move(values));
}

Workspace::Workspace(fs::path binary, fs::path folder) : binary_(std::move(binary)), folder_(std::move(folder)) {}

Result<Workspace> Workspace::open(const Setup& setup, const std::string& example) {
  const fs::path origin = setup.source / "examples" / example;
  const fs::path folder = setup.folder / example;
  fs::remove_all(folder);
  fs::create_directories(folder);
  for (const auto& entry : fs::directory_iterator(origin)) {
    const fs::path name = entry.path().filename();
    if (name == ".weir" || name == "files") continue;  // what runs of the example left there
    fs::copy(entry.path(), folder / name, fs::copy_options::recursive);
  }
  Workspace workspace(setup.weir(), folder);
  WEIR_TRY(run(workspace.weir({"services", "up"})));
  return workspace;
}

Result<Workspace> Workspace::make(const Setup& setup, const std::string& name,
                                  const std::map<std::string, std::string>& files) {
  const fs::path folder = setup.folder / name;
  fs::remove_all(folder);
  for (const auto& [path, text] : files) {
    WEIR_TRY(make_folder((folder / path).parent_path()));
    WEIR_TRY(write_file(folder / path, text));
  }
  Workspace workspace(setup.weir(), folder);
  WEIR_TRY(run(workspace.weir({"services", "up"})));
  return workspace;
}

Workspace::~Workspace() {
  if (folder_.empty()) return;  // moved from
  if (const auto stopped = run(weir({"services", "down"})); !stopped) {
    std::fprintf(stderr, "%s\n", stopped.error().explain().c_str());
  }
}

Program Workspace::weir(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), binary_.string());
  return {.arguments = std::move(arguments), .folder = folder_};
}

// services/ writes a running service's address to .weir/services/<name>.json.
Result<services::ServiceAddress> Workspace::address(const std::string& service) const {
  const std::string text = WEIR_TRY(read_file(folder_ / ".weir/services" / (service + ".json")));
  const Json record = WEIR_TRY(parse_json(text));
  const Json& address = record.at("address");
  services::ServiceAddress result;
  result.unix_socket = address.at("unix_socket");
  result.host = address.at("host");
  result.port = address.at("port");
  result.user = address.at("user");
  result.password = Secret(address.at("password").get<std::string>());
  result.database = address.at("database");
  return result;
}

Result<flow::Connection> Workspace::connection(const std::string& service, const flow::Connector& connector) const {
  const services::ServiceAddress address = WEIR_TRY(this->address(service));
  Json settings = {{"user", address.user}, {"password", address.password.reveal()}, {"database", address.database}};
  if (connector.name == "postgres") {
    settings["host"] = address.unix_socket;
    settings["port"] = address.port;
  } else {
    settings["url"] = fmt::format("http://{}:{}", address.host, address.port);
    settings["unix_socket"] = address.unix_socket;
  }
  for (const Setting& setting : connector.settings) {
    if (!settings.contains(setting.name) && !setting.default_value.is_null())
      settings[setting.name] = setting.default_value;
  }
  return flow::Connection{
      .name = service, .type = connector.name, .settings = with_defaults(std::move(settings), connector.settings)};
}

}  // namespace weir::bench
