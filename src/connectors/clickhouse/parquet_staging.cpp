#include "connectors/clickhouse/parquet_staging.hpp"

#include <fmt/format.h>

#include "connectors/clickhouse/catalog.hpp"
#include "data/cast.hpp"

namespace weir::clickhouse {
namespace {

// Not a name that a user's table has: what stands beside it is dropped without asking what it was for.
constexpr std::string_view kTable = "_weir_parquet";

std::string drop_statement(std::string_view quoted) { return fmt::format("DROP TABLE IF EXISTS {} SYNC", quoted); }

}  // namespace

Pairs parquet_insert_settings() {
  return {{"insert_deduplicate", "0"},
          {"async_insert", "0"},
          {"max_insert_threads", "1"},
          {"input_format_null_as_default", "0"},
          {"input_format_parquet_preserve_order", "1"}};
}

Result<std::unique_ptr<ParquetStaging>> ParquetStaging::create(const std::shared_ptr<ClientPool>& pool,
                                                               const std::string& columns, Log& log,
                                                               std::stop_token stop) {
  const auto base = in_database({"", std::string{kTable}}, pool->options());
  for (const auto& leftover : WEIR_TRY(find_leftovers(*pool, base, stop))) {
    WEIR_TRY(pool->take()->execute({.sql = drop_statement(quote_relation(leftover, pool->options()))}, stop));
    log.info("removed what a killed process left behind: {}", leftover.text());
  }
  const auto table = quote_relation(beside(base, kStagingMark, make_owner()), pool->options());
  // Held before the table is made, so that it is dropped also when the answer is lost.
  std::unique_ptr<ParquetStaging> staging{new ParquetStaging(pool, table)};
  WEIR_TRY(pool->take()->execute(
      {.sql =
           fmt::format("CREATE TABLE {} ({}, {} UInt64 DEFAULT rowNumberInAllBlocks()) ENGINE = MergeTree ORDER BY {}",
                       table, columns, quote_name(kRowColumn), quote_name(kRowColumn))},
      stop));
  return staging;
}

ParquetStaging::~ParquetStaging() {
  // What cannot be dropped now is removed later, as after a kill.
  (void)pool_->take()->execute({.sql = drop_statement(quoted_)}, std::stop_token{});
}

Result<data::Column> with_meaning(const data::Column& column, const data::Type& type) {
  const auto& from = column.type();
  if (from == type) return column;
  if (from.kind == data::Kind::List || from.kind == data::Kind::Struct) {
    std::vector<data::Column> children;
    for (std::size_t i = 0; i < column.children().size(); ++i) {
      children.push_back(WEIR_TRY(with_meaning(column.children()[i], (*type.children)[i].type)));
    }
    return data::Column{type,
                        column.rows(),
                        column.nulls(),
                        column.validity_buffer(),
                        column.values_buffer(),
                        column.bytes_buffer(),
                        std::move(children)};
  }
  if (data::value_width(from) < data::value_width(type)) {
    return with_meaning(WEIR_TRY(data::cast(column, data::type_of(data::Kind::Int64))), type);
  }
  WEIR_CHECK(data::is_text_like(from.kind) == data::is_text_like(type.kind) &&
             data::value_width(from) == data::value_width(type));
  return data::Column{
      type, column.rows(), column.nulls(), column.validity_buffer(), column.values_buffer(), column.bytes_buffer()};
}

}  // namespace weir::clickhouse
