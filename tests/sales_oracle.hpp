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
  // Every column of sales_aggregates as whole numbers, ordered by region and product: region, product_id, sales_count,
  // cents, average in 1/10000, rank, share in 1/1000000, running total in cents, month's change in cents.
  std::string aggregates;
  // How many pairs of region and product sold in one of the two compared months and not in the other.
  long long half_empty = 0;
};

// Sales after `until` (YYYY-MM-DD) are left out of the clean ones.
SalesTotals sales_totals(const std::filesystem::path& csv, const std::string& until = "9999-12-31");

}  // namespace weir::testing
