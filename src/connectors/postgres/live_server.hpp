#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/postgres/connection.hpp"
#include "connectors/postgres/connector.hpp"
#include "flow/text_tables.hpp"

// A real PostgreSQL for the live tests: one server a test program, made in a temporary folder, gone at the end.
namespace weir::postgres::live {

using flow::testing::batch;
using flow::testing::Cell;
using flow::testing::load;
using flow::testing::read_all;
using flow::testing::schema;
using flow::testing::Table;
using flow::testing::table_of;

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

}  // namespace weir::postgres::live
