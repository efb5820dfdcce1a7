#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "connectors/mongodb/session.hpp"
#include "flow/sink.hpp"

// How a load becomes visible. MongoDB changes one document at a time (transactions need a replica set and are bounded), so a
// commit is decided by one write and then carried out by steps that may be repeated: whoever finds it decided finishes it.
//
//   1. all documents are in a stage, a collection of the load's own
//   2. the commit's record is inserted into _weir_commits with the state "decided": from here on it happens
//   3. Rename: the stage takes the collection's name, in one step of the server
//      Insert: $merge puts the stage's documents into the collection, each under the _id that it has in the stage
//      Upsert: the stage's changes are applied in their order, each by its key
//   4. the record's state becomes "done", and the stage is dropped
//
// A process that dies before 2 has changed nothing; one that dies later is finished by the next attempt's find(), or by the
// next load of the collection.
namespace weir::mongodb {

enum class CommitWay { Rename, Insert, Upsert };

struct CommitRecord {
  CommitId commit;
  std::string collection;
  std::string stage;
  std::string owner;
  CommitWay way = CommitWay::Insert;
  std::uint64_t rows = 0;
};

// Decides and carries out. A commit that was decided before is only finished: `record` is then not used.
Result<flow::Receipt> commit(Session& session, const CommitRecord& record, std::stop_token stop);
// The receipt of a commit that was decided, now carried out to its end; nothing when it never was.
Result<std::optional<flow::Receipt>> find_commit(Session& session, const CommitId& commit, std::stop_token stop);
// Finishes the decided commits of a collection whose owners are dead, and drops the stages that dead owners left.
Result<void> finish_abandoned(Session& session, const std::string& collection, std::stop_token stop);

}  // namespace weir::mongodb
