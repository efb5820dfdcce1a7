#include "shared_postgres.hpp"

#include <gtest/gtest.h>

#include "base/file.hpp"
#include "weir_program.hpp"

namespace weir::testing {
namespace {

// A project whose managed PostgreSQL it is.
const TestProject& server() {
  static const TestProject kProject;
  static const bool kStarted = [] {
    kProject.write("weir.yml", "name: shared\nconnections:\n  server: {type: postgres, managed: true}\n");
    return kProject.run({"services", "up"}).exit_code == 0;
  }();
  EXPECT_TRUE(kStarted);
  return kProject;
}

}  // namespace

std::string new_postgres_database() {
  static int count = 0;
  const auto name = fmt::format("test_{}", ++count);
  EXPECT_EQ(server().run({"query", "server", "CREATE DATABASE " + name}).exit_code, 0);
  const auto record = parse_json(read_file(server().folder() / ".weir" / "services" / "server.json").value()).value();
  const auto& address = record["address"];
  return fmt::format("{{type: postgres, host: 127.0.0.1, port: {}, user: {}, password: {}, database: {}}}",
                     address["port"].get<int>(), address["user"].get<std::string>(),
                     address["password"].get<std::string>(), name);
}

}  // namespace weir::testing
