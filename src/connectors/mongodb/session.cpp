#include "connectors/mongodb/session.hpp"

#include <mutex>

#include "base/check.hpp"
#include "connectors/mongodb/server_error.hpp"

namespace weir::mongodb {
namespace {

// Once a process; mongoc_cleanup is for leak checkers and would have to run after every static destructor.
void start_library() {
  static std::once_flag started;
  std::call_once(started, [] {
    mongoc_init();
    mongoc_log_set_handler(nullptr, nullptr);  // its words go to stderr, and errors reach us anyway
  });
}

// "" while there is none.
std::string primary_of(const mongoc_topology_description_t* topology) {
  std::size_t count = 0;
  auto** servers = mongoc_topology_description_get_servers(topology, &count);
  std::string primary;
  for (std::size_t i = 0; i < count; ++i) {
    if (std::string_view{mongoc_server_description_type(servers[i])} == "RSPrimary")
      primary = mongoc_server_description_host(servers[i])->host_and_port;
  }
  mongoc_server_descriptions_destroy_all(servers, count);
  return primary;
}

struct DestroyCallbacks {
  void operator()(mongoc_apm_callbacks_t* callbacks) const { mongoc_apm_callbacks_destroy(callbacks); }
};

}  // namespace

void Session::look_for_primary(const mongoc_apm_topology_changed_t* event) {
  auto& session = *static_cast<Session*>(mongoc_apm_topology_changed_get_context(event));
  auto primary = primary_of(mongoc_apm_topology_changed_get_new_description(event));
  if (primary.empty() || primary == session.primary_) return;
  if (!session.primary_.empty()) {
    session.log_->warn("{}: the primary was {}; it is {} now, and is asked instead", session.address_->text(),
                       session.primary_, primary);
  }
  session.primary_ = std::move(primary);
}

Result<std::unique_ptr<Session>> Session::open(std::shared_ptr<const Address> address, Log& log) {
  start_library();
  auto session = std::make_unique<Session>();
  bson_error_t error;
  session->client_.reset(mongoc_client_new_from_uri_with_error(address->uri(), &error));
  if (session->client_ == nullptr) {
    return Error::external(Code::Unavailable, "no connection can be made to {}: {}", address->text(), error.message);
  }
  session->address_ = std::move(address);
  session->log_ = &log;
  const std::unique_ptr<mongoc_apm_callbacks_t, DestroyCallbacks> callbacks{mongoc_apm_callbacks_new()};
  mongoc_apm_set_topology_changed_cb(callbacks.get(), look_for_primary);
  mongoc_client_set_apm_callbacks(session->client(), callbacks.get(), session.get());
  mongoc_client_set_error_api(session->client(), MONGOC_ERROR_API_VERSION_2);
  mongoc_client_set_stream_initiator(session->client(), open_stream, &session->dialer_);
  return session;
}

Result<Document> Session::run(bool (*command)(mongoc_client_t*, const char*, const bson_t*, const mongoc_read_prefs_t*,
                                              const bson_t*, bson_t*, bson_error_t*),
                              const std::string& database, const Document& what, std::stop_token stop) {
  const Interrupt::Scope scope{interrupt_, stop};
  bson_t answer;
  bson_error_t error;
  const auto* preference = mongoc_uri_get_read_prefs_t(address_->uri());
  const bool good = command(client(), database.c_str(), what.get(), preference, nullptr, &answer, &error);
  Document reply{answer};
  bson_destroy(&answer);
  if (!good) return server_error(error, reply.get(), *address_, stop);
  return reply;
}

Result<Document> Session::read(const Document& command, std::stop_token stop) {
  return run(mongoc_client_read_command_with_opts, address_->database(), command, std::move(stop));
}

Result<Document> Session::write(const Document& command, std::stop_token stop) {
  return run(
      [](mongoc_client_t* client, const char* database, const bson_t* what, const mongoc_read_prefs_t*,
         const bson_t* options, bson_t* answer, bson_error_t* error) {
        return mongoc_client_write_command_with_opts(client, database, what, options, answer, error);
      },
      address_->database(), command, std::move(stop));
}

Result<Document> Session::write_admin(const Document& command, std::stop_token stop) {
  return run(
      [](mongoc_client_t* client, const char* database, const bson_t* what, const mongoc_read_prefs_t*,
         const bson_t* options, bson_t* answer, bson_error_t* error) {
        return mongoc_client_write_command_with_opts(client, database, what, options, answer, error);
      },
      "admin", command, std::move(stop));
}

Result<void> Session::see(ClusterTime time, std::stop_token stop) {
  if (causal_ == nullptr) {
    const Interrupt::Scope scope{interrupt_, stop};
    bson_error_t error{};
    causal_.reset(mongoc_client_start_session(client(), nullptr, &error));  // causally consistent by default
    const bool has_none = error.domain == MONGOC_ERROR_CLIENT && error.code == MONGOC_ERROR_CLIENT_SESSION_FAILURE;
    if (causal_ == nullptr) return has_none ? Result<void>{} : server_error(error, nullptr, *address_, stop);
  }
  mongoc_client_session_advance_operation_time(causal_.get(), static_cast<std::uint32_t>(time >> 32),
                                               static_cast<std::uint32_t>(time));
  return {};
}

Result<Cursor> Session::find(const std::string& collection, const Document& filter, const Document& options,
                             std::stop_token stop) {
  const Interrupt::Scope scope{interrupt_, std::move(stop)};
  const auto handle = collection_of(*this, collection);
  auto all_options = options;
  if (causal_ != nullptr) {
    all_options.add("readConcern", Document{}.add("level", "majority"));
    bson_error_t error;
    WEIR_CHECK(mongoc_client_session_append(causal_.get(), all_options.get(), &error));
  }
  // A cursor takes copies of all that it is given; its first batch comes with the first next.
  return Cursor{mongoc_collection_find_with_opts(handle.get(), filter.get(), all_options.get(), nullptr), *this};
}

Result<Cursor> Session::aggregate(const std::string& collection, const Document& pipeline, std::stop_token stop) {
  const Interrupt::Scope scope{interrupt_, std::move(stop)};
  const auto handle = collection_of(*this, collection);
  return Cursor{mongoc_collection_aggregate(handle.get(), MONGOC_QUERY_NONE, pipeline.get(), nullptr, nullptr), *this};
}

Result<Cursor> Session::list_collections(const Document& filter, std::stop_token stop) {
  const Interrupt::Scope scope{interrupt_, std::move(stop)};
  const std::unique_ptr<mongoc_database_t, decltype(&mongoc_database_destroy)> database{
      mongoc_client_get_database(client(), address_->database().c_str()), mongoc_database_destroy};
  Document options;
  options.add("filter", filter);
  return Cursor{mongoc_database_find_collections_with_opts(database.get(), options.get()), *this};
}

Result<std::optional<BsonBytes>> Cursor::next(std::stop_token stop) {
  const Interrupt::Scope scope{session_->interrupt(), stop};
  if (stop.stop_requested()) return Error::cancelled();
  const bson_t* document = nullptr;
  if (mongoc_cursor_next(cursor_.get(), &document))
    return std::optional{BsonBytes{bson_get_data(document), document->len}};
  bson_error_t error;
  const bson_t* reply = nullptr;
  if (mongoc_cursor_error_document(cursor_.get(), &error, &reply))
    return server_error(error, reply, session_->address(), stop);
  return std::optional<BsonBytes>{};
}

std::optional<ClusterTime> cluster_time(BsonBytes document, std::string_view path) {
  bson_iter_t found;
  if (!find(document, path, found) || !BSON_ITER_HOLDS_TIMESTAMP(&found)) return std::nullopt;
  std::uint32_t seconds = 0;
  std::uint32_t count = 0;
  bson_iter_timestamp(&found, &seconds, &count);
  return ClusterTime{seconds} << 32 | count;
}

CollectionPtr collection_of(Session& session, const std::string& name) {
  return CollectionPtr{
      mongoc_client_get_collection(session.client(), session.address().database().c_str(), name.c_str())};
}

}  // namespace weir::mongodb
