#include "vocabulary.hpp"

namespace weir::golden {
namespace {

constexpr auto kShorthand = Setting::Shorthand::Allowed;

Setting text(std::string name, Need need = Need::Optional) {
  return {.name = std::move(name), .doc = "a text", .need = need};
}

Setting endpoint(std::string name) {
  return {.name = std::move(name),
          .type = SettingType::Group,
          .doc = "connection.table, or a file's path",
          .need = Need::Required,
          .fields = {text("object", Need::Required), text("query")},
          .shorthand = kShorthand};
}

std::vector<Setting> copy_settings() {
  return {endpoint("from"),
          endpoint("to"),
          {.name = "mode",
           .type = SettingType::Choice,
           .doc = "what becomes of the rows that are there",
           .default_value = "append",
           .choices = {"append", "replace", "merge"}},
          {.name = "key", .type = SettingType::List, .fields = {text("column")}, .shorthand = kShorthand},
          {.name = "add", .type = SettingType::Map, .fields = {text("value")}},
          {.name = "batch_rows", .type = SettingType::Integer, .doc = "rows of a batch"},
          {.name = "memory", .type = SettingType::Bytes, .default_value = "32MiB"},
          {.name = "pause", .type = SettingType::Duration, .doc = "between two batches"},
          {.name = "sample", .type = SettingType::Number, .doc = "the part of the rows, 0 to 1"},
          {.name = "strict", .type = SettingType::Flag, .doc = "whether a bad row stops the copy"}};
}

std::vector<Setting> check_settings() {
  const Setting rule{.name = "rule",
                     .type = SettingType::Group,
                     .fields = {text("name", Need::Required),
                                text("expression"),
                                {.name = "severity",
                                 .type = SettingType::Choice,
                                 .default_value = "error",
                                 .choices = {"warn", "error", "quarantine"}}}};
  return {
      text("table", Need::Required),
      {.name = "rules", .type = SettingType::List, .doc = "what must hold", .need = Need::Required, .fields = {rule}}};
}

}  // namespace

project::Vocabulary vocabulary() {
  const Setting url{.name = "url", .doc = "the server's address", .need = Need::Required, .secrecy = Secrecy::Secret};
  return {
      .connections =
          {{.name = "clickhouse", .summary = "ClickHouse", .settings = {url, text("user")}, .manageable = true},
           {.name = "postgres", .summary = "PostgreSQL", .settings = {url}, .manageable = true},
           {.name = "files", .summary = "a folder", .settings = {text("folder")}}},
      .tasks = {{.name = "copy", .summary = "copies rows", .settings = copy_settings(), .endpoints = {"from", "to"}},
                {.name = "check", .summary = "checks rows", .settings = check_settings(), .endpoints = {"table"}},
                {.name = "model",
                 .summary = "builds models",
                 .settings = {text("select", Need::Required), text("connection")},
                 .connection_settings = {"connection"}},
                {.name = "sql",
                 .summary = "runs SQL",
                 .settings = {text("query", Need::Required), text("connection", Need::Required)},
                 .connection_settings = {"connection"}}},
      .generators = {{.name = "rows", .type = SettingType::Integer, .doc = "how many rows", .need = Need::Required},
                     {.name = "columns", .type = SettingType::Map, .doc = "the columns"}}};
}

}  // namespace weir::golden
