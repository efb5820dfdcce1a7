#include "connectors/clickhouse/database.hpp"

#include "connectors/clickhouse/catalog.hpp"
#include "connectors/clickhouse/dialect.hpp"
#include "connectors/clickhouse/reader.hpp"

namespace weir::clickhouse {
namespace {

flow::RelationKind kind_of(const CatalogTable& table) {
  if (table.engine == "MaterializedView") return flow::RelationKind::MaterializedView;
  return table.engine.ends_with("View") ? flow::RelationKind::View : flow::RelationKind::Table;
}

class ClickhouseDatabase final : public flow::Database {
 public:
  ClickhouseDatabase(std::shared_ptr<ClientPool> pool, std::string cluster)
      : pool_(std::move(pool)), dialect_(make_dialect(std::move(cluster))) {}

  const flow::Dialect& dialect() const override { return *dialect_; }
  const std::string& default_space() const override { return pool_->options().database; }

  Result<std::uint64_t> execute(std::string_view sql, std::stop_token stop) override {
    return pool_->take()->execute({.sql = std::string{sql}}, stop);
  }

  Result<std::uint64_t> execute(const flow::Script& script, std::stop_token stop) override {
    auto outcome = run(script.statements, stop);
    // A stop ends the work, not the tidying up after it.
    for (const auto& statement : script.cleanup) (void)execute(statement, std::stop_token{});
    return outcome;
  }

  Result<std::unique_ptr<flow::Reader>> select(std::string_view sql, const flow::Limits& limits,
                                               std::stop_token stop) override {
    return open_reader(pool_, std::string{sql}, limits, stop);
  }

  Result<std::optional<flow::RelationInfo>> describe(const flow::Relation& relation, std::stop_token stop) override {
    const auto table = WEIR_TRY(find_table(*pool_, relation, stop));
    if (!table) return std::nullopt;
    const auto server = WEIR_TRY(pool_->server(stop));
    flow::RelationInfo info;
    info.kind = kind_of(*table);
    info.schema = schema_of(WEIR_TRY(read_columns(table->columns, server.zone)));
    for (const auto& column : table->columns) {
      if (column.is_ordinary()) info.native_types.push_back(column.type);
    }
    info.key = plain_names(table->primary_key);
    return info;
  }

 private:
  Result<std::uint64_t> run(const std::vector<std::string>& statements, const std::stop_token& stop) {
    std::uint64_t rows = 0;
    for (const auto& statement : statements) rows += WEIR_TRY(execute(statement, stop));
    return rows;
  }

  std::shared_ptr<ClientPool> pool_;
  std::unique_ptr<flow::Dialect> dialect_;
};

}  // namespace

std::unique_ptr<flow::Database> make_database(std::shared_ptr<ClientPool> pool, std::string cluster) {
  return std::make_unique<ClickhouseDatabase>(std::move(pool), std::move(cluster));
}

}  // namespace weir::clickhouse
