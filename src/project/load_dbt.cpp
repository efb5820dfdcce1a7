#include <algorithm>
#include <regex>
#include <utility>

#include "base/file.hpp"
#include "project/file_settings.hpp"
#include "project/reading.hpp"
#include "sql/template.hpp"

namespace weir::project {
namespace {

namespace fs = std::filesystem;

constexpr auto kDbtFile = "dbt_project.yml";
constexpr auto kLetDbt =
    "Weir's own build does not do that: take it out, or let dbt itself run the project (a task dbt: {command: build}) "
    "and leave dbt: out of weir.yml";

// The folder that weir.yml names; nothing when it names none.
const Node* named_folder(const YamlFile& weir_file) {
  const auto* node = weir_file.root.find("dbt");
  if (node != nullptr && node->kind == Node::Kind::Map) node = node->find("project");
  return node != nullptr && node->kind == Node::Kind::Scalar ? node : nullptr;
}

std::string plain_folder(const std::string& text) {
  auto folder = fs::path{text}.lexically_normal().generic_string();
  while (folder.ends_with('/')) folder.pop_back();
  return folder == "." ? std::string{} : folder;
}

bool is_given(const Json& value) {
  return value.is_string() ? !value.get_ref<const std::string&>().empty() : !value.empty();
}

// Packages are other people's macros and models, which Weir does not install.
void refuse_packages(Reading& reading, const DbtProject& dbt) {
  std::error_code error;
  for (const auto* name : {"packages.yml", "dependencies.yml"}) {
    const auto path = dbt.path(name);
    if (!fs::exists(reading.project.folder / path, error)) continue;
    const auto file = read_yaml(reading, path);
    if (!file) continue;
    const auto* packages = file->root.find("packages");
    if (packages == nullptr || packages->items.empty()) continue;
    reading.mistakes.push_back(Error::user(Code::InvalidProject, "Weir does not use dbt's packages: {}", path)
                                   .hint(kLetDbt)
                                   .at({path, packages->line, packages->column}));
  }
}

void take_paths(const Settings& values, std::string_view key, std::vector<std::string>& paths) {
  if (!values.has(key)) return;
  paths.clear();
  for (const auto& path : values.texts(key)) paths.push_back(plain_folder(path));
}

// A model and its properties beside weir.yml would not be read, since the models are the dbt project's.
void refuse_second_models(Reading& reading, const Node& node) {
  const auto files = files_below(reading.project.folder, "models", {".sql"});
  if (files.empty()) return;
  reading.mistakes.push_back(Error::user(Code::InvalidProject, "models are in two places: the dbt project {} and {}",
                                         reading.project.dbt->folder, files.front())
                                 .hint("move them into the dbt project, or leave dbt: out of weir.yml")
                                 .at({"weir.yml", node.line, node.column}));
}

DbtSettings read_file(Reading& reading, DbtProject& dbt) {
  DbtSettings settings;
  const auto file = read_yaml(reading, dbt.path(kDbtFile));
  if (!file) return settings;
  Validator validator{file->path, file->text, reading.mistakes};
  const Settings values{validator.group(file->root, dbt_project_settings(), kDbtFile)};
  dbt.name = values.text("name");
  take_paths(values, "model-paths", dbt.model_paths);
  take_paths(values, "test-paths", dbt.test_paths);
  take_paths(values, "macro-paths", dbt.macro_paths);
  take_paths(values, "seed-paths", dbt.seed_paths);
  take_paths(values, "snapshot-paths", dbt.snapshot_paths);
  dbt.seed_config = without_package(values.json("seeds"), dbt.name);
  settings.vars = without_package(values.json("vars"), dbt.name);
  settings.models = without_package(values.json("models"), dbt.name);
  for (const auto* key : {"on-run-start", "on-run-end", "dispatch"}) {
    if (!is_given(values.json(key))) continue;
    const auto place = validator.places.find(key);
    reading.mistakes.push_back(Error::user(Code::InvalidProject, "Weir does not know dbt's {}", key)
                                   .hint(kLetDbt)
                                   .at(place == validator.places.end() ? Place{file->path, 1, 1} : place->second));
  }
  refuse_packages(reading, dbt);
  return settings;
}

std::vector<std::string> snapshot_names(const std::string& text) {
  static const std::regex kSnapshot(R"(\{%[-+]?\s*snapshot\s+(\w+))");
  std::vector<std::string> names;
  for (std::sregex_iterator match(text.begin(), text.end(), kSnapshot); match != std::sregex_iterator(); ++match) {
    names.push_back((*match)[1]);
  }
  return names;
}

class ModelFiles {
 public:
  explicit ModelFiles(Reading& reading) : reading_(reading), dbt_(reading.project.dbt.value_or(DbtProject{})) {}

  void read() {
    using enum SqlFile::Kind;
    read_sql(dbt_.model_paths, Model, {".sql"});
    read_sql(dbt_.test_paths, SingularTest, {".sql"});
    read_sql(dbt_.macro_paths, Macro, {".sql"});
    if (reading_.project.dbt) read_sql(dbt_.seed_paths, Seed, {".csv"});
    read_properties_files(dbt_.model_paths);
    if (!reading_.project.dbt) return;
    for (const auto* paths : {&dbt_.test_paths, &dbt_.macro_paths, &dbt_.seed_paths, &dbt_.snapshot_paths}) {
      read_properties_files(*paths);
    }
    refuse_python_models();
    read_snapshots();
  }

 private:
  std::vector<std::string> below(const std::string& folder, std::initializer_list<std::string_view> extensions) const {
    return files_below(reading_.project.folder, dbt_.path(folder), extensions);
  }

  std::optional<std::string> text_of(const std::string& path) {
    auto text = weir::read_file(reading_.project.folder / path);
    if (text.ok()) return std::move(*text);
    reading_.mistakes.push_back(std::move(text).error().at({path, 0, 0}));
    return std::nullopt;
  }

  void read_sql(const std::vector<std::string>& folders, SqlFile::Kind kind,
                std::initializer_list<std::string_view> extensions) {
    for (const auto& folder : folders) {
      for (const auto& path : below(folder, extensions)) {
        auto text = text_of(path);
        if (!text) continue;
        if (kind != SqlFile::Kind::Seed) {
          if (auto valid = sql::check_syntax(path, *text); !valid.ok())
            reading_.mistakes.push_back(std::move(valid).error());
        }
        reading_.project.sql_files.push_back(
            {kind, path, fs::path{path}.stem().string(), std::move(*text), dbt_.path(folder)});
      }
    }
  }

  void read_properties_files(const std::vector<std::string>& folders) {
    for (const auto& folder : folders) {
      for (const auto& path : below(folder, {".yml", ".yaml"})) {
        if (const auto file = read_yaml(reading_, path)) read_properties(reading_, *file);
      }
    }
  }

  void refuse_python_models() {
    for (const auto& folder : dbt_.model_paths) {
      for (const auto& path : below(folder, {".py"})) {
        reading_.mistakes.push_back(Error::user(Code::InvalidProject, "Weir does not run models in Python: {}", path)
                                        .hint(kLetDbt)
                                        .at({path, 1, 1}));
      }
    }
  }

  // Their blocks are no Jinja that Weir knows; what refers to one has to be told.
  void read_snapshots() {
    auto& names = reading_.project.dbt->snapshots;
    for (const auto& folder : dbt_.snapshot_paths) {
      for (const auto& path : below(folder, {".sql"})) {
        if (const auto text = text_of(path)) std::ranges::move(snapshot_names(*text), std::back_inserter(names));
      }
    }
    for (const auto& file : reading_.project.properties) {
      const auto found = file.content.find("snapshots");
      if (found == file.content.end() || !found->is_array()) continue;
      for (const auto& snapshot : *found) {
        if (snapshot.is_object() && snapshot.contains("relation") && snapshot.contains("name"))
          names.push_back(snapshot["name"]);
      }
    }
  }

  Reading& reading_;
  const DbtProject dbt_;
};

}  // namespace

std::string DbtProject::path(std::string_view inside) const {
  return folder.empty() ? std::string{inside} : fmt::format("{}/{}", folder, inside);
}

std::string_view SqlFile::path_below_root() const {
  const std::string_view whole = path;
  return whole.substr(std::min((root.empty() ? whole.find('/') : root.size()) + 1, whole.size()));
}

Json without_package(const Json& tree, const std::string& name) {
  if (!tree.is_object()) return Json::object();
  auto flat = Json::object();
  for (const auto& [key, value] : tree.items()) {
    if (key != name || !value.is_object()) flat[key] = value;
  }
  if (tree.contains(name) && tree[name].is_object()) flat.update(tree[name]);
  return flat;
}

DbtSettings read_dbt_project(Reading& reading, const YamlFile& weir_file) {
  auto& project = reading.project;
  const auto* node = named_folder(weir_file);
  DbtProject dbt;
  if (node != nullptr) dbt.folder = plain_folder(node->text);
  std::error_code error;
  if (!fs::exists(project.folder / dbt.path(kDbtFile), error)) {
    if (node != nullptr) {
      reading.mistakes.push_back(Error::user(Code::InvalidProject, "no dbt_project.yml in {}", node->text)
                                     .hint("dbt: takes the folder of a dbt project, relative to weir.yml")
                                     .at({weir_file.path, node->line, node->column}));
    }
    return {};
  }
  project.dbt = std::move(dbt);
  auto settings = read_file(reading, *project.dbt);
  if (!project.dbt->folder.empty()) refuse_second_models(reading, *node);
  return settings;
}

void read_model_files(Reading& reading) { ModelFiles{reading}.read(); }

}  // namespace weir::project
