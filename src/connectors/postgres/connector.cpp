#include "connectors/postgres/connector.hpp"

#include "connectors/postgres/address.hpp"
#include "connectors/postgres/database.hpp"
#include "connectors/postgres/dbt_output.hpp"
#include "connectors/postgres/dialect.hpp"
#include "connectors/postgres/load_plan.hpp"
#include "connectors/postgres/reading_role.hpp"
#include "connectors/postgres/replication.hpp"
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

Result<postgres::ReplicationSide> replication_side(const flow::OpenContext& context) {
  const auto& settings = context.connection.settings;
  auto address = postgres::address_from(settings).while_doing("connection " + context.connection.name);
  return postgres::ReplicationSide{WEIR_TRY(std::move(address)), schema_of(settings), settings.text("server_log")};
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
                         .default_value = "30s"},
                        postgres::schema_changes_setting()},
      .open_source = [](const flow::OpenContext& context) -> Result<std::unique_ptr<flow::Source>> {
        return postgres::make_source(WEIR_TRY(pool_for(context)), schema_of(context.connection.settings));
      },
      .open_sink = [](const flow::OpenContext& context) -> Result<std::unique_ptr<flow::Sink>> {
        return postgres::make_sink(WEIR_TRY(pool_for(context)), schema_of(context.connection.settings), *context.log);
      },
      .open_database = [](const flow::OpenContext& context) -> Result<std::unique_ptr<flow::Database>> {
        return postgres::make_database(WEIR_TRY(pool_for(context)), schema_of(context.connection.settings),
                                       context.rights);
      },
      .share = [](const flow::OpenContext& context, const flow::ShareRequest& request,
                  std::stop_token stop) -> Result<flow::SharedTables> {
        const auto side = WEIR_TRY(replication_side(context));
        return postgres::share_tables(side.address, side.default_schema, request, std::move(stop));
      },
      .open_replication = [](const flow::ReplicationEnd& source,
                             const flow::OpenContext& target) -> Result<std::unique_ptr<flow::Replication>> {
        if (source.context.connection.type != target.connection.type) {
          return Error::user(Code::Unsupported, "PostgreSQL replicates from PostgreSQL, not from {}",
                             source.context.connection.type)
              .hint("use a copy task");
        }
        return postgres::make_replication(WEIR_TRY(replication_side(source.context)),
                                          WEIR_TRY(replication_side(target)));
      },
      .held_logs = [](const flow::OpenContext& context, std::stop_token stop) -> Result<std::vector<flow::HeldLog>> {
        return postgres::held_logs(WEIR_TRY(replication_side(context)), std::move(stop));
      },
      .dialect = &postgres::postgres_dialect(),
      .default_space = schema_of,
      .dbt_output = postgres::dbt_output,
  };
}

}  // namespace weir
