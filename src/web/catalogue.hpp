#pragma once

#include <map>
#include <string>

#include "web/api.hpp"

// What is known of tables: who writes them, and when somebody did.
namespace weir::web {

// By table: when it was last written in the served environment.
Result<std::map<std::string, ledger::TableWrite>> last_writes(const Api& api);

// A Table of the OpenAPI document; `write` is null when nobody has written it yet.
Json table_json(const std::string& table, const ledger::TableWrite* write, const Lineage& lineage, Instant now);

// The tables that pipelines write, or have written, as Tables: those that nobody has written first, then the oldest; at most
// `limit`.
Result<Json> tables_by_age(const Api& api, std::size_t limit);

}  // namespace weir::web
