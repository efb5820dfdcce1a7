#pragma once

#include <cstdint>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "flow/database.hpp"
#include "flow/source.hpp"

namespace weir::engine {

// One side of a comparison: a table of a database, which hashes its rows itself, or a stream of a source, whose rows are
// read and hashed here.
struct ReconcileSide {
  flow::Database* database = nullptr;
  flow::Source* source = nullptr;  // without a database
  std::string name;                // as people know it: "shop.sales"
  flow::Relation table;            // of a database
  std::string where;               // of a database: a SQL condition; "" is all rows
  flow::ReadRequest read;          // of a source
};

// Columns that begin so are Weir's own notes (_weir_run, _weir_extracted_at): not compared.
inline constexpr std::string_view kOwnColumns = "_weir_";

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
  std::set<std::int64_t> buckets_differing;
  std::vector<ColumnFigures> left_columns;
  std::vector<ColumnFigures> right_columns;
  std::uint64_t differences_total = 0;
  std::vector<Difference> differences;   // the first differences_max
  std::uint64_t rows_not_looked_at = 0;  // of differing buckets, when they hold more than a million rows
  bool equal() const {
    return buckets_differing.empty() && differences_total == 0 && left_rows == right_rows &&
           left_columns == right_columns;
  }
};

// Proves two tables equal by value, or names what differs. Each database hashes its own rows (those of a source that is no
// database are hashed here, by the same functions of value, flow/canonical.hpp): a digest of every row,
// summed (so that order does not matter) within buckets of the key's digest. Only the rows of buckets whose sums differ
// travel, and are compared value by value. Two different tables pass with a probability below 2^-60.
Result<Reconciliation> reconcile(const ReconcileRequest& request, std::stop_token stop);

}  // namespace weir::engine
