#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "project/nearest.hpp"
#include "project/reading.hpp"
#include "sql/template.hpp"

namespace weir::project {
namespace {

bool looks_like_path(std::string_view text) {
  constexpr std::array<std::string_view, 13> kExtensions{"csv", "tsv", "txt", "json", "jsonl", "ndjson", "parquet",
                                                         "gz",  "zst", "bz2", "xz",   "arrow", "avro"};
  if (text.find('/') != std::string_view::npos) return true;
  const auto dot = text.rfind('.');
  return dot != std::string_view::npos && std::ranges::find(kExtensions, text.substr(dot + 1)) != kExtensions.end();
}

// Calls `visit` with every text at a path; "*" stands for each element of a list or a map, and a group at the path's end
// for the key that its description names first.
class PathWalk {
 public:
  using Visit = std::function<void(const std::string& path, const std::string& text)>;

  PathWalk(std::string_view path, const Visit& visit) : visit_(visit) {
    for (;;) {
      const auto dot = path.find('.');
      steps_.emplace_back(path.substr(0, dot));
      if (dot == std::string_view::npos) break;
      path.remove_prefix(dot + 1);
    }
  }

  void walk(const Json& values, std::span<const Setting> settings) const { keys(values, settings, 0, {}); }

 private:
  void keys(const Json& values, std::span<const Setting> settings, std::size_t step, const std::string& path) const {
    for (const auto& setting : settings) {
      const bool here = step == steps_.size() ? &setting == settings.data() : setting.name == steps_[step];
      const auto value = values.find(setting.name);
      if (here && value != values.end()) at(*value, setting, step + 1, join_path(path, setting.name));
    }
  }

  void at(const Json& value, const Setting& setting, std::size_t step, const std::string& path) const {
    if (value.is_string()) {
      if (step >= steps_.size()) visit_(path, value.get<std::string>());
    } else if (value.is_object() && setting.type == SettingType::Group) {
      keys(value, setting.fields, std::min(step, steps_.size()), path);
    } else if (value.is_structured() && !setting.fields.empty()) {
      const auto after = step < steps_.size() && steps_[step] == "*" ? step + 1 : step;
      for (const auto& [key, element] : value.items()) at(element, setting.fields.front(), after, join_path(path, key));
    }
  }

  std::vector<std::string> steps_;
  const Visit& visit_;
};

Error unknown_connection(const Project& project, std::string_view name) {
  return Error::user(Code::InvalidProject, "unknown connection: {}", name)
      .hint(suggestion(name, names_of(project.connections), "weir.yml declares no such connection"));
}

Result<void> check_connection(const Project& project, const std::string& name) {
  if (sql::has_template(name) || project.find_connection(name) != nullptr) return {};
  return unknown_connection(project, name);
}

// What a template decides is known only in a run.
Result<void> check_table_or_file(const Project& project, const std::string& text) {
  const auto word = std::string_view{text}.substr(0, text.find('.'));
  if (sql::has_template(text) && (sql::has_template(word) || word.size() == text.size())) return {};
  WEIR_TRY(check_endpoint(project, text));
  return {};
}

// Calls `visit` with every text below a value.
void visit_texts(const Json& value, const std::string& path, const PathWalk::Visit& visit) {
  if (value.is_string()) visit(path, value.get<std::string>());
  if (!value.is_structured()) return;
  for (const auto& [key, inner] : value.items()) visit_texts(inner, join_path(path, key), visit);
}

// "params.rowz" in a template, where the pipeline has no such parameter. A template that asks whether it is there may name it.
Result<void> check_params(const Pipeline& pipeline, const std::string& text) {
  constexpr std::string_view kParams = "params.";
  if (text.find(kParams) == std::string::npos || text.find("default") != std::string::npos ||
      text.find("defined") != std::string::npos) {
    return {};
  }
  for (const auto& name : sql::free_names(text)) {
    if (!name.starts_with(kParams)) continue;
    const auto rest = std::string_view{name}.substr(kParams.size());
    const auto param = rest.substr(0, rest.find('.'));
    if (pipeline.params.contains(param)) continue;
    std::vector<std::string_view> params;
    for (const auto& [key, value] : pipeline.params.items()) params.push_back(key);
    return Error::user(Code::InvalidProject, "unknown parameter: {}", param)
        .hint(suggestion(param, params, "declare it below the pipeline's params"));
  }
  return {};
}

}  // namespace

Endpoint parse_endpoint(const Project& project, std::string_view text) {
  const auto dot = text.find('.');
  if (dot != std::string_view::npos && project.find_connection(text.substr(0, dot)) != nullptr) {
    return {std::string{text.substr(0, dot)}, std::string{text.substr(dot + 1)}};
  }
  return {{}, std::string{text}};
}

Result<Endpoint> check_endpoint(const Project& project, std::string_view text) {
  auto endpoint = parse_endpoint(project, text);
  if (!endpoint.connection.empty() || looks_like_path(text)) return endpoint;
  const auto dot = text.find('.');
  if (dot != std::string_view::npos) return unknown_connection(project, text.substr(0, dot));
  return Error::user(Code::InvalidProject, "neither a table of a connection nor a file: {}", text)
      .hint("write connection.table, or a path such as files/sales.csv");
}

// A source of `after` is a pipeline, or a table of a connection.
void check_after(Reading& reading, const Pipeline& pipeline) {
  if (!pipeline.after) return;
  const auto& project = reading.project;
  for (const auto& source : pipeline.after->sources) {
    if (project.find_pipeline(source) != nullptr && source != pipeline.name) continue;
    if (!parse_endpoint(project, source).connection.empty()) continue;
    std::vector<std::string_view> names;
    for (const auto& other : project.pipelines) {
      if (other.name != pipeline.name) names.push_back(other.name);
    }
    auto mistake = source == pipeline.name
                       ? Error::user(Code::InvalidProject, "pipeline {} would start after itself", source)
                             .hint("remove it from after")
                       : Error::user(Code::InvalidProject, "neither a pipeline nor a table of a connection: {}", source)
                             .hint(suggestion(source, names, "a pipeline's name, or connection.table"));
    reading.mistakes.push_back(std::move(mistake).at(pipeline.after->place));
  }
}

void check_references(Reading& reading) {
  const auto& project = reading.project;
  for (const auto& pipeline : project.pipelines) check_after(reading, pipeline);
  for (const auto& pipeline : project.pipelines) {
    for (const auto& task : pipeline.tasks) {
      const auto kind = std::ranges::find(reading.vocabulary.tasks, task.kind, &KindDescription::name);
      if (kind == reading.vocabulary.tasks.end()) continue;
      const auto& values = task.settings.values();
      const auto report = [&](const std::string& path, Result<void> checked) {
        if (checked.ok()) return;
        const auto place = task.places.find(path);
        reading.mistakes.push_back(
            std::move(checked).error().at(place == task.places.end() ? task.places.at("") : place->second));
      };
      const PathWalk::Visit table_or_file = [&](const auto& path, const auto& text) {
        report(path, check_table_or_file(project, text));
      };
      const PathWalk::Visit connection = [&](const auto& path, const auto& text) {
        report(path, check_connection(project, text));
      };
      for (const auto& path : kind->endpoints) PathWalk(path, table_or_file).walk(values, kind->settings);
      for (const auto& path : kind->connection_settings) PathWalk(path, connection).walk(values, kind->settings);
      visit_texts(values, "", [&](const auto& path, const auto& text) { report(path, check_params(pipeline, text)); });
    }
  }
}

}  // namespace weir::project
