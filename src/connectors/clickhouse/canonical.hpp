#pragma once

#include <span>
#include <string>
#include <string_view>

#include "data/type.hpp"

// Expressions that reconciliation compares across databases: flow/dialect_cases.hpp says what they yield.
namespace weir::clickhouse {

std::string canonical_text(std::string_view expression, const data::Type& type);
std::string digest_of(std::span<const std::string> canonical);

}  // namespace weir::clickhouse
