#include "models/properties.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace weir::models {

namespace {

constexpr std::array<std::string_view, 10> kTestConfigKeys{
    "severity", "where", "limit", "warn_if", "error_if", "tags", "enabled", "meta", "store_failures", "fail_calc"};

std::string scalar_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number() || value.is_boolean()) return to_text(value);
  return {};
}

// Reads one properties file; paths are those of PropertiesFile::places.
class Reader {
 public:
  Reader(const project::PropertiesFile& file, Properties& out, std::vector<Error>& mistakes)
      : file_(file), out_(out), mistakes_(mistakes) {}

  void read() {
    each(file_.content, "models", "models",
         [&](const Json& entry, const std::string& path) { read_model(entry, path); });
    // A seed's properties are those of a model.
    each(file_.content, "seeds", "seeds", [&](const Json& entry, const std::string& path) { read_model(entry, path); });
    each(file_.content, "sources", "sources",
         [&](const Json& entry, const std::string& path) { read_source(entry, path); });
  }

 private:
  template <typename Visit>
  void each(const Json& object, std::string_view key, const std::string& path, const Visit& visit) {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_array()) return;
    for (std::size_t index = 0; index < found->size(); ++index)
      visit((*found)[index], fmt::format("{}.{}", path, index));
  }

  // The place of the path, or of the nearest thing around it that has one.
  Place place(std::string path) const {
    for (;;) {
      if (const auto found = file_.places.find(path); found != file_.places.end()) {
        auto place = found->second;
        if (place.file.empty()) place.file = file_.path;
        return place;
      }
      const auto dot = path.rfind('.');
      if (dot == std::string::npos) return {file_.path, 0, 0};
      path.resize(dot);
    }
  }

  void mistake(const std::string& path, std::string message, std::string hint = {}) {
    mistakes_.push_back(
        Error(Fault::User, Code::InvalidProject, std::move(message)).at(place(path)).hint(std::move(hint)));
  }

  void read_model(const Json& entry, const std::string& path) {
    ModelProperties model;
    model.name = text_of(entry, "name");
    if (model.name.empty()) return mistake(path, "a model's properties need its name");
    model.description = text_of(entry, "description");
    if (const auto config = entry.find("config"); config != entry.end() && config->is_object()) model.config = *config;
    if (const auto connection = text_of(entry, "connection"); !connection.empty())
      model.config["connection"] = connection;
    model.place = place(path);
    read_tests(entry, path, "", model.tests);
    read_columns(entry, path, model.tests);
    out_.models.push_back(std::move(model));
  }

  void read_source(const Json& entry, const std::string& path) {
    const auto source = text_of(entry, "name");
    if (source.empty()) return mistake(path, "a source needs a name");
    each(entry, "tables", path + ".tables", [&](const Json& item, const std::string& table_path) {
      SourceTable table;
      table.source = source;
      table.table = item.is_string() ? item.get<std::string>() : text_of(item, "name");
      if (table.table.empty()) return mistake(table_path, "a source's table needs a name");
      table.schema = text_of(entry, "schema");
      // dbt-clickhouse calls a database "schema"; people who know ClickHouse write "database".
      if (table.schema.empty()) table.schema = text_of(entry, "database");
      table.connection = text_of(entry, "connection");
      if (table.connection.empty()) table.connection = text_of(entry.value("config", Json()), "connection");
      table.identifier = text_of(item, "identifier");
      if (table.identifier.empty()) table.identifier = table.table;
      table.place = place(table_path);
      read_tests(item, table_path, "", table.tests);
      read_columns(item, table_path, table.tests);
      out_.sources.push_back(std::move(table));
    });
  }

  void read_columns(const Json& entry, const std::string& path, std::vector<TestProperties>& tests) {
    each(entry, "columns", path + ".columns", [&](const Json& column, const std::string& column_path) {
      const auto name = text_of(column, "name");
      if (name.empty()) return mistake(column_path, "a column needs a name");
      const auto first = tests.size();
      read_tests(column, column_path, name, tests);
      if (const auto quote = column.find("quote"); quote != column.end() && *quote == true) {
        for (auto test = first; test < tests.size(); ++test) tests[test].arguments["quote_column"] = true;
      }
    });
  }

  void read_tests(const Json& entry, const std::string& path, const std::string& column,
                  std::vector<TestProperties>& tests) {
    for (const std::string key : {"data_tests", "tests"}) {
      each(entry, key, fmt::format("{}.{}", path, key), [&](const Json& item, const std::string& test_path) {
        if (auto test = read_test(item, test_path, column)) tests.push_back(std::move(*test));
      });
    }
  }

  // "unique", {accepted_values: {…}} or {test_name: unique, …}.
  std::optional<TestProperties> read_test(const Json& item, const std::string& path, const std::string& column) {
    TestProperties test;
    test.column = column;
    test.place = place(path);
    if (item.is_string()) {
      test.type = item.get<std::string>();
      return test;
    }
    if (item.is_object() && item.contains("test_name")) {
      test.type = text_of(item, "test_name");
      take_arguments(item, test);
      return test;
    }
    if (!item.is_object() || item.empty()) {
      mistake(path, "a test is a name, or a name with its arguments");
      return std::nullopt;
    }
    // `config:`, `name:` and the like may stand beside the test's own key.
    const auto items = item.items();
    const auto own =
        std::find_if(items.begin(), items.end(), [](const auto& entry) { return !stands_beside(entry.key()); });
    if (own == items.end()) {
      mistake(path, "a test is a name, or a name with its arguments");
      return std::nullopt;
    }
    test.type = own.key();
    auto beside = item;
    beside.erase(test.type);
    take_arguments(beside, test);
    if (own.value().is_object()) take_arguments(own.value(), test);
    return test;
  }

  static bool stands_beside(std::string_view key) {
    return key == "name" || key == "description" || key == "config" || key == "arguments" ||
           std::ranges::find(kTestConfigKeys, key) != kTestConfigKeys.end();
  }

  static void take_arguments(const Json& object, TestProperties& test) {
    for (const auto& [key, value] : object.items()) {
      if (key == "name") {
        test.name = scalar_text(value);
      } else if (key == "column_name") {
        test.column = scalar_text(value);
      } else if ((key == "config" || key == "arguments") && value.is_object()) {
        (key == "config" ? test.config : test.arguments).update(value);
      } else if (std::ranges::find(kTestConfigKeys, key) != kTestConfigKeys.end()) {
        test.config[key] = value;
      } else if (key != "test_name" && !stands_beside(key)) {
        test.arguments[key] = value;
      }
    }
  }

  const project::PropertiesFile& file_;
  Properties& out_;
  std::vector<Error>& mistakes_;
};

}  // namespace

std::string text_of(const Json& object, std::string_view key) {
  if (!object.is_object()) return {};
  const auto found = object.find(key);
  return found == object.end() ? std::string() : scalar_text(*found);
}

std::vector<std::string> text_list(const Json& value) {
  std::vector<std::string> texts;
  const auto add = [&](const Json& item) {
    if (auto text = scalar_text(item); !text.empty()) texts.push_back(std::move(text));
  };
  if (value.is_array()) {
    std::ranges::for_each(value, add);
  } else {
    add(value);
  }
  return texts;
}

const ModelProperties* Properties::find_model(std::string_view name) const {
  const auto found = std::ranges::find(models, name, &ModelProperties::name);
  return found == models.end() ? nullptr : &*found;
}

const SourceTable* Properties::find_source(std::string_view source, std::string_view table) const {
  const auto found = std::ranges::find_if(
      sources, [&](const SourceTable& candidate) { return candidate.source == source && candidate.table == table; });
  return found == sources.end() ? nullptr : &*found;
}

Properties read_properties(const project::Project& project, std::vector<Error>& mistakes) {
  Properties properties;
  for (const auto& file : project.properties) Reader(file, properties, mistakes).read();
  return properties;
}

}  // namespace weir::models
