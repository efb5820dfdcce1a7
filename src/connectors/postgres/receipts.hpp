#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "base/id.hpp"
#include "connectors/postgres/connection.hpp"
#include "flow/sink.hpp"

// The commits that a database holds: weir_meta.commits, one row a commit, inserted in the transaction that it proves.
namespace weir::postgres {

// Makes schema and table when they are missing.
Result<void> ensure_receipts(Connection& connection, std::stop_token stop);

// Inserts the receipt into the open transaction; nothing happens and false is returned when the commit is there already.
// A commit of the same id that another session is making is waited for.
Result<bool> add_receipt(Connection& connection, const std::string& target, const flow::Receipt& receipt,
                         std::stop_token stop);

Result<std::optional<flow::Receipt>> find_receipt(Connection& connection, const std::string& target,
                                                  const CommitId& commit, std::stop_token stop);

}  // namespace weir::postgres
