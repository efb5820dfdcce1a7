#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "ledger/sqlite.hpp"

namespace weir::ledger {

// One step of the ledger's schema. Published steps never change: a new step is added at the end instead.
struct Migration {
  int number;  // 1, 2, 3, …
  std::string_view name;
  const char* sql;
};

std::span<const Migration> migrations();

// 0 for an empty file. Unsupported when the ledger is newer than `known`, InvalidData when a step that it has taken is
// not the one that is known under that number.
Result<int> schema_version(Sqlite& sqlite, std::span<const Migration> known);

// Takes the steps that are missing, each in a transaction of its own together with its record.
Result<void> migrate(Sqlite& sqlite, std::span<const Migration> known, Instant now);

}  // namespace weir::ledger
