#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "connectors/mongodb/live_server.hpp"
#include "weir_program.hpp"

namespace weir::testing {

// A project with a MongoDB, `mongo`, a PostgreSQL, `shop`, and one pipeline, `load`.
class MongoProgram : public ::testing::Test {
 protected:
  MongoProgram();

  // `more` are further lines of the connection mongo.
  void configure_at(const std::string& url, const std::string& more = "") const;
  // Its task `all` copies; `more` are further lines of the pipeline.
  void pipeline(const std::string& copy, const std::string& more = "") const;
  // Runs it, which must succeed.
  ProgramResult load() const;
  // Of the PostgreSQL, as CSV without its head.
  std::string query(const std::string& sql) const { return project_.query("shop", sql); }

  const std::string shop_;
  const TestProject project_;
};

// The same with a database of its own at the live server.
class LiveMongoProgram : public MongoProgram {
 protected:
  void SetUp() override;

  // Reached at its own URL, with ranges so small that a few documents are several of them.
  void configure(const std::string& more) const;
  // Reached through a proxy on the loopback.
  void configure_through(int port, const std::string& more) const;
  static int server_port();

  std::unique_ptr<mongodb::live::TestDatabase> database_;
};

}  // namespace weir::testing
