#pragma once

#include <mongoc/mongoc.h>

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/log.hpp"
#include "base/result.hpp"
#include "connectors/mongodb/address.hpp"
#include "connectors/mongodb/document.hpp"
#include "connectors/mongodb/stream.hpp"

namespace weir::mongodb {

class Cursor;

// A time of the deployment's clock: seconds and a count within them, as one number that grows.
using ClusterTime = std::uint64_t;  // seconds << 32 | count
// What stands under a dotted path; nothing where it is missing or of another type.
std::optional<ClusterTime> cluster_time(BsonBytes document, std::string_view path);

// A client of a MongoDB deployment with connections of its own. Used by one thread at a time. Every call returns Cancelled
// as soon as a stop is requested, and the connection that it waited on is closed.
class Session {
 public:
  // Makes no connection yet. The log is told when another member of a replica set has become the primary: what libmongoc does
  // about it by itself, nobody would learn. It lives as long as the session.
  static Result<std::unique_ptr<Session>> open(std::shared_ptr<const Address> address, Log& log = silent_log());

  const Address& address() const { return *address_; }
  const std::shared_ptr<const Address>& shared_address() const { return address_; }
  // A command on the connection's database, or another; its answer. Reads go where the read preference says.
  Result<Document> read(const Document& command, std::stop_token stop);
  Result<Document> write(const Document& command, std::stop_token stop);
  Result<Document> write_admin(const Document& command, std::stop_token stop);

  // Every find() from now on sees all that had happened at that time, on members that lag too, and only what no change of
  // the primary takes back. Nothing where the server has no sessions: then it is no replica set of MongoDB 4.2 or newer.
  Result<void> see(ClusterTime time, std::stop_token stop);
  Result<Cursor> find(const std::string& collection, const Document& filter, const Document& options,
                      std::stop_token stop);
  Result<Cursor> aggregate(const std::string& collection, const Document& pipeline, std::stop_token stop);
  // `listCollections`: name, type and options of each.
  Result<Cursor> list_collections(const Document& filter, std::stop_token stop);

  mongoc_client_t* client() { return client_.get(); }
  Interrupt& interrupt() { return interrupt_; }

 private:
  struct Destroy {
    void operator()(mongoc_client_t* client) const { mongoc_client_destroy(client); }
    void operator()(mongoc_client_session_t* session) const { mongoc_client_session_destroy(session); }
  };

  Result<Document> run(bool (*command)(mongoc_client_t*, const char*, const bson_t*, const mongoc_read_prefs_t*,
                                       const bson_t*, bson_t*, bson_error_t*),
                       const std::string& database, const Document& what, std::stop_token stop);

  static void look_for_primary(const mongoc_apm_topology_changed_t* event);

  std::shared_ptr<const Address> address_;
  Log* log_ = nullptr;
  std::string primary_;  // the last that was known; "": none
  Interrupt interrupt_;
  Dialer dialer_{interrupt_, {}};
  std::unique_ptr<mongoc_client_t, Destroy> client_;
  std::unique_ptr<mongoc_client_session_t, Destroy> causal_;  // what see() was told; null: nothing
};

// Documents of a server, batch by batch. Its session is used by nobody else meanwhile.
class Cursor {
 public:
  Cursor(mongoc_cursor_t* cursor, Session& session) : cursor_(cursor), session_(&session) {}

  // The next document, valid until the next call; nothing at the end.
  Result<std::optional<BsonBytes>> next(std::stop_token stop);

 private:
  struct Destroy {
    void operator()(mongoc_cursor_t* cursor) const { mongoc_cursor_destroy(cursor); }
  };
  std::unique_ptr<mongoc_cursor_t, Destroy> cursor_;
  Session* session_;
};

// A handle on a collection of a session's database.
struct DestroyCollection {
  void operator()(mongoc_collection_t* collection) const { mongoc_collection_destroy(collection); }
};
using CollectionPtr = std::unique_ptr<mongoc_collection_t, DestroyCollection>;
CollectionPtr collection_of(Session& session, const std::string& name);

}  // namespace weir::mongodb
