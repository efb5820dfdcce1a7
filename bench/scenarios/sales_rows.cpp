#include "scenarios/sales_rows.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace weir::bench {

namespace {

using data::Kind;
using data::Nullable;

constexpr std::uint64_t kBatchRows = 65'536;
constexpr std::array<std::string_view, 4> kRegions = {"North", "South", "East", "West"};
constexpr std::int32_t kFirstDay = 20'000;  // 2024-10-04

// A full-period sequence of well mixed numbers (Steele and others, "Fast splittable pseudorandom number generators").
std::uint64_t mixed(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

data::Batch sales_batch(const data::SchemaPtr& schema, std::uint64_t first, std::uint64_t rows) {
  std::vector<data::ColumnBuilder> builders;
  for (const data::Field& field : schema->fields) builders.emplace_back(field.type);
  for (std::uint64_t id = first; id < first + rows; ++id) {
    const std::uint64_t random = mixed(id);
    const auto quantity = static_cast<std::int32_t>(1 + random % 9);
    const auto cents = static_cast<std::int64_t>(199 + (random >> 8U) % 50'000);
    builders[0].append(static_cast<std::int64_t>(id));
    builders[1].append(static_cast<std::int64_t>(1 + (random >> 16U) % 50'000));
    builders[2].append(static_cast<std::int32_t>(1 + (random >> 24U) % 200));
    builders[3].append(quantity);
    builders[4].append(static_cast<std::int32_t>(kFirstDay + static_cast<std::int32_t>((random >> 32U) % 365)));
    builders[5].append(quantity * cents);
    builders[6].append_text(kRegions[(random >> 48U) % kRegions.size()]);
  }
  std::vector<data::Column> columns;
  for (data::ColumnBuilder& builder : builders) columns.push_back(builder.finish());
  return data::Batch(schema, std::move(columns), rows);
}

}  // namespace

data::SchemaPtr sales_schema() {
  return std::make_shared<const data::Schema>(data::Schema{{{"sale_id", type_of(Kind::Int64), Nullable::No},
                                                            {"customer_id", type_of(Kind::Int64), Nullable::No},
                                                            {"product_id", type_of(Kind::Int32), Nullable::No},
                                                            {"quantity", type_of(Kind::Int32), Nullable::No},
                                                            {"sale_date", type_of(Kind::Date), Nullable::No},
                                                            {"sale_amount", data::decimal(12, 2), Nullable::No},
                                                            {"region", type_of(Kind::String), Nullable::No}}});
}

std::vector<data::Batch> sales_rows(std::uint64_t rows) {
  const data::SchemaPtr schema = sales_schema();
  std::vector<data::Batch> batches;
  for (std::uint64_t first = 0; first < rows; first += kBatchRows) {
    batches.push_back(sales_batch(schema, first + 1, std::min(kBatchRows, rows - first)));
  }
  return batches;
}

}  // namespace weir::bench
