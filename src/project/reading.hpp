#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "project/project.hpp"
#include "project/validator.hpp"
#include "project/yaml.hpp"

// The steps of load(), one kind of file each. All add to the same project and the same mistakes.
namespace weir::project {

struct Reading {
  Project project;
  const Vocabulary& vocabulary;
  const LoadOptions& options;
  std::vector<Error> mistakes;
  RetryPolicy default_retry;
  std::optional<std::chrono::milliseconds> default_timeout;
  int default_parallel = 4;
  std::vector<Hook> hooks = {};  // of weir.yml: every pipeline has them
};

// A file's text and tree. Nothing, and a mistake, when it cannot be read.
struct YamlFile {
  std::string path;  // relative to the project
  std::string text;
  Node root;
};
std::optional<YamlFile> read_yaml(Reading& reading, const std::string& path);

void read_weir_file(Reading& reading);
// What a dbt_project.yml says, for what weir.yml leaves out.
struct DbtSettings {
  Json vars = Json::object();
  Json models = Json::object();
};
// The dbt project that weir.yml names or that lies beside it: fills Project::dbt.
DbtSettings read_dbt_project(Reading& reading, const YamlFile& weir_file);
// dbt nests vars and models below the project's name; one level less means the same within one project.
Json without_package(const Json& tree, const std::string& name);
// The files of the models' folders: SQL, seeds, properties.
void read_model_files(Reading& reading);
// The files below a folder of the project with one of these extensions, relative to the project, sorted.
std::vector<std::string> files_below(const std::filesystem::path& project, std::string_view folder,
                                     std::initializer_list<std::string_view> extensions);
void read_pipeline(Reading& reading, const YamlFile& file);
void read_properties(Reading& reading, const YamlFile& file);
void read_generator(Reading& reading, const YamlFile& file);

// The hooks of weir.yml or of a pipeline, whose map `root` is.
std::vector<Hook> read_hooks(const Settings& values, const Node& root, Validator& validator, const std::string& file);

// The policy with what the settings say replaced.
RetryPolicy merge_retry(RetryPolicy policy, const Settings& retry);
// Letters, digits, _ and -: what names of connections, pipelines and tasks are made of.
void check_name(Validator& validator, const Node& place, std::string_view what, std::string_view name);

// Puts every task behind what it needs, otherwise in the file's order. A cycle is a mistake that shows its path.
std::vector<Task> order_tasks(std::vector<Task> tasks, std::vector<Error>& mistakes);

// Checks the settings that name tables, files, connections, pipelines or pools.
void check_references(Reading& reading);

}  // namespace weir::project
