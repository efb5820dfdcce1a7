#include <algorithm>
#include <tuple>
#include <utility>

#include "base/file.hpp"
#include "project/file_settings.hpp"
#include "project/nearest.hpp"
#include "project/reading.hpp"

namespace weir::project {
namespace {

namespace fs = std::filesystem;

// Two models of one name: ref() could not tell them apart.
void check_model_names(Reading& reading) {
  std::map<std::string_view, const SqlFile*> seen;
  for (const auto& file : reading.project.sql_files) {
    if (file.kind == SqlFile::Kind::Macro) continue;
    const auto [first, fresh] = seen.try_emplace(file.name, &file);
    if (fresh) continue;
    reading.mistakes.push_back(
        Error::user(Code::InvalidProject, "two models or tests have the same name: {}", file.name)
            .hint(fmt::format("the other is {}; rename one of the files", first->second->path))
            .at({file.path, 1, 1}));
  }
}

void check_pipeline_names(Reading& reading) {
  std::map<std::string_view, const Pipeline*> seen;
  for (const auto& pipeline : reading.project.pipelines) {
    const auto [first, fresh] = seen.try_emplace(pipeline.name, &pipeline);
    if (fresh) continue;
    reading.mistakes.push_back(Error::user(Code::InvalidProject, "two pipelines have the same name: {}", pipeline.name)
                                   .hint(fmt::format("the other is in {}", first->second->place.file))
                                   .at(pipeline.place));
  }
}

void sort_by_place(std::vector<Error>& mistakes) {
  std::ranges::stable_sort(mistakes, [](const Error& a, const Error& b) {
    const auto key = [](const Error& error) {
      const auto place = error.place().value_or(Place{});
      return std::tuple{place.file, place.line, place.column};
    };
    return key(a) < key(b);
  });
}

// The text of a YAML file without its byte order mark, which would move the places.
Result<std::string> read_yaml_text(const fs::path& path) {
  auto text = WEIR_TRY(read_file(path));
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());
  return text;
}

}  // namespace

std::vector<std::string> files_below(const fs::path& project, std::string_view folder,
                                     std::initializer_list<std::string_view> extensions) {
  std::vector<std::string> files;
  std::error_code error;
  fs::recursive_directory_iterator entry{project / folder, fs::directory_options::skip_permission_denied, error};
  for (const fs::recursive_directory_iterator end; !error && entry != end; entry.increment(error)) {
    const auto extension = entry->path().extension().string();
    const bool hidden = entry->path().filename().string().starts_with('.');
    if (hidden && entry->is_directory(error)) entry.disable_recursion_pending();
    if (hidden || std::ranges::find(extensions, extension) == extensions.end()) continue;
    if (entry->is_regular_file(error)) files.push_back(entry->path().lexically_relative(project).generic_string());
  }
  std::ranges::sort(files);
  return files;
}

std::optional<YamlFile> read_yaml(Reading& reading, const std::string& path) {
  auto text = read_yaml_text(reading.project.folder / path);
  if (!text.ok()) {
    reading.mistakes.push_back(std::move(text).error().at({path, 0, 0}));
    return std::nullopt;
  }
  const auto before = reading.mistakes.size();
  auto root = parse_yaml(path, *text, reading.mistakes);
  // What a file with malformed YAML lacks is not worth a second message.
  if (reading.mistakes.size() != before && root.kind == Node::Kind::Null) return std::nullopt;
  return YamlFile{path, std::move(*text), std::move(root)};
}

void check_name(Validator& validator, const Node& place, std::string_view what, std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  if (!name.empty() && std::ranges::all_of(name, allowed)) return;
  validator.mistake(place, fmt::format("not a name for {}: {}", what, name), "letters, digits, _ and - only");
}

void read_properties(Reading& reading, const YamlFile& file) {
  Validator validator{file.path, file.text, reading.mistakes};
  auto content = validator.group(file.root, properties_settings(), "the properties file");
  reading.project.properties.push_back({file.path, std::move(content), std::move(validator.places)});
}

void read_generator(Reading& reading, const YamlFile& file) {
  Validator validator{file.path, file.text, reading.mistakes};
  Setting whole{.name = "the generator", .type = SettingType::Any};
  auto values = reading.vocabulary.generators.empty()
                    ? validator.value(file.root, whole, "")
                    : validator.group(file.root, reading.vocabulary.generators, "the generator");
  reading.project.generators.push_back({file.path, Settings{std::move(values)}, std::move(validator.places)});
}

LoadOutcome load(const fs::path& folder, const Vocabulary& vocabulary, const LoadOptions& options) {
  Reading reading{.project = {},
                  .vocabulary = vocabulary,
                  .options = options,
                  .mistakes = {},
                  .default_retry = {},
                  .default_timeout = {}};
  std::error_code error;
  reading.project.folder = fs::absolute(folder, error).lexically_normal();
  reading.project.environment = options.environment;

  read_weir_file(reading);
  const auto each = [&](std::string_view below, auto read) {
    for (const auto& path : files_below(reading.project.folder, below, {".yml", ".yaml"})) {
      if (const auto file = read_yaml(reading, path)) read(reading, *file);
    }
  };
  each("pipelines", read_pipeline);
  each("generators", read_generator);
  read_model_files(reading);
  check_model_names(reading);
  check_pipeline_names(reading);
  check_references(reading);

  sort_by_place(reading.mistakes);
  LoadOutcome outcome;
  if (reading.mistakes.empty()) outcome.project = std::move(reading.project);
  outcome.mistakes.errors = std::move(reading.mistakes);
  return outcome;
}

SettingsFile read_settings_file(const fs::path& folder, const std::string& path, std::span<const Setting> settings) {
  SettingsFile file;
  auto& mistakes = file.mistakes.errors;
  const auto text = read_yaml_text(folder / path);
  if (!text.ok()) {
    mistakes.push_back(Error{text.error()}.at({path, 0, 0}));
    return file;
  }
  const auto root = parse_yaml(path, *text, mistakes);
  if (!mistakes.empty()) return file;
  Validator validator{path, *text, mistakes};
  file.settings = Settings{validator.group(root, settings, fs::path{path}.filename().string())};
  file.places = std::move(validator.places);
  sort_by_place(mistakes);
  return file;
}

std::optional<fs::path> find_project_folder(const fs::path& start) {
  std::error_code error;
  auto folder = fs::absolute(start, error).lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();
  for (;;) {
    if (fs::is_regular_file(folder / "weir.yml", error)) return folder;
    if (!folder.has_relative_path()) return std::nullopt;
    folder = folder.parent_path();
  }
}

const Connection* Project::find_connection(std::string_view wanted) const {
  const auto found = std::ranges::find(connections, wanted, &Connection::name);
  return found == connections.end() ? nullptr : &*found;
}

const Pipeline* Project::find_pipeline(std::string_view wanted) const {
  const auto found = std::ranges::find(pipelines, wanted, &Pipeline::name);
  return found == pipelines.end() ? nullptr : &*found;
}

}  // namespace weir::project
