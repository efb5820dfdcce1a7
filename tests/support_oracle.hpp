#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace weir::testing {

// What a mart of the support example must hold, computed another way: SQLite on the documents as they were generated, and
// the query that shows the mart in the same form. Hundredths and the like are whole numbers, NULL is empty.
struct ExpectedTable {
  std::string name;
  std::string query;  // at PostgreSQL
  std::string rows;
};

// `documents` has a file of JSON lines for each collection: SupportTickets.jsonl, …
std::vector<ExpectedTable> support_marts(const std::filesystem::path& documents);

}  // namespace weir::testing
