#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/result.hpp"
#include "base/setting.hpp"
#include "project/schedule.hpp"

namespace weir::project {

// A connection of weir.yml, or of the chosen environment, which replaces the one of the same name. Its text settings are rendered (env) when it is opened, not when it is loaded, so that
// `weir check` needs no secrets.
struct Connection {
  std::string name;
  std::string type;
  bool managed = false;  // Weir runs the server
  Settings settings;     // templates not yet rendered
  Place place;
  std::map<std::string, Place> places;  // of the settings
};

struct RetryPolicy {
  int attempts = 1;
  std::chrono::milliseconds delay{5'000};
  bool exponential = true;  // doubles with each attempt
  std::chrono::milliseconds max_delay{300'000};
  double jitter = 0.2;  // a delay is scaled by a random factor in [1 - jitter, 1 + jitter]
};

// Who is told of what happens to a pipeline's runs. The texts may hold templates, rendered when a message is sent.
struct Hook {
  std::vector<std::string> on;  // success, failure, retry, deadline, recovery, queue
  std::string webhook;          // exactly one of webhook, email and command is set
  std::string format = "json";  // of a webhook: json, slack
  std::vector<std::string> email;
  std::vector<std::string> command;
  Place place;
};

// A pipeline starts after others, or after tables have been written.
struct After {
  enum class Rule { All, Any } rule = Rule::All;
  std::vector<std::string> sources;  // pipelines' names, tables as "connection.table"
  // Together: a run takes all events that are there. OneByOne: a run for each event (Any) or for each round of them (All).
  enum class Batch { Together, OneByOne } batch = Batch::Together;
  Place place;
};

struct Task {
  std::string name;
  std::string kind;                // "copy", "model", …: the task's one key
  Settings settings;               // of that kind, validated; texts may hold templates
  std::vector<std::string> needs;  // upstream tasks
  RetryPolicy retry;               // the pipeline's where the task has none
  std::optional<std::chrono::milliseconds> timeout;
  std::string run_if = "all_succeeded";  // which ends of `needs` let it run
  std::string when;                      // a template; "" is always
  Json for_each;                         // a list, or a template that gives one; null: the task is a single one
  int concurrency = 0;                   // attempts at once over all runs; 0 is no limit
  std::string pool;                      // "" is none
  int priority = 0;
  std::vector<std::string> writes;  // tables that its settings do not tell of, as "connection.table"
  Place place;
  std::map<std::string, Place>
      places;  // of the kind's settings, by path ("from", "rules.0.column"); "" is the kind itself
};

struct Pipeline {
  std::string name;
  std::string description;
  std::vector<std::string> tags;
  std::vector<Schedule> schedules;
  std::optional<After> after;
  int concurrency = 1;  // runs at once
  std::optional<std::chrono::milliseconds> run_timeout;
  std::optional<std::chrono::milliseconds> deadline;       // after a run's creation: then its hooks are told
  std::optional<std::chrono::milliseconds> queue_warning;  // how long a task may wait for a slot without a word
  std::vector<Hook> hooks;                                 // the project's, and its own
  Json params = Json::object();                            // defaults
  std::map<std::string, std::string> param_docs = {};      // what each is, where the file says
  int parallel = 4;                                        // tasks at once
  std::vector<Task> tasks;                                 // in an order in which every task follows what it needs
  Place place;
};

// A file of the models' folders; src/models reads what is inside. A seed's text is CSV, the others' SQL.
struct SqlFile {
  enum class Kind { Model, SingularTest, Macro, Seed } kind = Kind::Model;
  std::string path;  // relative to the project
  std::string name;  // the file's stem
  std::string text;
  std::string root = {};  // the folder of its kind, as "models" or "dbt/models"; "" is the path's first

  // The path below the root: "staging/orders.sql".
  std::string_view path_below_root() const;
};

// The dbt project that the models come from: the folder that weir.yml names (`dbt:`), or the Weir project's own when a
// dbt_project.yml lies beside its weir.yml (https://docs.getdbt.com/reference/dbt_project.yml).
struct DbtProject {
  std::string folder;  // relative to the Weir project; "" is its own folder
  std::string name;
  std::vector<std::string> model_paths{"models"};  // these and the others are relative to `folder`
  std::vector<std::string> test_paths{"tests"};
  std::vector<std::string> macro_paths{"macros"};
  std::vector<std::string> seed_paths{"seeds"};
  std::vector<std::string> snapshot_paths{"snapshots"};
  Json seed_config = Json::object();   // the `seeds:` tree, as Project::model_config is that of models
  std::vector<std::string> snapshots;  // names of its snapshots, which dbt makes and Weir does not

  // A path of the dbt project, relative to the Weir project.
  std::string path(std::string_view inside) const;
};

// A properties YAML below models/ (dbt's `version: 2` files), parsed and validated.
struct PropertiesFile {
  std::string path;
  Json content;
  std::map<std::string, Place> places;  // by path in the content ("models.0.columns.1.data_tests.0")
};

// A generator's description (generators/*.yml), validated by Vocabulary::generators; texts may hold templates.
struct GeneratorFile {
  std::string path;
  Settings settings;
  std::map<std::string, Place> places;
};

struct Project {
  std::string name;
  std::filesystem::path folder;  // absolute
  std::vector<Connection> connections;
  std::string environment;  // "" is the plain one
  Json vars = Json::object();
  Json model_config = Json::object();  // dbt's `models:` tree: +materialized and friends by folder
  std::string model_connection;        // where models run unless they say otherwise: by default the first connection
  std::map<std::string, int> pools;    // slots by name
  Settings smtp;                       // the server for mails: url, from, user, password; templates not yet rendered
  std::optional<std::chrono::milliseconds> files_retention;  // files/<run id> older than this are pruned
  std::vector<Pipeline> pipelines;
  std::optional<DbtProject> dbt;
  std::vector<SqlFile> sql_files;
  std::vector<PropertiesFile> properties;
  std::vector<GeneratorFile> generators;

  const Connection* find_connection(std::string_view wanted) const;
  const Pipeline* find_pipeline(std::string_view wanted) const;
};

// One kind of task or connection, as its owner describes it. A task's settings may be written as the value of their first
// ("model: clean_sales").
struct KindDescription {
  std::string name;
  std::string summary;
  std::vector<Setting> settings;
  // Tasks: the settings that name a table or a file, and those that name a connection, by path ("from", "rules.*.table"; *
  // stands for every element). A group at the path stands for its first key.
  std::vector<std::string> endpoints = {};
  std::vector<std::string> connection_settings = {};
  // Connections: whether `managed: true` is offered; with it no other key is required.
  bool manageable = false;
};

// What the project's files may say: composed in app/ from the connectors and the task kinds.
struct Vocabulary {
  std::vector<KindDescription> connections;
  std::vector<KindDescription> tasks;
  std::vector<Setting> generators = {};  // the keys of generators/*.yml; none: any content is taken
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
// The same, but what is neither a declared connection's table nor looks like a path (a slash, or a data file's extension) is
// InvalidProject with the nearest connection.
Result<Endpoint> check_endpoint(const Project& project, std::string_view text);

// One YAML file on its own, checked against its settings: how a task reads a file that its settings name.
struct SettingsFile {
  Settings settings;
  std::map<std::string, Place> places;
  Mistakes mistakes;  // when there are any, `settings` is incomplete
};
SettingsFile read_settings_file(const std::filesystem::path& folder, const std::string& path,
                                std::span<const Setting> settings);

// The JSON Schema (2020-12) of one kind of file: "weir" (weir.yml), "pipeline", "generator", "properties".
Json json_schema(std::string_view file_kind, const Vocabulary& vocabulary);

}  // namespace weir::project
