#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "connectors/postgres/load_plan.hpp"
#include "connectors/postgres/replace.hpp"

// What a commit does to the table, inside the transaction that also records the receipt.
namespace weir::postgres {

enum class Deletes : bool { None, Some };  // whether a merge's stage holds deleted rows

// Adds the stage's rows.
// Deletes the rows that the load supersedes, if any: CheckFailed when their number is not that of their commit.
Result<void> take_back(Connection& connection, const LoadPlan& plan, std::stop_token stop);
Result<void> publish_append(Connection& connection, const LoadPlan& plan, const flow::Relation& stage,
                            std::stop_token stop);
// Makes the stage the table, or its rows the table's where the table cannot be swapped.
Result<void> publish_new_table(Connection& connection, const LoadPlan& plan, const flow::Relation& stage,
                               const std::vector<PendingName>& names, std::stop_token stop);
Result<void> publish_in_place(Connection& connection, const LoadPlan& plan, const flow::Relation& stage,
                              std::stop_token stop);
Result<void> publish_merge(Connection& connection, const LoadPlan& plan, const flow::Relation& stage, Deletes deletes,
                           std::stop_token stop);

// Key and indexes of a table that the load makes.
Result<std::vector<PendingName>> build_new_indexes(Connection& connection, const LoadPlan& plan,
                                                   const flow::Relation& stage, std::stop_token stop);
// The request's indexes that its table does not have yet.
Result<void> add_missing_indexes(Connection& connection, const LoadPlan& plan, std::stop_token stop);

}  // namespace weir::postgres
