#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "connectors/mongodb/bson_type.hpp"
#include "connectors/mongodb/collection_rules.hpp"

namespace weir::mongodb {

// The groups of types that compare with each other: `$gte` finds values of its own group only.
enum class Bracket { Numbers, Strings, ObjectIds, Dates, Timestamps };

// A value that a cursor may have.
struct CursorValue {
  BsonType type = BsonType::Null;
  std::string bytes;

  Bracket bracket() const;
  // Of the same bracket.
  std::weak_ordering compare(const CursorValue& other) const;
  // Earlier by the lag, where the type is a time; the same where it is not.
  CursorValue before(std::chrono::milliseconds lag) const;
};

// The value at a path of names; nothing when it is missing, or of a type that no cursor has.
std::optional<CursorValue> cursor_value(BsonBytes document, std::string_view path);

// Where a run of a collection with a cursor ended, and what it had taken of the last values: those may have come since, so
// they are read again, and what was loaded is known by its fingerprint.
class CursorState {
 public:
  explicit CursorState(CursorField field) : field_(std::move(field)) {}
  // What to_json() gave; InvalidData for anything else.
  static Result<CursorState> from_json(CursorField field, const Json& json);
  Json to_json() const;  // null while no document had a value

  // The documents that may be new; all of them at first.
  Document filter() const;
  // Whether a run before has had exactly this document.
  bool was_loaded(BsonBytes document) const;
  // Counts a document towards the next run's begin.
  void take(BsonBytes document);
  void add(const CursorState& other);
  // The state after what was taken. Without anything new it stays.
  CursorState advanced(const CursorState& before) const;
  std::uint64_t odd() const { return odd_; }

 private:
  struct Seen {
    CursorValue value;
    std::uint64_t fingerprint = 0;
  };
  struct Group {
    std::uint64_t documents = 0;
    CursorValue greatest;
    std::vector<Seen> last;  // from the greatest less the lag on
  };
  void prune(Group& group) const;
  const std::pair<const Bracket, Group>* main_group() const;

  CursorField field_;
  std::optional<Bracket> bracket_;  // of the runs before
  std::map<Bracket, Group> groups_;
  std::uint64_t odd_ = 0;
};

}  // namespace weir::mongodb
