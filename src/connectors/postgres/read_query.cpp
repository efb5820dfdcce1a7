#include "connectors/postgres/read_query.hpp"

#include <fmt/ranges.h>

#include <algorithm>

#include "connectors/postgres/copy_decoder.hpp"
#include "connectors/postgres/statement.hpp"

namespace weir::postgres {
namespace {

Result<std::vector<ReadColumn>> describe_columns(Connection& connection, std::string_view sql, const ReadRules& rules,
                                                 std::stop_token stop) {
  const auto description = WEIR_TRY(connection.describe(std::string{sql}, stop));
  const auto* result = description.raw();
  const auto count = PQnfields(result);
  if (count == 0) return Error::user(Code::InvalidQuery, "the statement returns no columns");
  std::vector<Oid> oids;
  for (int i = 0; i < count; ++i) oids.push_back(PQftype(result, i));
  TypeCatalog types;
  WEIR_TRY(types.learn(connection, oids, stop));
  std::vector<ReadColumn> columns;
  for (int i = 0; i < count; ++i) {
    columns.push_back(read_column(PQfname(result, i), {PQftype(result, i), PQfmod(result, i)}, types, rules));
  }
  return columns;
}

std::string expression(const ReadColumn& column, const std::string& name) {
  return column.cast.empty() ? name : fmt::format(fmt::runtime(column.cast), name);
}

// The statement's columns c1, c2, … in the wanted order, cast where their binary form has no meaning.
std::string wrapped(std::string_view sql, const std::vector<ReadColumn>& columns,
                    const std::vector<std::size_t>& picked) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < columns.size(); ++i) names.push_back(fmt::format("c{}", i + 1));
  std::vector<std::string> expressions;
  for (const auto i : picked) expressions.push_back(expression(columns[i], names[i]));
  const auto keyword = first_keyword(sql);
  const auto changes_data = keyword == "INSERT" || keyword == "UPDATE" || keyword == "DELETE";
  if (changes_data) {
    return fmt::format("WITH weir_rows ({}) AS (\n{}\n) SELECT {} FROM weir_rows", fmt::join(names, ", "), sql,
                       fmt::join(expressions, ", "));
  }
  return fmt::format("SELECT {} FROM (\n{}\n) AS weir_rows ({})", fmt::join(expressions, ", "), sql,
                     fmt::join(names, ", "));
}

class CopyReader final : public flow::Reader {
 public:
  CopyReader(ConnectionPool::Lease connection, std::vector<ReadColumn> columns, const flow::Limits& limits)
      : connection_(std::move(connection)), decoder_(std::move(columns)), limits_(limits) {}

  Result<void> start(const std::string& statements_before, const std::string& sql, std::stop_token stop) {
    if (!statements_before.empty()) WEIR_TRY(connection_->run(statements_before, stop));
    // The line break ends a comment at the end of the query.
    return connection_->start_copy_out("COPY (" + sql + "\n) TO STDOUT (FORMAT binary)", stop);
  }

  const data::SchemaPtr& schema() const override { return decoder_.schema(); }
  std::uint64_t bytes_read() const override { return bytes_read_; }

  Result<std::optional<flow::Delivery>> next(std::stop_token stop) override {
    while (!ended_ && decoder_.rows() < limits_.batch_rows && decoder_.bytes() < limits_.batch_bytes) {
      const auto piece = WEIR_TRY(connection_->next_piece(stop));
      if (piece.empty()) {
        ended_ = true;
        // Leaves the transaction that `statements_before` opened, so that the session can be used again.
        if (connection_->in_transaction()) WEIR_TRY(connection_->run("COMMIT", stop));
        break;
      }
      bytes_read_ += piece.bytes().size();
      WEIR_TRY(decoder_.append(piece.bytes()));
    }
    if (decoder_.rows() == 0) return std::optional<flow::Delivery>{};
    return std::optional{flow::Delivery{decoder_.finish_batch(), std::nullopt}};
  }

 private:
  ConnectionPool::Lease connection_;
  CopyDecoder decoder_;
  flow::Limits limits_;
  std::uint64_t bytes_read_ = 0;
  bool ended_ = false;
};

}  // namespace

Result<ReadQuery> relation_query(Connection& connection, const CatalogRelation& relation,
                                 const std::vector<std::string>& wanted, const ReadRules& rules, std::stop_token stop) {
  std::vector<const CatalogColumn*> picked;
  for (const auto& name : wanted) {
    const auto found = std::ranges::find(relation.columns, name, &CatalogColumn::name);
    if (found == relation.columns.end()) {
      return Error::user(Code::NotFound, "there is no such column in {}: {}", relation.name.text(), name);
    }
    picked.push_back(&*found);
  }
  if (wanted.empty()) {
    for (const auto& column : relation.columns) picked.push_back(&column);
  }
  if (picked.empty()) return Error::user(Code::Unsupported, "the table has no columns: {}", relation.name.text());
  std::vector<Oid> oids;
  for (const auto* column : picked) oids.push_back(column->type.oid);
  TypeCatalog types;
  WEIR_TRY(types.learn(connection, oids, stop));
  ReadQuery query;
  std::vector<std::string> expressions;
  for (const auto* column : picked) {
    auto read = read_column(column->name, column->type, types, rules);
    // A value that the rules turn into NULL may come from a column that has none.
    const auto may_become_null = rules.on_infinity == OnInfinity::Null || rules.on_nan == OnNan::Null;
    read.nullable = may_become_null ? data::Nullable::Yes : column->nullable;
    expressions.push_back(expression(read, quote_identifier(column->name)));
    query.columns.push_back(std::move(read));
  }
  query.sql = fmt::format("SELECT {} FROM {}", fmt::join(expressions, ", "), quote_relation(relation.name));
  return query;
}

std::string with_condition(const ReadQuery& query, std::string_view condition) {
  return condition.empty() ? query.sql : fmt::format("{} WHERE {}", query.sql, condition);
}

Result<ReadQuery> statement_query(Connection& connection, std::string_view sql, const std::vector<std::string>& wanted,
                                  const ReadRules& rules, std::stop_token stop) {
  sql = trim_statement(sql);
  auto columns = WEIR_TRY(describe_columns(connection, sql, rules, stop));
  std::vector<std::size_t> picked;
  for (const auto& name : wanted) {
    const auto found = std::ranges::find(columns, name, &ReadColumn::name);
    if (found == columns.end()) return Error::user(Code::NotFound, "the query returns no such column: {}", name);
    picked.push_back(static_cast<std::size_t>(found - columns.begin()));
  }
  if (wanted.empty()) {
    for (std::size_t i = 0; i < columns.size(); ++i) picked.push_back(i);
  }
  const auto has_casts = std::ranges::any_of(picked, [&](std::size_t i) { return !columns[i].cast.empty(); });
  ReadQuery query{.sql = has_casts || !wanted.empty() ? wrapped(sql, columns, picked) : std::string{sql},
                  .columns = {}};
  for (const auto i : picked) query.columns.push_back(columns[i]);
  return query;
}

Result<std::unique_ptr<flow::Reader>> open_copy_reader(ConnectionPool::Lease connection,
                                                       const std::string& statements_before, const std::string& sql,
                                                       std::vector<ReadColumn> columns, const flow::Limits& limits,
                                                       std::stop_token stop) {
  auto reader = std::make_unique<CopyReader>(std::move(connection), std::move(columns), limits);
  WEIR_TRY(reader->start(statements_before, sql, stop));
  return std::unique_ptr<flow::Reader>{std::move(reader)};
}

}  // namespace weir::postgres
