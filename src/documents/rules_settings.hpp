#pragma once

#include <vector>

#include "base/setting.hpp"
#include "documents/rules.hpp"

// The keys by which users say how documents become rows: the same for every source of documents.
namespace weir::documents {

// nested, columns, contract.
std::vector<Setting> rules_settings();
// Reads those; `name` and `key` stay empty. InvalidProject for a type that there is not.
Result<Rules> read_rules(const Settings& settings);

}  // namespace weir::documents
