#include "connectors/postgres/connector.hpp"

#include "connectors/postgres/address.hpp"
#include "connectors/postgres/database.hpp"
#include "connectors/postgres/dbt_output.hpp"
#include "connectors/postgres/dialect.hpp"
#include "connectors/postgres/sink.hpp"
#include "connectors/postgres/source.hpp"
#include "connectors/postgres/types.hpp"

namespace weir {
namespace {

using postgres::ConnectionPool;

std::string schema_of(const Settings& settings) {
  auto schema = settings.text("schema");
  return schema.empty() ? "public" : schema;
}

Result<std::shared_ptr<ConnectionPool>> pool_for(const flow::OpenContext& context) {
  auto address =
      postgres::address_from(context.connection.settings).while_doing("connection " + context.connection.name);
  return std::make_shared<ConnectionPool>(WEIR_TRY(std::move(address)));
}

}  // namespace

flow::Connector postgres_connector() {
  return {
      .name = "postgres",
      .summary = "PostgreSQL 12 and newer: reads and writes with COPY BINARY, runs SQL models and checks",
      .settings = postgres::connection_settings(),
      .read_options = postgres::read_rule_settings(),
      .write_options = {{.name = "lock_wait",
                         .type = SettingType::Duration,
                         .doc = "How long a commit waits for locks that others hold on the table",
                         .default_value = "30s"}},
      .open_source = [](const flow::OpenContext& context) -> Result<std::unique_ptr<flow::Source>> {
        return postgres::make_source(WEIR_TRY(pool_for(context)), schema_of(context.connection.settings));
      },
      .open_sink = [](const flow::OpenContext& context) -> Result<std::unique_ptr<flow::Sink>> {
        return postgres::make_sink(WEIR_TRY(pool_for(context)), schema_of(context.connection.settings), *context.log);
      },
      .open_database = [](const flow::OpenContext& context) -> Result<std::unique_ptr<flow::Database>> {
        return postgres::make_database(WEIR_TRY(pool_for(context)), schema_of(context.connection.settings));
      },
      .dialect = &postgres::postgres_dialect(),
      .default_space = schema_of,
      .dbt_output = postgres::dbt_output,
  };
}

}  // namespace weir
