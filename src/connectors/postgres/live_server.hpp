#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/postgres/connection.hpp"
#include "connectors/postgres/connector.hpp"
#include "data/batch.hpp"

// A real PostgreSQL for the live tests: one server a test program, made in a temporary folder, gone at the end.
namespace weir::postgres::live {

// A value's text; nothing for NULL.
using Cell = std::optional<std::string>;
using Table = std::vector<std::vector<Cell>>;

// Where the server listens: a socket's folder and the number in its name.
struct Endpoint {
  std::string folder;
  int port = 5432;
};

// Starts the server on the first call; null where PostgreSQL is not installed.
const Endpoint* server();

Settings settings(const Endpoint& endpoint);
flow::OpenContext context(const Endpoint& endpoint);

// A session of the tests' own, to look from outside.
Connection connect();
// Runs statements; the rows of the last one.
Table run(Connection& connection, const std::string& sql);
Table run(const std::string& sql);
// One value as text.
std::string value(const std::string& sql);

struct Roles {
  std::unique_ptr<flow::Source> source;
  std::unique_ptr<flow::Sink> sink;
  std::unique_ptr<flow::Database> database;
};
Roles open_roles(const Endpoint& endpoint);

data::SchemaPtr schema(std::vector<data::Field> fields);
data::Batch batch(const data::SchemaPtr& schema, const Table& rows);
Table table_of(const data::Batch& batch);
// Everything that a request reads, in all of its partitions.
Result<Table> read_all(flow::Source& source, const flow::ReadRequest& request, int partitions = 1);
// Opens a load, writes the batches with one writer, and commits.
Result<flow::Receipt> load(flow::Sink& sink, const flow::WriteRequest& request, const std::vector<data::Batch>& batches,
                           const std::string& commit);

}  // namespace weir::postgres::live
