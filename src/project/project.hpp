#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/setting.hpp"
#include "project/schedule.hpp"

namespace weir::project {

// A connection of weir.yml. Its text settings are rendered (env) when it is opened, not when it is loaded, so that
// `weir check` needs no secrets.
struct Connection {
  std::string name;
  std::string type;
  bool managed = false;  // Weir runs the server
  Settings settings;     // templates not yet rendered
  Place place;
};

struct RetryPolicy {
  int attempts = 1;
  std::chrono::milliseconds delay{5'000};
  bool exponential = true;  // doubles with each attempt
  std::chrono::milliseconds max_delay{300'000};
  double jitter = 0.2;      // a delay is scaled by a random factor in [1 - jitter, 1 + jitter]
};

struct Task {
  std::string name;
  std::string kind;                // "copy", "model", …: the task's one key
  Settings settings;               // of that kind, validated; texts may hold templates
  std::vector<std::string> needs;  // upstream tasks
  RetryPolicy retry;               // the pipeline's where the task has none
  std::optional<std::chrono::milliseconds> timeout;
  Place place;
  std::map<std::string, Place> places;  // of the kind's settings, by path ("from", "rules.0.column")
};

struct Pipeline {
  std::string name;
  std::string description;
  std::vector<Schedule> schedules;
  Json params = Json::object();  // defaults
  int parallel = 4;              // tasks at once
  std::vector<Task> tasks;       // in an order in which every task follows what it needs
  Place place;
};

// A SQL file with its properties; models/ reads what is inside.
struct SqlFile {
  enum class Kind { Model, SingularTest, Macro } kind = Kind::Model;
  std::string path;  // relative to the project
  std::string name;  // the file's stem
  std::string text;
};

// A properties YAML below models/ (dbt's `version: 2` files), parsed and validated.
struct PropertiesFile {
  std::string path;
  Json content;
  std::map<std::string, Place> places;  // by path in the content ("models.0.columns.1.data_tests.0")
};

struct Project {
  std::string name;
  std::filesystem::path folder;  // absolute
  std::vector<Connection> connections;
  std::string environment;  // "" is the plain one
  Json vars = Json::object();
  Json model_config = Json::object();  // dbt's `models:` tree: +materialized and friends by folder
  std::string model_connection;        // where models run unless they say otherwise
  std::optional<std::chrono::milliseconds> files_retention;  // files/<run id> older than this are pruned
  std::vector<Pipeline> pipelines;
  std::vector<SqlFile> sql_files;
  std::vector<PropertiesFile> properties;

  const Connection* find_connection(std::string_view name) const;
  const Pipeline* find_pipeline(std::string_view name) const;
};

// One kind of task or connection, as its owner describes it.
struct KindDescription {
  std::string name;
  std::string summary;
  std::vector<Setting> settings;
};

// What the project's files may say: composed in app/ from the connectors and the task kinds.
struct Vocabulary {
  std::vector<KindDescription> connections;
  std::vector<KindDescription> tasks;
};

struct LoadOptions {
  std::string environment;  // of weir.yml's `environments`
};

// Everything that is wrong, each with its place: sorted by file and line.
struct Mistakes {
  std::vector<Error> errors;
};

// Reads the folder, validates everything and reports every mistake at once. Pure but for reading the files.
struct LoadOutcome {
  std::optional<Project> project;  // absent when there is any mistake
  Mistakes mistakes;
};
LoadOutcome load(const std::filesystem::path& folder, const Vocabulary& vocabulary, const LoadOptions& options);

// The nearest folder at or above `start` that has a weir.yml.
std::optional<std::filesystem::path> find_project_folder(const std::filesystem::path& start);

// Where a copy reads or writes: "warehouse.raw_sales" is a table of a connection, everything else is a file's path.
struct Endpoint {
  std::string connection;  // "" for a file
  std::string object;
};
Endpoint parse_endpoint(const Project& project, std::string_view text);

// The JSON Schema (2020-12) of one kind of file: "weir" (weir.yml), "pipeline", "generator", "properties".
Json json_schema(std::string_view file_kind, const Vocabulary& vocabulary);

}  // namespace weir::project
