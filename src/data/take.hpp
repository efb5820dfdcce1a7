#pragma once

#include <cstdint>
#include <span>

#include "data/batch.hpp"

namespace weir::data {

// Appends a value of a column of the builder's type, null included.
void append_value(ColumnBuilder& builder, const Column& column, std::size_t row);

// Some rows of a batch, in the order of their numbers here; their changes come along.
Batch take(const Batch& batch, std::span<const std::size_t> rows);

}  // namespace weir::data
