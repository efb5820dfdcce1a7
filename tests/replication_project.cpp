#include "replication_project.hpp"

#include <gtest/gtest.h>

#include "connectors/clickhouse/connector.hpp"
#include "connectors/postgres/connector.hpp"
#include "data/text.hpp"

namespace weir::testing {
namespace {

constexpr auto kProject = R"(name: space
connections:
  publisher: {type: postgres, managed: true}
  subscriber: {type: postgres, managed: true}
  warehouse: {type: clickhouse, managed: true, sources: [postgres]}
)";

services::ServiceSpec spec_of(const TestProject& project, services::ServiceKind kind, const std::string& name) {
  services::ServiceSpec spec;
  spec.kind = kind;
  spec.name = name;
  spec.state_folder = project.folder() / ".weir";
  spec.weir_binary = WEIR_BINARY;
  if (kind == services::ServiceKind::Warehouse) spec.settings = {{"sources", {"postgres"}}};
  return spec;
}

}  // namespace

ReplicationProject& ReplicationProject::instance() {
  static ReplicationProject project;
  return project;
}

ReplicationProject::ReplicationProject() {
  project_.write("weir.yml", kProject);
  supervisor_ = services::Supervisor::create({spec_of(project_, services::ServiceKind::Postgres, "publisher"),
                                              spec_of(project_, services::ServiceKind::Postgres, "subscriber"),
                                              spec_of(project_, services::ServiceKind::Warehouse, "warehouse")},
                                             services::Supervisor::Lifetime::WithSupervisor, silent_log());
  const auto started = supervisor_->ensure_all({});
  EXPECT_TRUE(started.ok()) << started.error().explain();
}

ReplicationProject::~ReplicationProject() { supervisor_.reset(); }

std::filesystem::path ReplicationProject::log_of(const std::string& service) const {
  return services::log_file(project_.folder() / ".weir", service);
}

void ReplicationProject::ensure(const std::string& service) {
  const auto address = supervisor_->ensure(service, {});
  EXPECT_TRUE(address.ok()) << address.error().explain();
}

int ReplicationProject::pid_of(const std::string& service) {
  for (const auto& status : supervisor_->status()) {
    if (status.name == service) return status.pid;
  }
  return 0;
}

std::unique_ptr<flow::Database> ReplicationProject::open(const std::string& connection) {
  const auto address = supervisor_->ensure(connection, {});
  EXPECT_TRUE(address.ok()) << address.error().explain();
  const bool is_warehouse = connection == "warehouse";
  Json settings{{"user", address->user},
                {"password", address->password.reveal()},
                {"database", address->database},
                {"connect_timeout", "5s"}};
  if (is_warehouse) {
    settings["unix_socket"] = address->unix_socket;
  } else {
    settings.update({{"host", address->unix_socket}, {"port", address->port}, {"schema", "public"}});
  }
  flow::OpenContext context;
  context.connection = {connection, is_warehouse ? "clickhouse" : "postgres", Settings{settings}};
  return (is_warehouse ? clickhouse_connector() : postgres_connector()).open_database(context).value();
}

void ReplicationProject::execute(const std::string& connection, const std::string& sql) {
  const auto done = open(connection)->execute(sql, {});
  EXPECT_TRUE(done.ok()) << sql << "\n" << done.error().explain();
}

std::string ReplicationProject::rows(const std::string& connection, const std::string& sql) {
  const auto batches = flow::select_all(*open(connection), sql, {});
  if (!batches.ok()) return batches.error().text();
  std::string text;
  for (const auto& batch : *batches) {
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      if (!text.empty()) text += " ";
      for (std::size_t column = 0; column < batch.columns().size(); ++column) {
        if (column != 0) text += "|";
        const auto& values = batch.column(column);
        text += values.is_null(row) ? "null" : data::value_text(values, row);
      }
    }
  }
  return text;
}

void ReplicationProject::write_pipeline(const std::string& name, const std::string& settings) const {
  project_.write("pipelines/" + name + ".yml",
                 fmt::format("name: {}\ntasks:\n  replicate:\n    replicate: {{{}}}\n", name, settings));
}

}  // namespace weir::testing
