#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "flow/database.hpp"

namespace weir::engine {

// One side of a comparison.
struct ReconcileSide {
  flow::Database* database = nullptr;
  std::string name;  // as people know it: "shop.sales"
  flow::Relation table;
  std::string where;  // a SQL condition; "" is all rows
};

struct ReconcileRequest {
  ReconcileSide left;
  ReconcileSide right;
  std::vector<std::string> key;     // "" in neither: all compared columns
  std::vector<std::string> ignore;  // columns that are not compared
  int differences_max = 20;         // how many are named; all are counted
};

// A row that is not the same on both sides.
struct Difference {
  enum class Kind { OnlyLeft, OnlyRight, Values } kind = Kind::Values;
  std::string key;     // "region=North, product_id=7"
  std::string detail;  // Values: "sales_amount: 10.5 / 10.6"
  std::string text() const;
};

// What one column comes to on one side: evidence for people, compared as well.
struct ColumnFigures {
  std::string name;
  std::uint64_t values = 0;  // that are not NULL
  std::string sum;           // integers and decimals, exact; "" for other types
  bool operator==(const ColumnFigures&) const = default;
};

struct Reconciliation {
  std::uint64_t left_rows = 0;
  std::uint64_t right_rows = 0;
  int buckets = 0;
  int buckets_differing = 0;
  std::vector<ColumnFigures> left_columns;
  std::vector<ColumnFigures> right_columns;
  std::uint64_t differences_total = 0;
  std::vector<Difference> differences;  // the first differences_max
  bool equal() const { return differences_total == 0 && left_rows == right_rows && left_columns == right_columns; }
};

// Proves two tables equal by value, or names what differs. Each database hashes its own rows: a digest of every row,
// summed (so that order does not matter) within buckets of the key's digest. Only the rows of buckets whose sums differ
// travel, and are compared value by value. Two different tables pass with a probability below 2^-60.
Result<Reconciliation> reconcile(const ReconcileRequest& request, std::stop_token stop);

}  // namespace weir::engine
