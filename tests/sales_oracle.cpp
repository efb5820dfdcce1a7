#include "sales_oracle.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <vector>

#include "sqlite_oracle.hpp"

namespace weir::testing {
namespace {

// RFC 4180, one line a record: the generator writes no line feeds inside fields.
std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  for (const char letter : line) {
    if (letter == '"') {
      quoted = !quoted;
    } else if (letter == ',' && !quoted) {
      cells.emplace_back();
    } else {
      cells.back() += letter;
    }
  }
  return cells;
}

void load(Sqlite& sqlite, const std::filesystem::path& csv) {
  sqlite.run(
      "CREATE TABLE raw (sale_id TEXT, customer_id TEXT, product_id TEXT, quantity TEXT, sale_date TEXT, sale_amount "
      "TEXT, "
      "region TEXT); BEGIN");
  sqlite3_stmt* insert = nullptr;
  EXPECT_EQ(sqlite3_prepare_v2(sqlite.handle(), "INSERT INTO raw VALUES (?, ?, ?, ?, ?, ?, ?)", -1, &insert, nullptr),
            SQLITE_OK);
  std::ifstream file(csv);
  std::string line;
  std::getline(file, line);
  EXPECT_EQ(line, "sale_id,customer_id,product_id,quantity,sale_date,sale_amount,region");
  while (std::getline(file, line)) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    const auto cells = split(line);
    ASSERT_EQ(cells.size(), 7U) << line;
    for (int i = 0; i < 7; ++i) {
      const auto& cell = cells[static_cast<std::size_t>(i)];
      sqlite3_bind_text(insert, i + 1, cell.data(), static_cast<int>(cell.size()), SQLITE_TRANSIENT);
    }
    sqlite3_step(insert);
    sqlite3_reset(insert);
  }
  sqlite3_finalize(insert);
  sqlite.run("COMMIT");
}

constexpr const char* kGood = R"sql(
CREATE TABLE good AS
SELECT CAST(sale_id AS INTEGER) AS sale_id, CAST(customer_id AS INTEGER) AS customer_id,
       CAST(product_id AS INTEGER) AS product_id, CAST(quantity AS INTEGER) AS quantity, sale_date,
       CAST(replace(sale_amount, '.', '') AS INTEGER) AS cents, upper(substr(region, 1, 1)) || lower(substr(region, 2)) AS region
FROM (SELECT trim(sale_id) AS sale_id, trim(customer_id) AS customer_id, trim(product_id) AS product_id,
             trim(quantity) AS quantity, trim(sale_date) AS sale_date, trim(sale_amount) AS sale_amount, trim(region) AS region
      FROM raw)
WHERE sale_id GLOB '[0-9]*' AND NOT sale_id GLOB '*[^0-9]*' AND length(sale_id) <= 18
  AND customer_id GLOB '[0-9]*' AND NOT customer_id GLOB '*[^0-9]*' AND length(customer_id) <= 18
  AND product_id GLOB '[0-9]*' AND NOT product_id GLOB '*[^0-9]*' AND length(product_id) <= 9
  AND quantity GLOB '[0-9]*' AND NOT quantity GLOB '*[^0-9]*' AND length(quantity) <= 9 AND CAST(quantity AS INTEGER) > 0
  AND sale_amount GLOB '[0-9]*.[0-9][0-9]' AND NOT replace(sale_amount, '.', '') GLOB '*[^0-9]*'
  AND length(sale_amount) - length(replace(sale_amount, '.', '')) = 1 AND length(sale_amount) <= 13
  AND sale_date GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]' AND date(julianday(sale_date)) = sale_date
  AND lower(region) IN ('north', 'south', 'east', 'west')
  AND CAST(replace(sale_amount, '.', '') AS INTEGER) % CAST(quantity AS INTEGER) = 0;
CREATE TABLE clean AS
SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY sale_id ORDER BY sale_date, customer_id, product_id, quantity, cents, region) AS place
               FROM good) WHERE place = 1;
)sql";

// What the model computes with window functions and conditional sums, here with joins and subqueries over whole cents.
// Divisions round half away from zero: (2a + b) / 2b.
constexpr const char* kAggregates = R"sql(
CREATE TABLE months AS
SELECT date(day, '+1 day', 'start of month', '-1 month') AS newest, date(day, '+1 day', 'start of month', '-2 months') AS before
FROM (SELECT max(sale_date) AS day FROM clean);
CREATE TABLE groups AS SELECT region, product_id, count(*) AS sales, sum(cents) AS cents FROM clean GROUP BY 1, 2;
CREATE TABLE regions AS SELECT region, sum(cents) AS cents FROM clean GROUP BY 1;
CREATE INDEX groups_by_region ON groups (region, product_id);
CREATE TABLE sold AS SELECT region, product_id, date(sale_date, 'start of month') AS month, sum(cents) AS cents
FROM clean WHERE sale_date >= (SELECT before FROM months) GROUP BY 1, 2, 3;
CREATE UNIQUE INDEX sold_by_month ON sold (region, product_id, month);
CREATE TABLE changes AS SELECT region, product_id,
       (SELECT s.cents FROM sold s, months WHERE s.region = g.region AND s.product_id = g.product_id AND month = newest) AS later,
       (SELECT s.cents FROM sold s, months WHERE s.region = g.region AND s.product_id = g.product_id AND month = before) AS earlier
FROM groups g;
CREATE UNIQUE INDEX changes_by_key ON changes (region, product_id);
)sql";

constexpr const char* kAggregateLines = R"sql(
SELECT g.region, g.product_id, g.sales, g.cents, (2 * g.cents * 100 + g.sales) / (2 * g.sales),
       1 + (SELECT count(*) FROM groups o WHERE o.region = g.region AND o.cents > g.cents),
       (2 * g.cents * 1000000 + r.cents) / (2 * r.cents),
       (SELECT sum(o.cents) FROM groups o WHERE o.region = g.region
                                            AND (o.cents > g.cents OR (o.cents = g.cents AND o.product_id <= g.product_id))),
       CASE WHEN (SELECT min(sale_date) FROM clean) <= (SELECT before FROM months)
            THEN coalesce(c.later, 0) - coalesce(c.earlier, 0) END
FROM groups g JOIN regions r ON r.region = g.region
JOIN changes c ON c.region = g.region AND c.product_id = g.product_id
ORDER BY g.region, g.product_id
)sql";

}  // namespace

SalesTotals sales_totals(const std::filesystem::path& csv, const std::string& until) {
  Sqlite sqlite;
  load(sqlite, csv);
  sqlite.run(kGood);
  SalesTotals totals;
  totals.generated = sqlite.number("SELECT count(*) FROM raw");
  totals.clean = sqlite.number("SELECT count(*) FROM clean");
  const auto good = sqlite.number("SELECT count(*) FROM good");
  totals.rejected = totals.generated - good;
  totals.removed = good - totals.clean;
  sqlite.run("DELETE FROM clean WHERE sale_date > '" + until + "'");
  totals.clean_cents = sqlite.number("SELECT sum(cents) FROM clean");
  totals.quantity = sqlite.number("SELECT sum(quantity) FROM clean");
  totals.by_region = sqlite.lines(
      "SELECT region, count(*), (sum(cents) / 100) || '.' || substr('0' || (sum(cents) % 100), -2) FROM clean GROUP BY "
      "1 ORDER BY 1");
  sqlite.run(kAggregates);
  totals.aggregates = sqlite.lines(kAggregateLines);
  totals.half_empty = sqlite.number("SELECT count(*) FROM changes WHERE (later IS NULL) <> (earlier IS NULL)");
  return totals;
}

}  // namespace weir::testing
