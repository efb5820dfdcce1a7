#include "connectors/postgres/database.hpp"

#include <array>

#include "connectors/postgres/catalog.hpp"
#include "connectors/postgres/dialect.hpp"
#include "connectors/postgres/read_query.hpp"
#include "connectors/postgres/statement.hpp"

namespace weir::postgres {
namespace {

// The statements that COPY (…) takes.
bool copy_takes(std::string_view sql) {
  constexpr std::array<std::string_view, 8> kKeywords{"SELECT", "WITH",   "VALUES", "TABLE",
                                                      "(",      "INSERT", "UPDATE", "DELETE"};
  return std::ranges::find(kKeywords, first_keyword(sql)) != kKeywords.end();
}

// The rows of a small result that is already here, all columns as text: EXPLAIN, SHOW and the like.
class TextReader final : public flow::Reader {
 public:
  explicit TextReader(Rows rows) : rows_(std::move(rows)) {
    data::Schema schema;
    for (int i = 0; i < rows_.columns(); ++i) {
      schema.fields.push_back({PQfname(rows_.raw(), i), data::type_of(data::Kind::String), data::Nullable::Yes});
    }
    schema_ = std::make_shared<const data::Schema>(std::move(schema));
  }

  const data::SchemaPtr& schema() const override { return schema_; }
  std::uint64_t bytes_read() const override { return bytes_; }

  Result<std::optional<flow::Delivery>> next(std::stop_token) override {
    if (ended_ || rows_.rows() == 0) return std::optional<flow::Delivery>{};
    ended_ = true;
    std::vector<data::Column> columns;
    for (int column = 0; column < rows_.columns(); ++column) {
      data::ColumnBuilder builder{data::type_of(data::Kind::String)};
      for (int row = 0; row < rows_.rows(); ++row) {
        rows_.is_null(row, column) ? builder.append_null() : builder.append_text(rows_.text(row, column));
      }
      bytes_ += builder.memory_bytes();
      columns.push_back(builder.finish());
    }
    return std::optional{
        flow::Delivery{data::Batch{schema_, std::move(columns), static_cast<std::size_t>(rows_.rows())}, std::nullopt}};
  }

 private:
  Rows rows_;
  data::SchemaPtr schema_;
  std::uint64_t bytes_ = 0;
  bool ended_ = false;
};

class PostgresDatabase final : public flow::Database {
 public:
  PostgresDatabase(std::shared_ptr<ConnectionPool> pool, std::string default_schema, flow::Rights rights)
      : pool_(std::move(pool)), default_schema_(std::move(default_schema)), rights_(rights) {}

  const flow::Dialect& dialect() const override { return postgres_dialect(); }
  const std::string& default_space() const override { return default_schema_; }

  Result<std::uint64_t> execute(std::string_view sql, std::stop_token stop) override {
    auto connection = WEIR_TRY(session(stop));
    if (rights_ == flow::Rights::Read) return WEIR_TRY(connection.query(std::string{sql}, {}, stop)).affected();
    return WEIR_TRY(connection.run(std::string{sql}, stop)).affected;
  }

  Result<std::uint64_t> execute(const flow::Script& script, std::stop_token stop) override {
    if (rights_ == flow::Rights::Read) {
      return Error::user(Code::AccessDenied, "a script changes something, and this connection may only read");
    }
    auto connection = WEIR_TRY(session(stop));
    auto affected = run_atomically(connection, script, stop);
    for (const auto& statement : script.cleanup) {
      if (!connection.usable()) break;
      // A cleanup that fails leaves what the next run of the same script removes.
      static_cast<void>(connection.run(statement, stop));
    }
    return affected;
  }

  Result<std::unique_ptr<flow::Reader>> select(std::string_view sql, const flow::Limits& limits,
                                               std::stop_token stop) override {
    if (!copy_takes(sql)) {
      auto connection = WEIR_TRY(session(stop));
      if (rights_ == flow::Rights::Read) return text_reader(WEIR_TRY(connection.query(std::string{sql}, {}, stop)));
      auto outcome = WEIR_TRY(connection.run(std::string{sql}, stop));
      if (!outcome.rows || outcome.rows->columns() == 0) return no_rows();
      return std::unique_ptr<flow::Reader>{std::make_unique<TextReader>(std::move(*outcome.rows))};
    }
    auto connection = WEIR_TRY(pool_->take(stop));
    WEIR_TRY(prepare(*connection, stop));
    auto query = WEIR_TRY(statement_query(*connection, sql, {}, {}, stop));
    return open_copy_reader(std::move(connection), "", query.sql, std::move(query.columns), limits, stop);
  }

  Result<std::optional<flow::RelationInfo>> describe(const flow::Relation& relation, std::stop_token stop) override {
    auto connection = WEIR_TRY(pool_->take(stop));
    const auto found = WEIR_TRY(
        find_relation(*connection, {relation.space.empty() ? default_schema_ : relation.space, relation.name}, stop));
    if (!found) return std::optional<flow::RelationInfo>{};
    flow::RelationInfo info{.kind = found->relation_kind(), .schema = {}, .native_types = {}, .key = found->key};
    if (!found->columns.empty()) {
      const auto query = WEIR_TRY(relation_query(*connection, *found, {}, {}, stop));
      for (const auto& column : query.columns)
        info.schema.fields.push_back({column.name, column.type, column.nullable});
    }
    for (const auto& column : found->columns) info.native_types.push_back(column.native_type);
    return std::optional{std::move(info)};
  }

 private:
  static Error no_rows() { return Error::user(Code::InvalidQuery, "the statement returns no rows"); }

  static Result<std::unique_ptr<flow::Reader>> text_reader(Rows rows) {
    if (rows.columns() == 0) return no_rows();
    return std::unique_ptr<flow::Reader>{std::make_unique<TextReader>(std::move(rows))};
  }

  // Statements of users may change their session, so each gets one of its own.
  Result<Connection> session(std::stop_token stop) {
    auto connection = WEIR_TRY(pool_->connect(stop));
    WEIR_TRY(prepare(connection, stop));
    return connection;
  }

  Result<void> prepare(Connection& connection, std::stop_token stop) {
    WEIR_TRY(enter_schema(connection, stop));
    if (rights_ == flow::Rights::All) return {};
    // A connection that is not idle at its end never goes back to the pool: closing it rolls the transaction back.
    WEIR_TRY(connection.run("BEGIN TRANSACTION READ ONLY", stop));
    constexpr int kHasReadingRole = 140'000;
    if (connection.server_version() < kHasReadingRole) return {};
    const auto is_superuser = WEIR_TRY(connection.query("SELECT current_setting('is_superuser') = 'on'", {}, stop));
    if (is_superuser.flag(0, 0)) WEIR_TRY(connection.run("SET LOCAL ROLE pg_read_all_data", stop));
    return {};
  }

  // Names without a schema mean the connection's.
  Result<void> enter_schema(Connection& connection, std::stop_token stop) {
    const auto path =
        default_schema_ == "public" ? std::string{"public"} : quote_identifier(default_schema_) + ", public";
    WEIR_TRY(connection.run("SET search_path = " + path, stop));
    return {};
  }

  static Result<std::uint64_t> run_atomically(Connection& connection, const flow::Script& script,
                                              std::stop_token stop) {
    WEIR_TRY(connection.run("BEGIN", stop));
    std::uint64_t affected = 0;
    for (const auto& statement : script.statements) {
      auto outcome = connection.run(statement, stop);
      if (!outcome) {
        if (connection.usable()) static_cast<void>(connection.run("ROLLBACK", stop));
        return std::move(outcome).error();
      }
      affected += outcome->affected;
    }
    WEIR_TRY(connection.run("COMMIT", stop));
    return affected;
  }

  const std::shared_ptr<ConnectionPool> pool_;
  const std::string default_schema_;
  const flow::Rights rights_;
};

}  // namespace

std::unique_ptr<flow::Database> make_database(std::shared_ptr<ConnectionPool> pool, std::string default_schema,
                                              flow::Rights rights) {
  return std::make_unique<PostgresDatabase>(std::move(pool), std::move(default_schema), rights);
}

}  // namespace weir::postgres
