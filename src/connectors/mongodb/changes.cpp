#include "connectors/mongodb/changes.hpp"

#include <memory>

#include "connectors/mongodb/server_error.hpp"

// https://www.mongodb.com/docs/manual/changeStreams/ and .../reference/change-events/
namespace weir::mongodb {
namespace {

constexpr std::int64_t kAwaitMs = 250;  // how long the server waits for another event before it says that there is none
constexpr auto kExpired = "expired";    // native code of what ends a stream for good

class ChangeStream {
 public:
  static ChangeStream open(Session& session, const std::string& collection, const Document& position) {
    Document options;
    bson_concat(options.get(), position.get());
    // Of an update the server tells the whole document, as it is when the event is read.
    options.add("fullDocument", "updateLookup").add("maxAwaitTimeMS", kAwaitMs);
    const auto handle = collection_of(session, collection);
    const Document pipeline;
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

// The document as it is now, where an event does not carry it; nothing when it is gone.
Result<std::optional<Document>> look_up(Session& session, const std::string& collection, const Document& key,
                                        std::stop_token stop) {
  auto cursor = WEIR_TRY(session.find(collection, key, Document{}.add("limit", std::int64_t{1}), stop));
  const auto found = WEIR_TRY(cursor.next(stop));
  if (!found) return std::optional<Document>{};
  return std::optional{Document::from(*found)};
}

// Turns one event into what it makes of the destination.
class EventReader {
 public:
  EventReader(std::unique_ptr<Session> lookups, std::string collection, const TakeChange& take)
      : lookups_(std::move(lookups)), collection_(std::move(collection)), take_(take) {}

  Result<void> read(BsonBytes event, std::stop_token stop) {
    const auto type = Document::from(event).text("operationType");
    if (type == "insert" || type == "update" || type == "replace") return upsert(event, type, stop);
    if (type == "delete") {
      const auto key = key_of(event);
      return key ? take_({ChangeEvent::Kind::Delete, key->bytes()}) : unnamed(type);
    }
    if (type == "drop" || type == "dropDatabase" || type == "rename" || type == "invalidate")
      return expired(
          fmt::format("collection {} was dropped or renamed (its change stream says {})", collection_, type));
    // createIndexes, modify, shardCollection, …: they change no document.
    return {};
  }

 private:
  Result<void> upsert(BsonBytes event, const std::string& type, std::stop_token stop) {
    bson_iter_t found;
    if (find(event, "fullDocument", found) && BSON_ITER_HOLDS_DOCUMENT(&found)) {
      const std::uint8_t* data = nullptr;
      std::uint32_t size = 0;
      bson_iter_document(&found, &size, &data);
      return take_({ChangeEvent::Kind::Upsert, {data, size}});
    }
    const auto key = key_of(event);
    if (!key) return unnamed(type);
    const auto now = WEIR_TRY(look_up(*lookups_, collection_, *key, stop));
    if (now) return take_({ChangeEvent::Kind::Upsert, now->bytes()});
    // Deleted since: that event comes later, and says the same.
    return take_({ChangeEvent::Kind::Delete, key->bytes()});
  }

  Error unnamed(const std::string& type) const {
    return Error::external(Code::InvalidData, "an event of type {} of collection {} names no document", type,
                           collection_)
        .retry(Retry::Never)
        .hint("this server does not tell changes as MongoDB does: follow by a cursor instead");
  }

  std::unique_ptr<Session> lookups_;
  std::string collection_;
  const TakeChange& take_;
};

// A time of the deployment's clock: seconds and a count within them, as one number that grows.
std::optional<std::uint64_t> time_at(BsonBytes document, std::string_view path) {
  bson_iter_t found;
  if (!find(document, path, found) || !BSON_ITER_HOLDS_TIMESTAMP(&found)) return std::nullopt;
  std::uint32_t seconds = 0;
  std::uint32_t count = 0;
  bson_iter_timestamp(&found, &seconds, &count);
  return std::uint64_t{seconds} << 32 | count;
}

// Of the server's last operation; nothing where it tells none.
Result<std::optional<std::uint64_t>> operation_time(Session& session, std::stop_token stop) {
  const auto reply = WEIR_TRY(session.read(Document{}.add("ping", 1), std::move(stop)));
  return time_at(reply.bytes(), "operationTime");
}

// The begin of the server's present second, for one that has no clock of operations: changes before the snapshot that are
// told again change nothing.
Result<std::optional<std::uint64_t>> wall_clock(Session& session, std::stop_token stop) {
  const auto reply = WEIR_TRY(session.read(Document{}.add("isMaster", 1), std::move(stop)));
  bson_iter_t found;
  if (!find(reply.bytes(), "localTime", found) || !BSON_ITER_HOLDS_DATE_TIME(&found))
    return std::optional<std::uint64_t>{};
  return std::optional{static_cast<std::uint64_t>(bson_iter_date_time(&found) / 1'000) << 32};
}

}  // namespace

bool is_expired(const Error& error) {
  return error.native_code() == kExpired || has_server_code(error, server_code::kChangeStreamHistoryLost) ||
         has_server_code(error, server_code::kChangeStreamFatal);
}

Result<ChangePosition> present_position(Session& session, const std::string& collection, std::stop_token stop) {
  auto stream = ChangeStream::open(session, collection, {});
  const auto event = stream.next(stop);
  if (!event.ok()) {
    return Error{event.error()}.hint("change streams need a replica set; follow by a cursor where there is none");
  }
  if (auto token = stream.token(); !token.is_empty())
    return ChangePosition{std::move(Document{}.add("resumeAfter", token))};
  auto time = WEIR_TRY(operation_time(session, stop));
  if (!time) time = WEIR_TRY(wall_clock(session, stop));
  if (time) {
    ChangePosition position;
    bson_append_timestamp(position.token.get(), "startAtOperationTime", -1, static_cast<std::uint32_t>(*time >> 32),
                          static_cast<std::uint32_t>(*time));
    return position;
  }
  return Error::external(Code::Unsupported, "{} does not say where its changes stand", session.address().text())
      .retry(Retry::Never)
      .hint("follow by a cursor instead");
}

Result<ChangePosition> read_changes(Session& session, const std::string& collection, const ChangePosition& from,
                                    const TakeChange& take, std::stop_token stop) {
  const auto until = WEIR_TRY(operation_time(session, stop));
  auto stream = ChangeStream::open(session, collection, from.token);
  EventReader reader{WEIR_TRY(Session::open(session.shared_address())), collection, take};
  auto position = from;
  while (true) {
    const auto event = WEIR_TRY(stream.next(stop));
    if (!event) break;
    const auto time = time_at(*event, "clusterTime");
    if (until && time && *time > *until) return position;
    WEIR_TRY(reader.read(*event, stop));
    position.token = Document{}.add("resumeAfter", stream.token());
  }
  if (auto token = stream.token(); !token.is_empty()) position.token = Document{}.add("resumeAfter", token);
  return position;
}

}  // namespace weir::mongodb
