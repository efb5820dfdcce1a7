#include "connectors/mongodb/ranges.hpp"

#include <algorithm>

#include "connectors/mongodb/cursor_value.hpp"

namespace weir::mongodb {
namespace {

constexpr std::int64_t kRangesMax = 1'024;
constexpr std::int64_t kSamplesEach = 20;

Result<std::optional<CursorValue>> end_of(Session& session, const std::string& collection, int direction,
                                          std::stop_token stop) {
  Document options;
  options.add("sort", Document{}.add("_id", direction))
      .add("projection", Document{}.add("_id", 1))
      .add("limit", std::int64_t{1});
  auto cursor = WEIR_TRY(session.find(collection, {}, options, stop));
  const auto found = WEIR_TRY(cursor.next(stop));
  if (!found) return std::optional<CursorValue>{};
  return cursor_value(*found, "_id");
}

// _ids are ordered by type first: where the least and the greatest are of one kind, all are.
Result<bool> have_one_kind(Session& session, const std::string& collection, std::stop_token stop) {
  const auto least = WEIR_TRY(end_of(session, collection, 1, stop));
  const auto greatest = WEIR_TRY(end_of(session, collection, -1, stop));
  return least && greatest && least->bracket() == greatest->bracket();
}

// Some of the _ids, in order: documents of one field.
Result<std::vector<Document>> sample_ids(Session& session, const std::string& collection, std::int64_t count,
                                         std::stop_token stop) {
  const std::array stages{Document{}.add("$sample", Document{}.add("size", count)),
                          Document{}.add("$project", Document{}.add("_id", 1)),
                          Document{}.add("$sort", Document{}.add("_id", 1))};
  Document pipeline;
  pipeline.add_list("pipeline", stages);
  auto cursor = WEIR_TRY(session.aggregate(collection, pipeline, stop));
  std::vector<Document> ids;
  while (const auto bytes = WEIR_TRY(cursor.next(stop))) ids.push_back(Document::from(*bytes));
  return ids;
}

bson_value_t id_of(const Document& document) {
  bson_iter_t found;
  WEIR_CHECK(find(document.bytes(), "_id", found));
  return *bson_iter_value(&found);
}

}  // namespace

Result<std::vector<Document>> part_by_id(Session& session, const CollectionInfo& collection,
                                         std::int64_t documents_each, std::stop_token stop) {
  std::vector<Document> whole(1);
  if (collection.kind != CollectionInfo::Kind::Collection || collection.options.has("collation")) return whole;
  const auto counted = WEIR_TRY(session.read(Document{}.add("count", collection.name), stop));
  const auto wanted = std::min(kRangesMax, counted.integer("n").value_or(0) / documents_each + 1);
  if (wanted < 2 || !WEIR_TRY(have_one_kind(session, collection.name, stop))) return whole;
  auto sampled = sample_ids(session, collection.name, wanted * kSamplesEach, stop);
  // A server that takes no sample is read in one range; one that does not answer is another matter.
  if (!sampled.ok() && sampled.error().retry() == Retry::Never && sampled.error().code() != Code::Cancelled)
    return whole;
  const auto ids = WEIR_TRY(std::move(sampled));
  std::vector<Document> ranges;
  Document begin;  // {$gte: …}, of the range under way
  for (std::int64_t i = 1; i < wanted; ++i) {
    const auto at = static_cast<std::size_t>(i) * ids.size() / static_cast<std::size_t>(wanted);
    if (at >= ids.size()) break;
    const auto value = id_of(ids[at]);
    Document next;
    next.add("$gte", value);
    if (bson_equal(next.get(), begin.get())) continue;  // a sample may have a document twice
    ranges.push_back(Document{}.add("_id", Document{begin}.add("$lt", value)));
    begin = std::move(next);
  }
  ranges.push_back(begin.is_empty() ? Document{} : Document{}.add("_id", begin));
  return ranges;
}

}  // namespace weir::mongodb
