#include <algorithm>
#include <utility>

#include "base/clock.hpp"
#include "project/file_settings.hpp"
#include "project/nearest.hpp"
#include "project/reading.hpp"

namespace weir::project {
namespace {

constexpr auto kWeirFile = "weir.yml";
// A connection's keys are those of every connection and those of its type.
std::optional<Connection> read_connection(Reading& reading, Validator& validator, const Node& key, const Node& node) {
  check_name(validator, key, "a connection", key.text);
  if (node.kind != Node::Kind::Map) {
    validator.mistake(node, fmt::format("connection {} takes a map, not {}", key.text, describe(node)),
                      "such as {type: postgres, url: …}");
    return std::nullopt;
  }
  const auto* type = node.find("type");
  const auto type_name = type == nullptr ? std::string{} : type->text;
  const auto& kinds = reading.vocabulary.connections;
  if (type_name.empty()) {
    validator.mistake(key, fmt::format("connection {} has no type", key.text), suggestion("", names_of(kinds)));
    return std::nullopt;
  }
  const auto kind = std::ranges::find(kinds, type_name, &KindDescription::name);
  if (kind == kinds.end()) {
    validator.mistake(*type, fmt::format("unknown connection type: {}", type_name),
                      suggestion(type_name, names_of(kinds)));
    return std::nullopt;
  }
  auto settings = kind->settings;
  for (const auto& common : connection_settings()) {
    if (std::ranges::find(settings, common.name, &Setting::name) != settings.end()) continue;
    settings.push_back(common);
    settings.back().need = Need::Optional;
  }
  const auto* managed = node.find("managed");
  Connection connection{.name = key.text,
                        .type = type_name,
                        .managed = managed != nullptr && to_json(*managed) == true,
                        .settings = {},
                        .place = {kWeirFile, key.line, key.column},
                        .places = {}};
  if (connection.managed && !kind->manageable) {
    validator.mistake(*managed, fmt::format("Weir cannot run the server of a connection of type {}", type_name),
                      "remove managed and give the connection's address");
  }
  validator.places.clear();
  auto values = validator.group(node, settings, fmt::format("connection {}", key.text), "",
                                connection.managed ? Missing::Accepted : Missing::Refused);
  for (const auto& common : connection_settings()) {
    if (std::ranges::find(kind->settings, common.name, &Setting::name) == kind->settings.end())
      values.erase(common.name);
  }
  connection.settings = Settings{std::move(values)};
  connection.places = std::move(validator.places);
  return connection;
}

// What an environment says of a connection, over what weir.yml says: keys replace keys, null takes one away, and a server's
// address takes away that Weir manages it. One that names its type stands for itself.
Node laid_over(const Node* base, const Node& node) {
  const bool stands_alone =
      base == nullptr || base->kind != Node::Kind::Map || node.kind != Node::Kind::Map || node.find("type") != nullptr;
  if (stands_alone) return node;
  Node merged = node;
  merged.keys.clear();
  merged.items.clear();
  const auto add = [&merged](const Node& from, std::size_t i) {
    merged.keys.push_back(from.keys[i]);
    merged.items.push_back(from.items[i]);
  };
  for (std::size_t i = 0; i < base->keys.size(); ++i) {
    const auto& key = base->keys[i].text;
    const bool is_elsewhere = key == "managed" && (node.find("url") != nullptr || node.find("host") != nullptr);
    if (node.find(key) == nullptr && !is_elsewhere) add(*base, i);
  }
  for (std::size_t i = 0; i < node.keys.size(); ++i) {
    if (node.items[i].kind != Node::Kind::Null) add(node, i);
  }
  return merged;
}

std::vector<Connection> read_connections(Reading& reading, const YamlFile& file, const Node& node,
                                         const Node* base = nullptr) {
  std::vector<Connection> connections;
  if (node.kind != Node::Kind::Map) return connections;
  for (std::size_t i = 0; i < node.keys.size(); ++i) {
    Validator validator{file.path, file.text, reading.mistakes};
    const auto* below = base == nullptr ? nullptr : base->find(node.keys[i].text);
    auto connection = read_connection(reading, validator, node.keys[i], laid_over(below, node.items[i]));
    if (connection) connections.push_back(std::move(*connection));
  }
  return connections;
}

// Every environment is checked; the chosen one takes effect.
void read_environments(Reading& reading, const YamlFile& file, const Node& node) {
  auto& project = reading.project;
  const auto* base = file.root.find("connections");
  bool chosen = reading.options.environment.empty();
  for (std::size_t i = 0; i < node.keys.size() && node.kind == Node::Kind::Map; ++i) {
    const auto& name = node.keys[i].text;
    Validator validator{file.path, file.text, reading.mistakes};
    validator.read_elsewhere = {"connections"};
    const Settings values{validator.group(node.items[i], environment_settings(), fmt::format("environment {}", name))};
    const auto* connections = node.items[i].find("connections");
    auto overlay =
        connections == nullptr ? std::vector<Connection>{} : read_connections(reading, file, *connections, base);
    if (name != reading.options.environment) continue;
    chosen = true;
    if (values.has("vars")) project.vars.update(values.json("vars"));
    for (auto& connection : overlay) {
      const auto replaced = std::ranges::find(project.connections, connection.name, &Connection::name);
      if (replaced == project.connections.end()) {
        project.connections.push_back(std::move(connection));
      } else {
        *replaced = std::move(connection);
      }
    }
  }
  if (chosen) return;
  std::vector<std::string_view> names;
  for (const auto& key : node.keys) names.push_back(key.text);
  reading.mistakes.push_back(
      Error::user(Code::InvalidProject, "unknown environment: {}", reading.options.environment)
          .hint(suggestion(reading.options.environment, names, "weir.yml declares no environments"))
          .at({file.path, std::max(node.line, 1), std::max(node.column, 1)}));
}

void read_defaults(Reading& reading, const Settings& defaults) {
  reading.default_retry = merge_retry({}, defaults.group("retry"));
  if (defaults.has("timeout")) reading.default_timeout = defaults.duration("timeout");
  if (defaults.has("parallel")) reading.default_parallel = static_cast<int>(defaults.integer("parallel"));
  reading.project.model_connection = defaults.text("models");
}

void check_model_connection(Reading& reading, const Validator& validator) {
  auto& project = reading.project;
  if (project.model_connection.empty()) {
    if (!project.connections.empty()) project.model_connection = project.connections.front().name;
    return;
  }
  if (project.find_connection(project.model_connection) != nullptr) return;
  const auto place = validator.places.find("defaults.models");
  reading.mistakes.push_back(Error::user(Code::InvalidProject, "unknown connection: {}", project.model_connection)
                                 .hint(suggestion(project.model_connection, names_of(project.connections)))
                                 .at(place == validator.places.end() ? Place{kWeirFile} : place->second));
}

void read_pools(Reading& reading, const Settings& values, const Node& root, Validator& validator) {
  if (!values.has("pools")) return;
  for (const auto& [name, slots] : values.json("pools").items()) {
    if (!slots.is_number_integer()) continue;  // a mistake that has been told
    if (slots.get<int>() < 1) {
      validator.mistake(*root.find("pools")->find(name), fmt::format("pool {} needs at least one slot", name),
                        "a task whose pool has none would wait for ever");
    }
    reading.project.pools[name] = slots.get<int>();
  }
}

}  // namespace

RetryPolicy merge_retry(RetryPolicy policy, const Settings& retry) {
  if (retry.has("attempts")) policy.attempts = static_cast<int>(retry.integer("attempts"));
  if (retry.has("delay")) policy.delay = retry.duration("delay");
  if (retry.has("backoff")) policy.exponential = retry.text("backoff") == "exponential";
  // Who asks for a long delay alone does not mean the default's limit.
  policy.max_delay = retry.has("max_delay") ? retry.duration("max_delay") : std::max(policy.max_delay, policy.delay);
  if (retry.has("jitter")) policy.jitter = retry.number("jitter");
  return policy;
}

std::vector<Hook> read_hooks(const Settings& values, const Node& root, Validator& validator, const std::string& file) {
  std::vector<Hook> hooks;
  const auto entries = values.groups("hooks");
  const auto* node = root.find("hooks");
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto& place = node->kind == Node::Kind::List ? node->items[i] : *node;
    Hook hook{.on = entries[i].texts("on"),
              .webhook = entries[i].text("webhook"),
              .format = entries[i].text("format"),
              .email = entries[i].texts("email"),
              .command = entries[i].texts("command"),
              .place = {file, place.line, place.column}};
    if (hook.on.empty()) hook.on = {"failure"};
    const int ways = (hook.webhook.empty() ? 0 : 1) + (hook.email.empty() ? 0 : 1) + (hook.command.empty() ? 0 : 1);
    if (ways != 1) {
      validator.mistake(place, "a hook takes one of webhook, email and command", "such as {on: failure, webhook: …}");
    }
    hooks.push_back(std::move(hook));
  }
  return hooks;
}

void read_weir_file(Reading& reading) {
  auto& project = reading.project;
  std::error_code error;
  if (!std::filesystem::exists(project.folder / kWeirFile, error)) {
    reading.mistakes.push_back(Error::user(Code::InvalidProject, "no weir.yml in {}", project.folder.string())
                                   .hint("weir init makes a project")
                                   .at({kWeirFile, 0, 0}));
    return;
  }
  const auto file = read_yaml(reading, kWeirFile);
  if (!file) return;
  const auto dbt = read_dbt_project(reading, *file);
  auto settings = weir_settings();
  if (project.dbt && !project.dbt->name.empty()) settings.front().need = Need::Optional;
  Validator validator{file->path, file->text, reading.mistakes, TypedTemplates::Refused};
  validator.read_elsewhere = {"connections", "environments"};
  const Settings values{validator.group(file->root, settings, kWeirFile)};

  project.name = values.has("name") || !project.dbt ? values.text("name") : project.dbt->name;
  project.vars = dbt.vars;
  if (values.has("vars")) project.vars.update(values.json("vars"));
  project.model_config = values.has("models") ? without_package(values.json("models"), project.name) : dbt.models;
  const auto files = values.group("files");
  if (values.has("smtp")) project.smtp = values.group("smtp");
  read_pools(reading, values, file->root, validator);
  reading.hooks = read_hooks(values, file->root, validator, kWeirFile);
  if (files.has("retention")) project.files_retention = files.duration("retention");
  if (const auto* connections = file->root.find("connections")) {
    project.connections = read_connections(reading, *file, *connections);
  }
  const auto* environments = file->root.find("environments");
  read_environments(reading, *file, environments == nullptr ? Node{} : *environments);
  read_defaults(reading, values.group("defaults"));
  check_model_connection(reading, validator);
}

}  // namespace weir::project
