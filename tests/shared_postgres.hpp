#pragma once

#include <string>

namespace weir::testing {

// A new database in a PostgreSQL that a test program starts once, as a connection of weir.yml: {type: postgres, …}. Tests that
// are not about Weir's own PostgreSQL start one each in no time so, and share nothing.
std::string new_postgres_database();

}  // namespace weir::testing
