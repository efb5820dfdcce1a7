#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/json.hpp"
#include "project/project.hpp"

// The properties files below models/: what they say about models, sources and their tests, in dbt's schema
// (https://docs.getdbt.com/reference/configs-and-properties).
namespace weir::models {

// One entry under `data_tests:` (or `tests:`): a generic test and what it is given.
struct TestProperties {
  std::string type;                 // unique, not_null, accepted_values, relationships, or a test_<type> macro
  std::string name;                 // the user's own name; "" is derived
  std::string column;               // "" for a test of the whole table
  Json arguments = Json::object();  // values, to, field, …
  Json config = Json::object();     // severity, where, limit, warn_if, error_if, tags, enabled
  Place place;
};

struct ModelProperties {
  std::string name;
  std::string description;
  Json config = Json::object();
  std::vector<TestProperties> tests;
  Place place;
};

// A table that something else than a model fills.
struct SourceTable {
  std::string source;
  std::string table;
  std::string schema;      // as written, may hold a template; "" is not given
  std::string identifier;  // the table's name in the database, may hold a template
  std::string connection;  // "" is that of the model which reads it
  std::vector<TestProperties> tests;
  Place place;
};

struct Properties {
  std::vector<ModelProperties> models;
  std::vector<SourceTable> sources;

  const ModelProperties* find_model(std::string_view name) const;
  const SourceTable* find_source(std::string_view source, std::string_view table) const;
};

// Appends what is wrong to `mistakes` and reads on.
Properties read_properties(const project::Project& project, std::vector<Error>& mistakes);

// A text or a list of texts, as dbt lets most lists be written; other values are left out.
std::vector<std::string> text_list(const Json& value);
// The member's text, or "" when it is absent or not a scalar.
std::string text_of(const Json& object, std::string_view key);

}  // namespace weir::models
