#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "connectors/clickhouse/connector.hpp"
#include "services/service.hpp"

// The server that the live tests speak to: that of WEIR_TEST_CLICKHOUSE_URL (with user and password in it where it wants
// them), else a warehouse of their own.
namespace weir::clickhouse::testing {

class LiveServer {
 public:
  // One for the whole program, stopped at its end; every test program works in a database of its own.
  static LiveServer& instance() {
    static LiveServer server;
    return server;
  }

  LiveServer(const LiveServer&) = delete;
  LiveServer& operator=(const LiveServer&) = delete;

  // Whether it answers; when not, the first test has said why.
  bool ready() const { return ready_; }

  // A context to open the connector's roles with.
  flow::OpenContext context(const Json& more = Json::object()) {
    Json settings{{"connect_timeout", "5s"}};
    settings.update(address_);
    settings.update(more);
    flow::OpenContext context;
    context.connection = {.name = "warehouse", .type = "clickhouse", .settings = Settings{settings}};
    return context;
  }

 private:
  LiveServer() {
    if (const char* url = std::getenv("WEIR_TEST_CLICKHOUSE_URL")) {
      address_["url"] = url;
    } else {
      start_warehouse();
    }
    auto database = *clickhouse_connector().open_database(context());
    const auto name = "weir_test_" + std::to_string(::getpid());
    const auto made = database->execute("CREATE DATABASE IF NOT EXISTS " + name, {});
    ready_ = made.ok();
    EXPECT_TRUE(ready_) << made.error().explain();
    address_["database"] = name;
  }
  ~LiveServer() {
    if (!ready_) return;
    (void)(*clickhouse_connector().open_database(context()))
        ->execute("DROP DATABASE " + address_["database"].get<std::string>(), {});
    supervisor_.reset();
    std::error_code failed;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, failed);
  }

  void start_warehouse() {
    folder_ = std::filesystem::temp_directory_path() / ("weir_clickhouse_live_" + std::to_string(::getpid()));
    services::ServiceSpec spec;
    spec.kind = services::ServiceKind::Warehouse;
    spec.name = "warehouse";
    spec.state_folder = folder_;
    spec.weir_binary = WEIR_BINARY;
    supervisor_ = services::Supervisor::create({spec}, services::Supervisor::Lifetime::WithSupervisor, silent_log());
    const auto address = supervisor_->ensure("warehouse", {});
    ASSERT_TRUE(address.ok()) << address.error().explain();
    address_ = Json{{"unix_socket", address->unix_socket},
                    {"user", address->user},
                    {"password", address->password.reveal()},
                    {"database", address->database}};
  }

  bool ready_ = false;
  std::filesystem::path folder_;
  std::unique_ptr<services::Supervisor> supervisor_;
  Json address_ = Json::object();
};

}  // namespace weir::clickhouse::testing
