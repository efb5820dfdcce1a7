#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "connectors/postgres/catalog.hpp"
#include "connectors/postgres/write_column.hpp"
#include "flow/sink.hpp"

namespace weir::postgres {

// Where the rows of a load go first.
enum class LoadWay {
  Direct,        // append: the writers copy into the table, in one transaction that the commit ends
  NewTable,      // the stage becomes the table: it is missing, or replaced
  ThroughStage,  // the commit moves the rows from an unlogged stage into the table
};

// What a load does, decided when it is opened.
struct LoadPlan {
  flow::WriteRequest request;
  flow::Relation target;
  std::optional<CatalogRelation> existing;
  std::vector<WriteColumn> columns;  // a field of the request's schema each
  LoadWay way = LoadWay::ThroughStage;
  std::string in_place_reason;  // Replace: why the table is not swapped; empty when it is

  const std::vector<std::string>& key() const { return request.key; }
  bool merges() const { return request.mode == flow::WriteMode::Merge; }
};

// Checks the request against the table as it is. NotFound and TypeMismatch name the column.
Result<LoadPlan> plan_load(Connection& connection, flow::WriteRequest request, const std::string& default_schema,
                           std::stop_token stop);

// CREATE TABLE for the target itself, with its key, and for the plan's stage.
std::string create_table(const LoadPlan& plan, const flow::Relation& name);
std::string create_stage(const LoadPlan& plan, const flow::Relation& name);

// The columns that a merge adds to its stage: what happened to the row, and its place in the load, since the last
// change of a key wins.
constexpr const char* kChangeColumn = "_weir_change";
constexpr const char* kPlaceColumn = "_weir_place";

}  // namespace weir::postgres
