#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/log.hpp"
#include "connectors/mongodb/arrival.hpp"
#include "connectors/mongodb/collection_rules.hpp"
#include "connectors/mongodb/session.hpp"

namespace weir::mongodb {

// All that a run has of a collection: documents on disk, or on their way there.
struct Fetched {
  std::vector<std::filesystem::path> parts;
  enum class Content { Whole, News } content = Content::Whole;  // News: only what came since the last run
  bool starts_over = false;                                     // Whole, although there was a run before
  bool goes_on = false;                                         // the next run begins where this one ends
  std::shared_ptr<Arrival> arrival;
  std::jthread bringing;  // asked to stop, and waited for, when nobody wants the documents any more
};

struct FetchPlan {
  std::shared_ptr<const Address> address;
  std::string collection;
  CollectionRules rules;
  std::filesystem::path folder;  // of this collection and this begin
  int readers = 2;
  std::int64_t range_documents = 0;
  // OfTheFolder: what another run has brought there, without the server; NotFound when it did not come to its end.
  enum class Origin { Server, OfTheFolder } origin = Origin::Server;
};

// Brings a collection, or what is new in it, to disk, from wherever an earlier attempt of the run left off: ranges that
// are there are not asked for again. `from` is a checkpoint's content: {cursor | token, shape}; null for the first run.
// Returns when changes are there, and while a snapshot's documents still arrive; `log` lives as long as what is returned.
//
// NotFound when there is no such collection. Conflict when the server no longer keeps the changes since the last run and
// the rules say Fail; the arrival ends with Conflict when the collection was dropped or renamed while it was read.
Result<std::shared_ptr<Fetched>> fetch(FetchPlan plan, const Json& from, Log& log, std::stop_token stop);

}  // namespace weir::mongodb
