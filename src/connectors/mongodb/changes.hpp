#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "connectors/mongodb/collection_rules.hpp"
#include "connectors/mongodb/session.hpp"

namespace weir::mongodb {

// Where a change stream stands: opaque to all but the server.
struct ChangePosition {
  Document token;  // {resumeAfter | startAfter | startAtOperationTime: …}, as the server takes it
  // Of present_position(), where the server tells: whoever reads what had happened then has all that lies before.
  std::optional<ClusterTime> time;
};

struct ChangeEvent {
  enum class Kind { Upsert, Delete } kind = Kind::Upsert;
  BsonBytes document;  // the document as it is now, of the rules' fields; of a Delete {_id}
};
using TakeChange = std::function<Result<void>(const ChangeEvent&)>;

// Where the changes of the collection are now: whatever is changed later lies behind it. Unsupported where the server has
// no change streams (they need a replica set).
Result<ChangePosition> present_position(Session& session, const std::string& collection, std::stop_token stop);
// Hands over what has changed since, up to about now, and returns where that ended; a document's own changes in order. What
// the rules' filter leaves out is a Delete. Conflict, with is_expired() true, when the server no longer has the changes, or
// the collection was dropped or renamed.
Result<ChangePosition> read_changes(Session& session, const std::string& collection, const CollectionRules& rules,
                                    const ChangePosition& from, const TakeChange& take, std::stop_token stop);
bool is_expired(const Error& error);

}  // namespace weir::mongodb
