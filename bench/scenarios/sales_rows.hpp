#pragma once

#include <cstdint>
#include <vector>

#include "data/batch.hpp"

namespace weir::bench {

// Rows in the shape of the cleaned sales table, made in memory: what the loads of single connectors are measured with.
data::SchemaPtr sales_schema();
std::vector<data::Batch> sales_rows(std::uint64_t rows);

}  // namespace weir::bench
