#include <algorithm>
#include <map>

#include "web/api.hpp"
#include "web/catalogue.hpp"
#include "web/shapes.hpp"

// The catalogue: every table that a pipeline reads or writes, who wrote it last, what is in it.
namespace weir::web {
namespace {

constexpr int kHistory = 100;
constexpr int kRunsShown = 20;
constexpr std::int64_t kSampleDefault = 100;
constexpr std::int64_t kSampleMax = 1000;

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

Result<Json> list_tables(const Api& api, const Call& call) {
  const auto lineage = api.versions.lineage(api.version());
  const auto writes = WEIR_TRY(last_writes(api));
  auto names = lineage->tables();
  for (const auto& [name, write] : writes) {
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  }
  std::ranges::sort(names);
  const auto page = WEIR_TRY(page_of(call));
  const auto search = lower(call.text("search"));
  const auto now = api.now();
  auto items = Json::array();
  auto at = static_cast<std::size_t>(std::clamp<std::int64_t>(page.before.value_or(0), 0, std::ssize(names)));
  for (; at < names.size() && static_cast<int>(items.size()) < page.limit; ++at) {
    if (lower(names[at]).find(search) == std::string::npos) continue;
    const auto write = writes.find(names[at]);
    items.push_back(table_json(names[at], write == writes.end() ? nullptr : &write->second, *lineage, now));
  }
  return page_answer(std::move(items), at < names.size() ? std::optional<std::int64_t>{at} : std::nullopt);
}

std::string_view kind_text(flow::RelationKind kind) {
  switch (kind) {
    case flow::RelationKind::Table: return "table";
    case flow::RelationKind::View: return "view";
    case flow::RelationKind::MaterializedView: return "materialized view";
  }
  return {};
}

// What models and seeds say about their columns.
std::map<std::string, std::string> column_docs(const engine::ProjectVersion& version, const std::string& model) {
  std::map<std::string, std::string> docs;
  for (const auto& file : version.project.properties) {
    for (const auto* list : {"models", "seeds"}) {
      const auto entries = file.content.find(list);
      if (entries == file.content.end() || !entries->is_array()) continue;
      for (const auto& entry : *entries) {
        if (!entry.is_object() || entry.value("name", std::string{}) != model) continue;
        for (const auto& column : entry.value("columns", Json::array())) {
          if (column.is_object() && column.contains("description") && column["description"].is_string())
            docs[column.value("name", std::string{})] = column["description"];
        }
      }
    }
  }
  return docs;
}

// Asks the database; a connection that does not answer is no reason to show nothing else.
void add_columns(const engine::ProjectVersion& version, const Call& call, Json& json) {
  json["kind"] = nullptr;
  json["columns"] = Json::array();
  json["unavailable"] = nullptr;
  const auto describe = [&]() -> Result<void> {
    const auto database = WEIR_TRY(
        version.connections->open_database(call.at("connection"), call.http.gone, silent_log(), flow::Rights::Read));
    const auto info = WEIR_TRY(database->describe(flow::parse_relation(call.at("table")), call.http.gone));
    if (!info) return {};
    json["kind"] = kind_text(info->kind);
    const auto docs = column_docs(version, flow::parse_relation(call.at("table")).name);
    for (std::size_t i = 0; i < info->schema.fields.size(); ++i) {
      const auto& field = info->schema.fields[i];
      const auto doc = docs.find(field.name);
      json["columns"].push_back({{"name", field.name},
                                 {"type", i < info->native_types.size() ? info->native_types[i] : field.type.text()},
                                 {"nullable", field.nullable == data::Nullable::Yes},
                                 {"key", std::ranges::find(info->key, field.name) != info->key.end()},
                                 {"description", doc == docs.end() ? "" : doc->second}});
    }
    return {};
  };
  if (const auto described = describe(); !described.ok()) json["unavailable"] = described.error().text();
}

Result<Json> table_detail(const Api& api, const Call& call) {
  const auto version = api.version();
  const auto table = fmt::format("{}.{}", call.at("connection"), call.at("table"));
  const auto lineage = api.versions.lineage(version);
  const auto writes = WEIR_TRY(api.history.writes(version->project.environment, table, kHistory));
  if (version->project.find_connection(call.at("connection")) == nullptr && writes.empty())
    return Error::user(Code::NotFound, "no such connection: {}", call.at("connection"));
  auto json = table_json(table, writes.empty() ? nullptr : &writes.front(), *lineage, api.now());
  json["description"] = "";
  for (const auto& node : version->graph.nodes) {
    if (node.connection == call.at("connection") && node.target.name == call.at("table"))
      json["description"] = node.description;
  }
  add_columns(*version, call, json);
  json["history"] = Json::array();
  for (const auto& write : writes)
    json["history"].push_back({{"at", to_json(write.at)}, {"rows", write.rows}, {"run", write.run.text()}});
  json["upstream"] = lineage->tables_along(table, Lineage::Direction::Upstream);
  json["downstream"] = lineage->tables_along(table, Lineage::Direction::Downstream);
  json["graph"] = lineage->graph_around(table);
  json["runs"] = Json::array();
  std::string last;
  for (const auto& write : writes) {
    if (write.run.text() == last || json["runs"].size() == kRunsShown) continue;
    last = write.run.text();
    if (const auto run = WEIR_TRY(api.history.find_run(write.run)))
      json["runs"].push_back(to_json(*run, version->project));
  }
  return json;
}

Result<Json> sample(const Api& api, const Call& call) {
  const auto limit = std::clamp<std::int64_t>(call.query.value("limit", kSampleDefault), 1, kSampleMax);
  const auto version = api.version();
  const auto database = WEIR_TRY(
      version->connections->open_database(call.at("connection"), call.http.gone, silent_log(), flow::Rights::Read));
  const auto sql = fmt::format("SELECT * FROM {} LIMIT {}",
                               database->dialect().quote(flow::parse_relation(call.at("table"))), limit);
  const auto reader = WEIR_TRY(database->select(sql, {}, call.http.gone));
  auto rows = WEIR_TRY(read_rows(*reader, static_cast<std::size_t>(limit), call.http.gone));
  return Json{{"columns", std::move(rows.columns)}, {"rows", std::move(rows.rows)}};
}

}  // namespace

std::vector<Route> table_routes(const Api& api) {
  return {
      {.method = "GET",
       .path = "/tables",
       .summary = "Every table that a pipeline reads or writes",
       .query = page_parameters({{"search", text("In connection.table"), Need::Optional}}),
       .answer = page_of(reference("Table")),
       .handle = [&api](Call& call) -> Result<Answer> { return Answer{WEIR_TRY(list_tables(api, call))}; }},
      {.method = "GET",
       .path = "/tables/{connection}/{table}",
       .summary = "A table: its columns, its history, what it comes from and what comes from it",
       .answer = reference("TableDetail"),
       .handle = [&api](Call& call) -> Result<Answer> { return Answer{WEIR_TRY(table_detail(api, call))}; }},
      {.method = "GET",
       .path = "/tables/{connection}/{table}/sample",
       .summary = "Some rows",
       .query = {{"limit", integer("1 to 1000, 100 unless told"), Need::Optional}},
       .answer = object({{"columns", list_of(reference("Column"))}, {"rows", list_of(list_of(anything()))}}),
       .handle = [&api](Call& call) -> Result<Answer> { return Answer{WEIR_TRY(sample(api, call))}; }},
  };
}

}  // namespace weir::web
