#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/result.hpp"
#include "net/byte_stream.hpp"
#include "warehouse/cancellation.hpp"
#include "warehouse/chdb.hpp"
#include "warehouse/gate.hpp"
#include "warehouse/spare_connections.hpp"

namespace weir::warehouse {

// What the interface tells its clients about the engine.
struct EngineFacts {
  std::string version;  // select version()
  std::string timezone;
  std::string host_name;
  std::unordered_set<std::string> settings;  // the names in system.settings
};

// A statement with what belongs to it. The views must outlive the call.
struct StatementRequest {
  std::string_view text;       // as the client sent it
  const Statement& statement;  // the gate's view of that text
  std::string_view format;     // of the result, or of the data of an INSERT
  const Parameters& parameters;
  std::string_view query_id;
};

// The open engine: connections to one data folder and the ways in which statements run on them. Thread-safe.
class Engine {
 public:
  // `arguments` are those of Chdb::connect. Makes the databases that clients expect.
  static Result<std::unique_ptr<Engine>> open(Chdb library, std::vector<std::string> arguments);

  const EngineFacts& facts() const { return facts_; }

  // A new connection in the database, which may have been waiting; native 81 when there is no such database.
  Result<ChdbConnection> connect(const std::string& database) { return spares_.take(database); }

  // SELECT: `consume` gets the result while the query runs, as one document; a slow consumer slows the query. When it
  // fails, or `stop` is requested, the query is stopped.
  Result<Statistics> select(ChdbConnection& connection, const StatementRequest& request,
                            const std::function<Result<void>(net::ByteSource&)>& consume, std::stop_token stop);
  // INSERT: `feed` writes the client's data. Whole blocks may have landed when it fails or is stopped.
  using Feed = std::function<Result<void>(net::ByteSink&)>;
  Result<Statistics> insert(ChdbConnection& connection, const StatementRequest& request, const Feed& feed,
                            std::stop_token stop);
  // INSERT … SELECT … FROM input(…): the data go through a temporary table, since the engine's own way reports success
  // and writes nothing.
  Result<Statistics> insert_from_input(ChdbConnection& connection, const StatementRequest& request, const Feed& feed,
                                       std::stop_token stop);
  // Everything else, with its whole result in memory.
  Result<ChdbResult> execute(ChdbConnection& connection, const StatementRequest& request, std::stop_token stop);

 private:
  Engine(Chdb library, std::vector<std::string> arguments, ChdbConnection service);
  Result<void> prepare();
  Result<ChdbConnection> open_connection(const std::string& database) const;
  void kill(const std::string& tag);
  Result<Statistics> insert_into(ChdbConnection& connection, const StatementRequest& request, std::string_view head,
                                 const Feed& feed, std::stop_token stop);
  Result<ChdbResult> run(ChdbConnection& connection, const StatementRequest& request, std::string_view text,
                         std::stop_token stop);

  Chdb library_;
  std::vector<std::string> arguments_;
  EngineFacts facts_;
  ChdbConnection service_;  // used by one thread at a time: by open(), then by the cancellation's thread
  Cancellation cancellation_;
  SpareConnections spares_;
};

}  // namespace weir::warehouse
