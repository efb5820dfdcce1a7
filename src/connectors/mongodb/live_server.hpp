#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/mongodb/connector.hpp"
#include "connectors/mongodb/session.hpp"
#include "data/batch.hpp"

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
  flow::OpenContext context(Json more = Json::object()) const;
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

using Cell = std::optional<std::string>;
using Table = std::vector<std::vector<Cell>>;

data::SchemaPtr schema(std::vector<data::Field> fields);
data::Batch batch(const data::SchemaPtr& schema, const Table& rows);
Table table_of(const data::Batch& batch);
// Everything that a request reads, in all of its partitions.
Result<Table> read_all(flow::Source& source, const flow::ReadRequest& request, int partitions = 1);
Result<flow::Receipt> load(flow::Sink& sink, const flow::WriteRequest& request, const std::vector<data::Batch>& batches,
                           const std::string& commit);

}  // namespace weir::mongodb::live
