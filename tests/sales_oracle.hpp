#pragma once

#include <filesystem>
#include <string>

namespace weir::testing {

// What the sales pipeline must come to, computed another way: the kept CSV is put into SQLite as text, and plain SQL there
// says which rows are good and what they sum to. Independent of ClickHouse, PostgreSQL and Weir's own parsers.
struct SalesTotals {
  long long generated = 0;
  long long clean = 0;
  long long rejected = 0;
  long long removed = 0;
  long long clean_cents = 0;
  long long quantity = 0;
  std::string by_region;  // "East,1234,567890.12\n…", ordered by region
};

SalesTotals sales_totals(const std::filesystem::path& csv);

}  // namespace weir::testing
