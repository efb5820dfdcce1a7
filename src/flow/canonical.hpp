#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "data/column.hpp"

// The expressions that Dialect has for reconciliation, computed here: for rows of systems that cannot hash them.
// flow/dialect_cases.hpp says what they yield.
namespace weir::flow {

// Appends the canonical text of a value that is not null.
void append_canonical(std::string& out, const data::Column& column, std::size_t row);
// Nothing for null.
std::optional<std::string> canonical(const data::Column& column, std::size_t row);

// Appends a text as a digest takes it: "length:text", null as "N".
void append_measured(std::string& out, const data::Column& column, std::size_t row);
// Of measured texts, one after the other.
std::int64_t digest_of(std::string_view measured);
// `count` is a power of two.
inline std::int64_t bucket_of(std::int64_t digest, int count) { return digest & (count - 1); }

}  // namespace weir::flow
