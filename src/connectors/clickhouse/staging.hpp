#pragma once

#include <string>
#include <string_view>

#include "base/owner.hpp"
#include "connectors/clickhouse/client.hpp"
#include "flow/database.hpp"

// The tables that Weir keeps beside the user's.
namespace weir::clickhouse {

// The steps of every commit of the tables in a database (receipts.hpp).
constexpr std::string_view kCommitsTable = "_weir_commits";

// "sales__weir_staging_<owner>": where a load collects its rows. "sales__weir_next_<owner>": what is to take the table's
// place. "sales__weir_old_<owner>": what stood there, where tables cannot be exchanged in one step.
constexpr std::string_view kStagingMark = "__weir_staging_";
constexpr std::string_view kNextMark = "__weir_next_";
constexpr std::string_view kOldMark = "__weir_old_";

// Whether a table is none of the user's.
bool is_internal_table(std::string_view name);

// "" when the table's name carries none.
std::string_view owner_in(std::string_view table_name);

flow::Relation beside(const flow::Relation& table, std::string_view mark, std::string_view owner);

// The tables of dead owners beside a table, old ones last: one of them may have to come back. Owners on another machine count as dead when their table is a day old.
Result<std::vector<flow::Relation>> find_leftovers(ClientPool& pool, const flow::Relation& table, std::stop_token stop);

}  // namespace weir::clickhouse
