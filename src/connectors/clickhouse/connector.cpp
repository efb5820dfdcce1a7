#include "connectors/clickhouse/connector.hpp"

#include "connectors/clickhouse/client_options.hpp"
#include "connectors/clickhouse/database.hpp"
#include "connectors/clickhouse/dbt_output.hpp"
#include "connectors/clickhouse/dialect.hpp"
#include "connectors/clickhouse/mirror.hpp"
#include "connectors/clickhouse/schema_change.hpp"
#include "connectors/clickhouse/sink.hpp"
#include "connectors/clickhouse/source.hpp"

namespace weir {
namespace {

using clickhouse::ClientPool;

std::vector<Setting> connection_settings() {
  return {
      {.name = "url",
       .doc = "Address of the HTTP interface: http://host:8123 or https://host:8443",
       .default_value = "http://127.0.0.1:8123",
       .secrecy = Secrecy::Secret},
      {.name = "unix_socket", .doc = "Path of a unix socket to connect to instead of the url's host"},
      {.name = "user", .doc = "User to sign in as", .default_value = "default"},
      {.name = "password", .doc = "The user's password", .secrecy = Secrecy::Secret},
      {.name = "database", .doc = "Database of tables that are named without one", .default_value = "default"},
      {.name = "cluster", .doc = "Cluster on whose every node tables are made (ON CLUSTER), with replicated engines"},
      {.name = "ca_file", .doc = "File with the certificate authorities to trust instead of the system's"},
      {.name = "compression",
       .type = SettingType::Choice,
       .doc = "Compression of rows on the network",
       .default_value = "none",
       .choices = {"none", "lz4"}},
      {.name = "connect_timeout",
       .type = SettingType::Duration,
       .doc = "How long to wait for a connection",
       .default_value = "10s"},
      {.name = "silence_timeout",
       .type = SettingType::Duration,
       .doc = "How long the server may send nothing while it works on a query; 0s is without end",
       .default_value = "0s"},
      {.name = "sources",
       .type = SettingType::List,
       .doc = "Managed: kinds of servers that the warehouse's own engines may reach, such as postgres; none without it",
       .fields = {{.name = "source"}},
       .shorthand = Setting::Shorthand::Allowed},
      {.name = "settings",
       .type = SettingType::Map,
       .doc = "ClickHouse settings that go with every query",
       .fields = {{.name = "value", .type = SettingType::Any}}},
  };
}

std::vector<Setting> read_options() {
  return {{.name = "final",
           .type = SettingType::Flag,
           .doc = "Reads a Replacing- or CollapsingMergeTree as if all its parts were merged",
           .default_value = false}};
}

Setting expressions(std::string name, std::string doc) {
  return {.name = std::move(name),
          .type = SettingType::List,
          .doc = std::move(doc),
          .fields = {{.name = "expression"}},
          .shorthand = Setting::Shorthand::Allowed};
}

std::vector<Setting> write_options() {
  return {
      {.name = "engine", .doc = "Table engine with its parameters; MergeTree when it is left out"},
      expressions("order_by", "Sorting key; the copy's key when it is left out"),
      expressions("primary_key", "Primary key, a prefix of the sorting key"),
      expressions("partition_by", "Partition key: toYYYYMM(sale_date)"),
      {.name = "ttl", .doc = "When rows expire: sale_date + INTERVAL 1 YEAR"},
      {.name = "settings",
       .type = SettingType::Map,
       .doc = "Settings of the table",
       .fields = {{.name = "value", .type = SettingType::Any}}},
      clickhouse::schema_changes_setting(),
  };
}

}  // namespace

std::shared_ptr<ClientPool> clickhouse::make_pool(const flow::OpenContext& context) {
  auto options = client_options(context.connection.settings);
  // The server then refuses writes, DDL and changes of settings (https://clickhouse.com/docs/operations/settings/permissions-for-queries).
  if (context.rights == flow::Rights::Read) options.settings.emplace_back("readonly", "1");
  return std::make_shared<ClientPool>(std::move(options));
}

flow::Connector clickhouse_connector() {
  flow::Connector connector;
  connector.name = "clickhouse";
  connector.summary = "ClickHouse over HTTP: the embedded warehouse, a server or a cluster";
  connector.settings = connection_settings();
  connector.read_options = read_options();
  connector.write_options = write_options();
  connector.open_source = [](const flow::OpenContext& context) -> Result<std::unique_ptr<flow::Source>> {
    return clickhouse::make_source(clickhouse::make_pool(context));
  };
  connector.open_sink = [](const flow::OpenContext& context) -> Result<std::unique_ptr<flow::Sink>> {
    return clickhouse::make_sink(clickhouse::make_pool(context), context.connection.settings.text("cluster"),
                                 *context.log);
  };
  connector.open_database = [](const flow::OpenContext& context) -> Result<std::unique_ptr<flow::Database>> {
    return clickhouse::make_database(clickhouse::make_pool(context), context.connection.settings.text("cluster"));
  };
  connector.open_replication = [](const flow::ReplicationEnd& source,
                                  const flow::OpenContext& target) -> Result<std::unique_ptr<flow::Replication>> {
    if (!source.connector->share) {
      return Error::user(Code::Unsupported,
                         "connection {} is of type {}, whose tables ClickHouse cannot read by itself",
                         source.context.connection.name, source.connector->name)
          .hint("use a copy task");
    }
    return clickhouse::make_mirror(source, clickhouse::make_pool(target), target.connection.settings.text("cluster"));
  };
  // A cluster only changes what is executed, not how a model's SELECT is written.
  static const auto kDialect = clickhouse::make_dialect("");
  connector.dialect = kDialect.get();
  connector.default_space = [](const Settings& settings) {
    const auto database = settings.text("database");
    return database.empty() ? std::string{"default"} : database;
  };
  connector.dbt_output = clickhouse::dbt_output;
  return connector;
}

}  // namespace weir
