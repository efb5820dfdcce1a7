#include "web/catalogue.hpp"

#include <algorithm>
#include <set>

#include "web/shapes.hpp"

namespace weir::web {

Result<std::map<std::string, ledger::TableWrite>> last_writes(const Api& api) {
  std::map<std::string, ledger::TableWrite> writes;
  for (auto& write : WEIR_TRY(api.history.last_writes(api.version()->project.environment))) {
    auto table = write.table;
    writes.emplace(std::move(table), std::move(write));
  }
  return writes;
}

Json table_json(const std::string& table, const ledger::TableWrite* write, const Lineage& lineage, Instant now) {
  const auto dot = table.find('.');
  Json by;
  if (write != nullptr) {
    by = {{"pipeline", write->pipeline}, {"task", write->task}, {"run", write->run.text()}};
  } else {
    // Nobody has written it yet: say who would.
    const auto step = std::ranges::find_if(lineage.steps(), [&](const auto& candidate) {
      return std::ranges::find(candidate.writes, table) != candidate.writes.end();
    });
    if (step != lineage.steps().end()) by = {{"pipeline", step->pipeline}, {"task", step->step}, {"run", nullptr}};
  }
  return {{"connection", table.substr(0, dot)},
          {"table", dot == std::string::npos ? "" : table.substr(dot + 1)},
          {"rows", write == nullptr ? Json(nullptr) : Json(write->rows)},
          {"written_at", write == nullptr ? Json(nullptr) : to_json(write->at)},
          {"written_by", std::move(by)},
          {"freshness_s", write == nullptr ? Json(nullptr) : seconds(now - write->at)}};
}

Result<Json> tables_by_age(const Api& api, std::size_t limit) {
  const auto lineage = api.versions.lineage(api.version());
  const auto writes = WEIR_TRY(last_writes(api));
  const auto known = lineage->tables();
  std::set<std::string> unwritten;
  for (const auto& step : lineage->steps()) {
    for (const auto& table : step.writes) {
      if (!writes.contains(table) && std::ranges::binary_search(known, table)) unwritten.insert(table);
    }
  }
  std::vector<const ledger::TableWrite*> written;
  for (const auto& [table, write] : writes) written.push_back(&write);
  std::ranges::stable_sort(written, {}, [](const auto* write) { return write->at; });
  const auto now = api.now();
  auto tables = Json::array();
  for (const auto& table : unwritten) {
    if (tables.size() < limit) tables.push_back(table_json(table, nullptr, *lineage, now));
  }
  for (const auto* write : written) {
    if (tables.size() < limit) tables.push_back(table_json(write->table, write, *lineage, now));
  }
  return tables;
}

}  // namespace weir::web
