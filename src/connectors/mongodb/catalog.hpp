#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/mongodb/session.hpp"

// What a database holds, and what Weir keeps beside the user's collections.
namespace weir::mongodb {

struct CollectionInfo {
  std::string name;
  enum class Kind { Collection, View, TimeSeries } kind = Kind::Collection;
  Document options;  // as `create` takes them
  std::string uuid;  // of the collection, whatever it is called; "" where the server tells none
};

// _weir_commits: the commits of the database's collections (commits.hpp).
constexpr std::string_view kCommitsCollection = "_weir_commits";
// _weir_stage_<collection>__<owner>: where a load collects its documents.
constexpr std::string_view kStagePrefix = "_weir_stage_";

// Neither MongoDB's own (system.*) nor Weir's.
bool is_users(std::string_view collection);
std::string stage_name(std::string_view collection, std::string_view owner);
// The owner in a stage's name; "" when it is none of this collection's.
std::string_view stage_owner(std::string_view stage, std::string_view collection);

// All of them, by name.
Result<std::vector<CollectionInfo>> list_collections(Session& session, std::stop_token stop);
Result<std::optional<CollectionInfo>> find_collection(Session& session, const std::string& name, std::stop_token stop);
// As the server counts those that the filter lets through, at this moment.
Result<std::uint64_t> count_documents(Session& session, const std::string& collection, const Document& filter,
                                      std::stop_token stop);
// The indexes besides that on _id, as `createIndexes` takes them.
Result<std::vector<Document>> list_indexes(Session& session, const std::string& collection, std::stop_token stop);
Result<void> create_indexes(Session& session, const std::string& collection, const std::vector<Document>& indexes,
                            std::stop_token stop);
// Nothing happens when it is not there.
Result<void> drop_collection(Session& session, const std::string& name, std::stop_token stop);

}  // namespace weir::mongodb
