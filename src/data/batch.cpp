#include "data/batch.hpp"

#include <algorithm>

#include <utility>

namespace weir::data {

Batch::Batch(SchemaPtr schema, std::vector<Column> columns, std::size_t rows)
    : schema_(std::move(schema)), columns_(std::move(columns)), rows_(rows) {
  WEIR_CHECK(columns_.size() == schema_->fields.size());
  for (const auto& column : columns_) WEIR_CHECK(column.rows() == rows_);
}

Batch Batch::with_changes(std::vector<Change> changes) && {
  WEIR_CHECK(changes.size() == rows_);
  changes_ = std::move(changes);
  return std::move(*this);
}

std::size_t Batch::rows_left() const {
  if (!changes_) return rows_;
  return rows_ - static_cast<std::size_t>(std::ranges::count(*changes_, Change::Delete));
}

std::size_t Batch::memory_bytes() const {
  std::size_t total = changes_ ? changes_->size() : 0;
  for (const auto& column : columns_) total += column.memory_bytes();
  return total;
}

}  // namespace weir::data
