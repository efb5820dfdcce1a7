#include "mongo_program.hpp"

#include "shared_postgres.hpp"

namespace weir::testing {
namespace {

constexpr auto kSmallRanges = "    range_documents: 500\n";

}  // namespace

MongoProgram::MongoProgram() : shop_(new_postgres_database()) {}

void MongoProgram::configure_at(const std::string& url, const std::string& more) const {
  project_.write(
      "weir.yml",
      fmt::format("name: support\nconnections:\n  shop: {}\n  mongo:\n    type: mongodb\n    url: \"{}\"\n{}", shop_,
                  url, more));
}

void MongoProgram::pipeline(const std::string& copy, const std::string& more) const {
  project_.write("pipelines/load.yml", fmt::format("name: load\n{}tasks:\n  all: {{copy: {{{}}}}}\n", more, copy));
}

ProgramResult MongoProgram::load() const {
  auto result = project_.run({"run", "load", "--json"});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  return result;
}

void LiveMongoProgram::SetUp() {
  if (mongodb::live::server_url().empty()) GTEST_SKIP() << "no server: Java or Maven is missing";
  database_ = std::make_unique<mongodb::live::TestDatabase>();
  configure("");
}

void LiveMongoProgram::configure(const std::string& more) const { configure_at(database_->url(), kSmallRanges + more); }

void LiveMongoProgram::configure_through(int port, const std::string& more) const {
  configure_at(fmt::format("mongodb://127.0.0.1:{}/{}", port, database_->name()), kSmallRanges + more);
}

int LiveMongoProgram::server_port() {
  const auto& url = mongodb::live::server_url();
  return std::stoi(url.substr(url.rfind(':') + 1));
}

}  // namespace weir::testing
