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

// What happens when the rows no longer fit the table that is there.
enum class SchemaChanges {
  Freeze,  // the load fails
  Evolve,  // the table follows: new columns, and wider types where they hold every value of the old ones
  Reject,  // the table stays: columns that it lacks are left out, which the log says
};

// One change of an existing table, made in the transaction that publishes the rows.
struct Alteration {
  std::string column;
  std::string clause;           // of ALTER TABLE: ADD COLUMN "x" text
  std::string clause_if_empty;  // the same for a table without rows
  std::string guard;            // a condition that no row may fulfil, since the new type would not hold it; "" is none
};

// What a load does, decided when it is opened.
struct LoadPlan {
  flow::WriteRequest request;
  flow::Relation target;
  std::optional<CatalogRelation> existing;
  std::vector<WriteColumn> columns;  // a field of the request's schema each
  std::vector<Alteration> alterations;
  // Which of the batches' columns are written; empty: all. The request's schema has these only.
  std::vector<std::size_t> taken;
  std::vector<std::string> rejected;  // the names of the others
  LoadWay way = LoadWay::ThroughStage;
  std::string in_place_reason;  // Replace: why the table is not swapped; empty when it is

  const std::vector<std::string>& key() const { return request.key; }
  bool merges() const { return request.mode == flow::WriteMode::Merge; }
};

// Checks the request against the table as it is. NotFound and TypeMismatch name the column.
Result<LoadPlan> plan_load(Connection& connection, flow::WriteRequest request, const std::string& default_schema,
                           std::stop_token stop);

// The option schema_changes.
Setting schema_changes_setting();
// In the open transaction, or on a stage: makes the plan's changes of a table. TypeMismatch names the column that has a
// value which its wider type does not hold.
Result<void> alter_table(Connection& connection, const LoadPlan& plan, const flow::Relation& table,
                         std::stop_token stop);
// For a stage made like the existing table: no row is there yet.
std::string alter_empty(const LoadPlan& plan, const flow::Relation& table);

// CREATE TABLE for the target itself, with its key, and for the plan's stage.
std::string create_table(const LoadPlan& plan, const flow::Relation& name);
std::string create_stage(const LoadPlan& plan, const flow::Relation& name);

// The columns that a merge adds to its stage: what happened to the row, and its place in the load, since the last
// change of a key wins.
constexpr const char* kChangeColumn = "_weir_change";
constexpr const char* kPlaceColumn = "_weir_place";

}  // namespace weir::postgres
