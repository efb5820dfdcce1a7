#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "connectors/mongodb/collection_rules.hpp"
#include "connectors/mongodb/session.hpp"
#include "documents/shape.hpp"

namespace weir::mongodb {

// All that a run has of a collection: documents on disk, and what is inside.
struct Fetched {
  explicit Fetched(documents::Shape known) : shape(std::move(known)) {}

  std::vector<std::filesystem::path> parts;
  documents::Shape shape;
  Json until;  // what the next run begins with, besides the shape; null: it reads all again
  enum class Content { Whole, News } content = Content::Whole;  // News: only what came since the last run
  bool starts_over = false;                                     // Whole, although there was a run before
  std::uint64_t documents = 0;
  std::uint64_t rejected = 0;
};

struct FetchPlan {
  std::shared_ptr<const Address> address;
  std::string collection;
  CollectionRules rules;
  std::filesystem::path folder;  // of this collection and this begin
  int readers = 2;
  std::int64_t range_documents = 0;
};

// Brings a collection, or what is new in it, to disk, from wherever an earlier attempt of the run left off: ranges that
// are there are not asked for again. `from` is a checkpoint's content: {cursor | token, shape}; null for the first run.
//
// NotFound when there is no such collection. Conflict when the server no longer keeps the changes since the last run and
// the rules say Fail, or when the collection was dropped or renamed while it was read.
Result<std::shared_ptr<Fetched>> fetch(const FetchPlan& plan, const Json& from, Log& log, std::stop_token stop);

}  // namespace weir::mongodb
