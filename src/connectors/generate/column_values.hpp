#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "connectors/generate/spec.hpp"

namespace weir::generate {

// What makes one file different from another of the same description.
struct Variation {
  std::uint64_t rows = 0;
  std::uint64_t seed = 0;
  std::int64_t last_day = 0;  // the run's date in days since 1970-01-01
};

// The values of all columns for some rows: numbers unscaled, dates as days since 1970-01-01, moments as milliseconds since
// then, flags as 0 and 1, choices as indexes. Columns of text patterns, lists and objects have none.
using BlockValues = std::vector<std::vector<std::int64_t>>;

// Makes the values of one column. Immutable: safe from any thread.
class ColumnValues {
 public:
  virtual ~ColumnValues() = default;
  // For the rows of these numbers, in any order; `block` has the columns above. False when a value does not fit 64 bits.
  virtual bool fill(std::span<const std::uint64_t> rows, const BlockValues& block,
                    std::vector<std::int64_t>& out) const = 0;
};

// In their order; nothing for those whose values are made elsewhere: text patterns, and what only documents have.
std::vector<std::unique_ptr<ColumnValues>> make_column_values(std::span<const ColumnSpec> columns,
                                                              const Variation& variation);

}  // namespace weir::generate
