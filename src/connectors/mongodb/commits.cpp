#include "connectors/mongodb/commits.hpp"

#include <array>
#include <utility>

#include "base/clock.hpp"
#include "base/owner.hpp"
#include "connectors/mongodb/catalog.hpp"
#include "connectors/mongodb/server_error.hpp"

namespace weir::mongodb {
namespace {

constexpr std::array<std::pair<CommitWay, std::string_view>, 3> kWays{
    {{CommitWay::Rename, "rename"}, {CommitWay::Insert, "insert"}, {CommitWay::Upsert, "upsert"}}};
constexpr std::string_view kDecided = "decided";
constexpr std::string_view kDone = "done";
constexpr std::size_t kChangesAtOnce = 1'000;

struct Found {
  CommitRecord record;
  bool done = false;
};

Document to_document(const CommitRecord& record) {
  Document document;
  document.add("_id", record.commit.text())
      .add("collection", record.collection)
      .add("stage", record.stage)
      .add("owner", record.owner)
      .add("rows", static_cast<std::int64_t>(record.rows))
      .add("state", kDecided);
  for (const auto& [way, name] : kWays) {
    if (way == record.way) document.add("way", name);
  }
  const auto now = std::chrono::floor<std::chrono::milliseconds>(system_clock().now());
  return std::move(document.add_time("at", now.time_since_epoch().count()));
}

Found from_document(const Document& document) {
  Found found;
  found.record.commit = CommitId{document.text("_id")};
  found.record.collection = document.text("collection");
  found.record.stage = document.text("stage");
  found.record.owner = document.text("owner");
  found.record.rows = static_cast<std::uint64_t>(document.integer("rows").value_or(0));
  for (const auto& [way, name] : kWays) {
    if (name == document.text("way")) found.record.way = way;
  }
  found.done = document.text("state") == kDone;
  return found;
}

Result<std::vector<Found>> find_records(Session& session, const Document& filter, std::stop_token stop) {
  auto cursor = WEIR_TRY(session.find(std::string{kCommitsCollection}, filter, {}, stop));
  std::vector<Found> records;
  while (const auto bytes = WEIR_TRY(cursor.next(stop))) records.push_back(from_document(Document::from(*bytes)));
  return records;
}

// One write command that one document tells whole.
Result<Document> write_one(Session& session, const char* command, std::string_view collection, const char* list,
                           const Document& what, std::stop_token stop) {
  Document whole;
  whole.add(command, collection).add_list(list, std::span{&what, 1});
  auto reply = WEIR_TRY(session.write(whole, stop));
  if (auto failure = reply.inner("writeErrors.0")) {
    return Error::external(Code::Conflict, "{} of {} failed: {}", command, collection, failure->text("errmsg"))
        .native_code(std::to_string(failure->integer("code").value_or(0)));
  }
  return reply;
}

Result<void> rename(Session& session, const CommitRecord& record, std::stop_token stop) {
  // A stage that is gone has taken the name already.
  if (!WEIR_TRY(find_collection(session, record.stage, stop))) return {};
  const auto& database = session.address().database();
  Document command;
  command.add("renameCollection", fmt::format("{}.{}", database, record.stage))
      .add("to", fmt::format("{}.{}", database, record.collection))
      .add("dropTarget", true);
  WEIR_TRY(session.write_admin(command, stop));
  return {};
}

Result<void> insert(Session& session, const CommitRecord& record, std::stop_token stop) {
  const std::array stages{Document{}.add(
      "$merge", Document{}.add("into", record.collection).add("on", "_id").add("whenMatched", "replace"))};
  Document command;
  command.add("aggregate", record.stage).add_list("pipeline", stages).add("cursor", Document{});
  WEIR_TRY(session.write(command, stop));
  return {};
}

struct DestroyBulk {
  void operator()(mongoc_bulk_operation_t* bulk) const { mongoc_bulk_operation_destroy(bulk); }
};

// {_id: place, k: key, s: the fields to set, u: those to remove}, or {_id, k, x: true} for a delete.
Result<void> add_change(mongoc_bulk_operation_t& bulk, const Document& change) {
  bson_error_t error;
  const auto key = change.inner("k").value_or(Document{});
  bool good = false;
  if (change.has("x")) {
    good = mongoc_bulk_operation_remove_one_with_opts(&bulk, key.get(), nullptr, &error);
  } else {
    Document update;
    const auto set = change.inner("s").value_or(Document{});
    const auto unset = change.inner("u").value_or(Document{});
    if (bson_count_keys(set.get()) != 0) update.add("$set", set);
    if (bson_count_keys(unset.get()) != 0) update.add("$unset", unset);
    if (bson_count_keys(update.get()) == 0) update.add("$setOnInsert", key);
    Document options;
    options.add("upsert", true);
    good = mongoc_bulk_operation_update_one_with_opts(&bulk, key.get(), update.get(), options.get(), &error);
  }
  if (!good) return Error::bug("a change that libmongoc refuses: {}", error.message);
  return {};
}

Result<void> upsert(Session& session, Session& other, const CommitRecord& record, std::stop_token stop) {
  const auto collection = collection_of(other, record.collection);
  auto cursor = WEIR_TRY(session.find(record.stage, {}, Document{}.add("sort", Document{}.add("_id", 1)), stop));
  bool more = true;
  while (more) {
    const std::unique_ptr<mongoc_bulk_operation_t, DestroyBulk> bulk{
        mongoc_collection_create_bulk_operation_with_opts(collection.get(), nullptr)};
    std::size_t changes = 0;
    for (; changes < kChangesAtOnce; ++changes) {
      const auto bytes = WEIR_TRY(cursor.next(stop));
      more = bytes.has_value();
      if (!more) break;
      WEIR_TRY(add_change(*bulk, Document::from(*bytes)));
    }
    if (changes == 0) break;
    const Interrupt::Scope scope{other.interrupt(), stop};
    bson_t reply;
    bson_error_t error;
    const bool good = mongoc_bulk_operation_execute(bulk.get(), &reply, &error) != 0;
    const Document answer{reply};
    bson_destroy(&reply);
    if (!good) return server_error(error, answer.get(), session.address(), stop);
  }
  return {};
}

Result<void> carry_out(Session& session, const CommitRecord& record, std::stop_token stop) {
  switch (record.way) {
    case CommitWay::Rename: return rename(session, record, stop);
    case CommitWay::Insert: return insert(session, record, stop);
    case CommitWay::Upsert: break;
  }
  const auto other = WEIR_TRY(Session::open(session.shared_address()));
  return upsert(session, *other, record, stop);
}

Result<flow::Receipt> finish(Session& session, const Found& found, std::stop_token stop) {
  const auto& record = found.record;
  if (!found.done) {
    WEIR_TRY(carry_out(session, record, stop).while_doing("committing to " + record.collection));
    Document update;
    update.add("q", Document{}.add("_id", record.commit.text()))
        .add("u", Document{}.add("$set", Document{}.add("state", kDone)));
    WEIR_TRY(write_one(session, "update", kCommitsCollection, "updates", update, stop));
  }
  // Nobody needs it any more; where this fails, the next load of the collection drops it.
  static_cast<void>(drop_collection(session, record.stage, stop));
  return flow::Receipt{record.commit, record.rows};
}

}  // namespace

Result<flow::Receipt> commit(Session& session, const CommitRecord& record, std::stop_token stop) {
  if (auto before = WEIR_TRY(find_commit(session, record.commit, stop))) return std::move(*before);
  WEIR_TRY(write_one(session, "insert", kCommitsCollection, "documents", to_document(record), stop));
  return finish(session, {record, false}, stop);
}

Result<std::optional<flow::Receipt>> find_commit(Session& session, const CommitId& commit, std::stop_token stop) {
  const auto found = WEIR_TRY(find_records(session, Document{}.add("_id", commit.text()), stop));
  if (found.empty()) return std::optional<flow::Receipt>{};
  return std::optional{WEIR_TRY(finish(session, found.front(), stop))};
}

Result<void> finish_abandoned(Session& session, const std::string& collection, std::stop_token stop) {
  Document filter;
  filter.add("collection", collection).add("state", kDecided);
  for (const auto& found : WEIR_TRY(find_records(session, filter, stop))) {
    if (owner_state(found.record.owner) == OwnerState::Alive) continue;
    WEIR_TRY(finish(session, found, stop));
  }
  for (const auto& info : WEIR_TRY(list_collections(session, stop))) {
    const auto owner = stage_owner(info.name, collection);
    if (!owner.empty() && owner_state(owner) == OwnerState::Dead) WEIR_TRY(drop_collection(session, info.name, stop));
  }
  return {};
}

}  // namespace weir::mongodb
