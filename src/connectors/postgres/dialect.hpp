#pragma once

#include "flow/database.hpp"

namespace weir::postgres {

// SQL as PostgreSQL 12 and newer understands it.
const flow::Dialect& postgres_dialect();

// The statements that make or refresh a model's relation (materialize.cpp).
Result<flow::Script> materialize(const flow::Materialization& what);

}  // namespace weir::postgres
