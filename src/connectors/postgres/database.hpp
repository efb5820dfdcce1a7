#pragma once

#include <memory>
#include <string>

#include "connectors/postgres/connection_pool.hpp"
#include "flow/connector.hpp"

namespace weir::postgres {

// With Rights::Read every statement runs alone in a transaction that is READ ONLY and is rolled back at its end, by the
// extended protocol, which takes one statement: neither a COMMIT inside it nor a second statement leaves the transaction. A
// superuser becomes pg_read_all_data for it, where the server has that role (14): functions that read the server's files or
// write them are not changes in PostgreSQL's eyes.
std::unique_ptr<flow::Database> make_database(std::shared_ptr<ConnectionPool> pool, std::string default_schema,
                                              flow::Rights rights);

}  // namespace weir::postgres
