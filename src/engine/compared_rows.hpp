#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/reconciliation.hpp"

namespace weir::engine {

// What one side of a comparison comes to.
struct RowsSummary {
  std::uint64_t rows = 0;
  std::vector<ColumnFigures> columns;  // sums are "" where the side keeps no number
};

// Bucket → its rows and the sum of their digests, as text.
struct BucketSum {
  std::uint64_t rows = 0;
  std::string digests;
  bool operator==(const BucketSum&) const = default;
};
using BucketSums = std::map<std::int64_t, BucketSum>;

// Rows by the canonical texts of their key, "NULL" for null; several rows may share one.
using RowTexts = std::vector<std::string>;
using RowsByKey = std::map<RowTexts, std::vector<RowTexts>>;

inline constexpr int kBucketsMax = 65'536;

// The rows of one side, whoever hashes them. Used by one thread at a time.
class ComparedRows {
 public:
  virtual ~ComparedRows() = default;
  virtual Result<RowsSummary> summarize(std::stop_token stop) = 0;
  // `count` is a power of two, at most kBucketsMax.
  virtual Result<BucketSums> sum_buckets(int count, std::stop_token stop) = 0;
  // The rows of these buckets, sorted within a key.
  virtual Result<RowsByKey> fetch(const std::set<std::int64_t>& buckets, int count, std::stop_token stop) = 0;
};

// Which columns are compared, and which of them name a row.
struct ComparedColumns {
  std::vector<std::string> names;
  std::vector<std::string> key;
  std::set<std::string> texts;  // those with json that is compared by its text
};

// The database hashes its rows itself.
Result<std::unique_ptr<ComparedRows>> database_rows(const ReconcileSide& side, const data::Schema& schema,
                                                    const ComparedColumns& columns);
// The rows are read and hashed here: once for all sums, and once more for each call of fetch. Memory is that of the sums.
Result<std::unique_ptr<ComparedRows>> source_rows(const ReconcileSide& side, const data::Schema& schema,
                                                  const ComparedColumns& columns);

// Where the columns stand in a schema; NotFound or InvalidProject where one does not. The key's are among the names.
Result<std::vector<std::size_t>> find_columns(const ReconcileSide& side, const data::Schema& schema,
                                              const std::vector<std::string>& names);

}  // namespace weir::engine
