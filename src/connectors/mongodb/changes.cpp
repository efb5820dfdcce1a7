#include "connectors/mongodb/changes.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <memory>

#include "connectors/mongodb/server_error.hpp"

// https://www.mongodb.com/docs/manual/changeStreams/ and .../reference/change-events/
namespace weir::mongodb {
namespace {

constexpr std::int64_t kAwaitMs = 250;  // how long the server waits for another event before it says that there is none
constexpr auto kExpired = "expired";    // native code of what ends a stream for good

class ChangeStream {
 public:
  enum class Tell { Documents, Keys };
  static ChangeStream open(Session& session, const std::string& collection, const Document& position, Tell tell) {
    Document options;
    bson_concat(options.get(), position.get());
    options.add("maxAwaitTimeMS", kAwaitMs);
    Document pipeline;
    if (tell == Tell::Documents) {
      // Of an update the server tells the whole document, as it is when the event is read.
      options.add("fullDocument", "updateLookup");
    } else {
      const std::array stages{
          Document{}.add("$project", Document{}.add("fullDocument", 0).add("updateDescription", 0))};
      pipeline.add_list("pipeline", stages);
    }
    const auto handle = collection_of(session, collection);
    return ChangeStream{session, mongoc_collection_watch(handle.get(), pipeline.get(), options.get())};
  }

  // The next event, valid until the next call; nothing when there is none for now.
  Result<std::optional<BsonBytes>> next(std::stop_token stop) {
    if (stop.stop_requested()) return Error::cancelled();
    const Interrupt::Scope scope{session_->interrupt(), stop};
    const bson_t* event = nullptr;
    if (mongoc_change_stream_next(stream_.get(), &event))
      return std::optional{BsonBytes{bson_get_data(event), event->len}};
    bson_error_t error;
    const bson_t* reply = nullptr;
    if (mongoc_change_stream_error_document(stream_.get(), &error, &reply))
      return server_error(error, reply, session_->address(), stop);
    return std::optional<BsonBytes>{};
  }

  // Empty when the server gave none.
  Document token() const {
    const auto* token = mongoc_change_stream_get_resume_token(stream_.get());
    return token == nullptr ? Document{} : Document{*token};
  }

 private:
  struct Destroy {
    void operator()(mongoc_change_stream_t* stream) const { mongoc_change_stream_destroy(stream); }
  };
  ChangeStream(Session& session, mongoc_change_stream_t* stream) : session_(&session), stream_(stream) {}

  Session* session_;
  std::unique_ptr<mongoc_change_stream_t, Destroy> stream_;
};

Error expired(std::string what) {
  return Error{Fault::External, Code::Conflict, std::move(what)}.native_code(kExpired).hint(
      "set on_expired: snapshot to read the collection again, which replaces the destination's rows");
}

// {_id: …} of the document that an event is about; nothing when it names none.
std::optional<Document> key_of(BsonBytes event) {
  bson_iter_t found;
  if (!find(event, "documentKey._id", found)) return std::nullopt;
  return std::move(Document{}.add("_id", *bson_iter_value(&found)));
}

// Turns events into what they make of the destination. A document that an event does not carry, or of which the rules want
// only some, is looked up: many at once, so that it is handed over later than its event, but never behind its own deletion.
class EventReader {
 public:
  EventReader(std::unique_ptr<Session> lookups, std::string collection, const CollectionRules& rules,
              const TakeChange& take)
      : lookups_(std::move(lookups)), collection_(std::move(collection)), rules_(rules), take_(take) {}

  Result<void> read(BsonBytes event, std::stop_token stop) {
    const auto type = Document::from(event).text("operationType");
    if (const auto time = cluster_time(event, "clusterTime")) time_ = std::max(time_, *time);
    if (type == "insert" || type == "update" || type == "replace") return upsert(event, type, stop);
    if (type == "delete") {
      const auto key = key_of(event);
      if (!key) return unnamed(type);
      wanted_.erase(name_of(*key));
      return take_({ChangeEvent::Kind::Delete, key->bytes()});
    }
    if (type == "drop" || type == "dropDatabase" || type == "rename" || type == "invalidate")
      return expired(
          fmt::format("collection {} was dropped or renamed (its change stream says {})", collection_, type));
    // createIndexes, modify, shardCollection, …: they change no document.
    return {};
  }

  // Hands over what is still to be looked up.
  Result<void> look_up(std::stop_token stop) {
    if (wanted_.empty()) return {};
    // A member that lags behind the events would take a document for deleted.
    if (time_ != 0) WEIR_TRY(lookups_->see(time_, stop));
    Document options;
    if (const auto projection = rules_.projection(); !projection.is_empty()) options.add("projection", projection);
    auto cursor = WEIR_TRY(lookups_->find(collection_, rules_.filter_and(one_of_wanted()), options, stop));
    while (const auto document = WEIR_TRY(cursor.next(stop))) {
      bson_iter_t id;
      if (!find(*document, "_id", id)) continue;
      wanted_.erase(name_of(Document{}.add("_id", *bson_iter_value(&id))));
      WEIR_TRY(take_({ChangeEvent::Kind::Upsert, *document}));
    }
    // Deleted since, which a later event says too; or the filter leaves it out.
    for (const auto& [name, key] : wanted_) WEIR_TRY(take_({ChangeEvent::Kind::Delete, key.bytes()}));
    wanted_.clear();
    return {};
  }

 private:
  static constexpr std::size_t kLookedUpAtOnce = 1'000;

  Result<void> upsert(BsonBytes event, const std::string& type, std::stop_token stop) {
    bson_iter_t found;
    if (rules_.reads_all() && find(event, "fullDocument", found) && BSON_ITER_HOLDS_DOCUMENT(&found)) {
      const std::uint8_t* data = nullptr;
      std::uint32_t size = 0;
      bson_iter_document(&found, &size, &data);
      return take_({ChangeEvent::Kind::Upsert, {data, size}});
    }
    auto key = key_of(event);
    if (!key) return unnamed(type);
    wanted_.insert_or_assign(name_of(*key), std::move(*key));
    return wanted_.size() < kLookedUpAtOnce ? Result<void>{} : look_up(std::move(stop));
  }

  static std::string name_of(const Document& key) {
    return {reinterpret_cast<const char*>(key.bytes().data()), key.bytes().size()};
  }

  Document one_of_wanted() const {
    Document in;
    bson_t list;
    bson_append_array_begin(in.get(), "$in", -1, &list);
    std::size_t index = 0;
    for (const auto& [name, key] : wanted_) {
      bson_iter_t id;
      find(key.bytes(), "_id", id);
      bson_append_value(&list, std::to_string(index++).c_str(), -1, bson_iter_value(&id));
    }
    bson_append_array_end(in.get(), &list);
    return std::move(Document{}.add("_id", in));
  }

  Error unnamed(const std::string& type) const {
    return Error::external(Code::InvalidData, "an event of type {} of collection {} names no document", type,
                           collection_)
        .retry(Retry::Never)
        .hint("this server does not tell changes as MongoDB does: follow by a cursor instead");
  }

  std::unique_ptr<Session> lookups_;
  std::string collection_;
  const CollectionRules& rules_;
  const TakeChange& take_;
  std::map<std::string, Document> wanted_;  // {_id: …} of what is to be looked up, by its bytes
  ClusterTime time_ = 0;                    // of the events; 0: they tell none
};

// Of the server's last operation; nothing where it tells none.
Result<std::optional<ClusterTime>> operation_time(Session& session, std::stop_token stop) {
  const auto reply = WEIR_TRY(session.read(Document{}.add("ping", 1), std::move(stop)));
  return cluster_time(reply.bytes(), "operationTime");
}

// The begin of the server's present second, for one that has no clock of operations: changes before the snapshot that are
// told again change nothing.
Result<std::optional<ClusterTime>> wall_clock(Session& session, std::stop_token stop) {
  const auto reply = WEIR_TRY(session.read(Document{}.add("isMaster", 1), std::move(stop)));
  bson_iter_t found;
  if (!find(reply.bytes(), "localTime", found) || !BSON_ITER_HOLDS_DATE_TIME(&found))
    return std::optional<ClusterTime>{};
  return std::optional{static_cast<ClusterTime>(bson_iter_date_time(&found) / 1'000) << 32};
}

}  // namespace

bool is_expired(const Error& error) {
  return error.native_code() == kExpired || has_server_code(error, server_code::kChangeStreamHistoryLost) ||
         has_server_code(error, server_code::kChangeStreamFatal) ||
         has_server_code(error, server_code::kInvalidResumeToken);
}

Result<ChangePosition> present_position(Session& session, const std::string& collection, std::stop_token stop) {
  auto stream = ChangeStream::open(session, collection, {}, ChangeStream::Tell::Documents);
  const auto event = stream.next(stop);
  if (!event.ok()) {
    return Error{event.error()}.hint("change streams need a replica set; follow by a cursor where there is none");
  }
  ChangePosition position;
  // The clock of all members, which a client passes on: the member that answers may itself lag behind the stream's.
  const auto clocks = WEIR_TRY(session.read(Document{}.add("ping", 1), stop));
  const auto operation = cluster_time(clocks.bytes(), "operationTime");
  position.time = cluster_time(clocks.bytes(), "$clusterTime.clusterTime");
  if (!position.time) position.time = operation;
  if (auto token = stream.token(); !token.is_empty()) {
    position.token.add("resumeAfter", token);
    return position;
  }
  const auto time = operation ? operation : WEIR_TRY(wall_clock(session, stop));
  if (time) {
    bson_append_timestamp(position.token.get(), "startAtOperationTime", -1, static_cast<std::uint32_t>(*time >> 32),
                          static_cast<std::uint32_t>(*time));
    return position;
  }
  return Error::external(Code::Unsupported, "{} does not say where its changes stand", session.address().text())
      .retry(Retry::Never)
      .hint("follow by a cursor instead");
}

Result<ChangePosition> read_changes(Session& session, const std::string& collection, const CollectionRules& rules,
                                    const ChangePosition& from, const TakeChange& take, std::stop_token stop) {
  const auto until = WEIR_TRY(operation_time(session, stop));
  auto stream = ChangeStream::open(session, collection, from.token,
                                   rules.reads_all() ? ChangeStream::Tell::Documents : ChangeStream::Tell::Keys);
  EventReader reader{WEIR_TRY(Session::open(session.shared_address())), collection, rules, take};
  ChangePosition position{from.token, {}};
  while (true) {
    const auto event = WEIR_TRY(stream.next(stop));
    const auto time = event ? cluster_time(*event, "clusterTime") : std::nullopt;
    const bool is_later = until && time && *time > *until;
    if (event && !is_later) WEIR_TRY(reader.read(*event, stop));
    if (auto token = stream.token(); !is_later && !token.is_empty())
      position.token = Document{}.add("resumeAfter", token);
    if (!event || is_later) break;
  }
  WEIR_TRY(reader.look_up(stop));
  return position;
}

}  // namespace weir::mongodb
