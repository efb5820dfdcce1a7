#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "connectors/mongodb/document.hpp"

namespace weir::mongodb {

// What happens to a document with the character U+0000 in a text: PostgreSQL cannot hold it, others can.
enum class NulText { Rejected, Kept };

// Why a document cannot become rows; nothing when it can. Everything that reads it later relies on what is checked here:
//   its bytes are a BSON document to the last (bsonspec.org), nested at most 200 levels deep (MongoDB itself: 100)
//   its texts and names are UTF-8, without U+0000 unless that is kept
//   no object has two members of one name: whichever counted, the other's value would be lost
//   its dates lie in the years 1 to 9999, which every destination holds
// The reason names the path, never a value.
std::optional<std::string> check_document(BsonBytes document, NulText nul);

// The same of a document or an array that stands within one, at this level; its bytes end before `limit`.
enum class Inner { Document, Array };
bool is_sound(Inner kind, const std::uint8_t* at, const std::uint8_t* limit, int level, NulText nul);
// Of a text alone.
bool is_sound(std::string_view text, NulText nul);
// Of a date alone: milliseconds since 1970.
bool is_sound_date(std::int64_t milliseconds);

}  // namespace weir::mongodb
