#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/mongodb/connector.hpp"
#include "connectors/mongodb/session.hpp"
#include "flow/text_tables.hpp"

// A server for the live tests: that of WEIR_TEST_MONGODB_URL, else the one of tools/mongodb/serve, which a test program
// starts once.
namespace weir::mongodb::live {

// Its URL without a database; "" where there is none to be had.
const std::string& server_url();
// Whether it is what stands in for MongoDB, and lacks what docs/mongodb.md says.
bool is_stand_in();

// A database of the test's own, dropped at the end.
class TestDatabase {
 public:
  TestDatabase();
  ~TestDatabase();
  TestDatabase(const TestDatabase&) = delete;
  TestDatabase& operator=(const TestDatabase&) = delete;

  const std::string& name() const { return name_; }
  std::string url() const;
  flow::OpenContext context(const Json& more = Json::object()) const;
  Session& session() { return *session_; }

  // Extended JSON, a document each.
  void insert(const std::string& collection, const std::vector<std::string>& documents);
  void insert(const std::string& collection, BsonBytes document);
  void run(const std::string& command);
  // A collection's documents by _id, as relaxed extended JSON.
  std::vector<std::string> documents(const std::string& collection);
  std::vector<std::string> collections();

 private:
  std::string name_;
  std::unique_ptr<Session> session_;
};

using flow::testing::batch;
using flow::testing::Cell;
using flow::testing::load;
using flow::testing::read_all;
using flow::testing::schema;
using flow::testing::Table;
using flow::testing::table_of;

}  // namespace weir::mongodb::live
