#pragma once

#include "connectors/clickhouse/catalog.hpp"
#include "connectors/clickhouse/native_encoder.hpp"
#include "connectors/clickhouse/receipts.hpp"
#include "connectors/clickhouse/schema_change.hpp"
#include "flow/sink.hpp"

namespace weir::clickhouse {

// What a load does, decided before its first row: from the request and the table that stands there.
struct LoadPlan {
  flow::WriteMode mode = flow::WriteMode::Append;
  Method method = Method::Exchange;
  flow::Relation target;
  flow::Relation staging;  // takes the writers' rows
  flow::Relation next;     // Merge: the table with the rows merged in
  std::vector<std::string> key;
  std::vector<std::string> origin;    // see flow::WriteRequest; the key where it is empty there
  std::vector<std::string> names;     // of the columns that are written
  std::vector<std::string> rejected;  // of those that are left out, since the table lacks them

  std::vector<std::string> statements;  // make the target, where it is missing, and the staging table
  std::vector<Alteration> alterations;  // of the target, with the commit
  // Append: rows of the target that the commit takes away first, as a condition; "" is none.
  std::string superseded;
  data::SchemaPtr schema;  // what batches are cast to: the request's names in the table's types
  std::vector<NativeEncoder::Target> wire;
  // Every row that goes in comes out: an engine that merges rows by key may keep fewer.
  bool keeps_every_row = true;
};

// The columns that a merge's staging table has besides: the order of changes, and which rows are deletes.
constexpr std::string_view kSequenceColumn = "_weir_sequence";
constexpr std::string_view kDeletedColumn = "_weir_deleted";

Result<LoadPlan> plan_load(const flow::WriteRequest& request, const std::optional<CatalogTable>& existing,
                           const ServerInfo& server, const ClientOptions& options, std::string_view cluster,
                           std::string_view owner);

// All of the plan's alterations, made of one table.
std::string alter_statement(const LoadPlan& plan, const flow::Relation& table, const ClientOptions& options,
                            std::string_view cluster);

}  // namespace weir::clickhouse
