#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace weir::testing {

// What a mart of the spacex example must hold, computed another way: SQLite on the recorded answers as they are, and the
// query that shows the mart in the same form. Commas in names are semicolons in both, NULL is empty.
struct ExpectedMart {
  std::string name;
  std::string query;  // at ClickHouse
  std::string rows;
};

std::vector<ExpectedMart> spacex_marts(const std::filesystem::path& recording);

}  // namespace weir::testing
