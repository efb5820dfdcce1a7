#pragma once

#include <optional>
#include <vector>

#include "data/column.hpp"

namespace weir::data {

// What happened to a row at its source.
enum class Change : std::uint8_t { Insert, Update, Delete };

// Some rows of one stream: a shared schema and a column a field, each `rows` long. Immutable, cheap to copy and to move;
// safe to read from any thread. Sources bound it by rows and bytes (see flow::Limits).
class Batch {
 public:
  Batch() = default;
  Batch(SchemaPtr schema, std::vector<Column> columns, std::size_t rows);

  const SchemaPtr& schema() const { return schema_; }
  std::size_t rows() const { return rows_; }
  const std::vector<Column>& columns() const { return columns_; }
  const Column& column(std::size_t index) const { return columns_[index]; }
  // Present when the source reports changes: a Change a row.
  const std::optional<std::vector<Change>>& changes() const { return changes_; }
  Batch with_changes(std::vector<Change> changes) &&;
  // Those that are not deleted.
  std::size_t rows_left() const;

  std::size_t memory_bytes() const;

 private:
  SchemaPtr schema_;
  std::vector<Column> columns_;
  std::size_t rows_ = 0;
  std::optional<std::vector<Change>> changes_;
};

}  // namespace weir::data
