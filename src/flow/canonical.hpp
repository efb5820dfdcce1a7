#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "data/column.hpp"

// The expressions that Dialect has for reconciliation, computed here: for rows of systems that cannot hash them.
// flow/dialect_cases.hpp says what they yield.
namespace weir::flow {

// What of json is compared: its value, or its text as it was written.
enum class JsonForm { Value, Text };

// Appends the canonical text of a value that is not null.
void append_canonical(std::string& out, const data::Column& column, std::size_t row, JsonForm json = JsonForm::Value);
// Nothing for null.
std::optional<std::string> canonical(const data::Column& column, std::size_t row, JsonForm json = JsonForm::Value);

// Appends a text as a digest takes it: "length:text", null as "N".
void append_measured(std::string& out, const data::Column& column, std::size_t row, JsonForm json = JsonForm::Value);
// Of measured texts, one after the other.
std::int64_t digest_of(std::string_view measured);
// `count` is a power of two.
inline std::int64_t bucket_of(std::int64_t digest, int count) { return digest & (count - 1); }

}  // namespace weir::flow
