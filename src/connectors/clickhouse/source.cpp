#include "connectors/clickhouse/source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "connectors/clickhouse/catalog.hpp"
#include "connectors/clickhouse/reader.hpp"
#include "connectors/clickhouse/staging.hpp"

namespace weir::clickhouse {
namespace {

// Fewer rows are read by one reader in less time than it takes to ask where to cut.
constexpr std::uint64_t kPartitionRowsMin = 500'000;
constexpr int kFirstVersionWithRowCounts = 20'001;

std::uint64_t number(const std::optional<std::string>& text) {
  std::uint64_t value = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

bool is_range_type(std::string_view type) {
  constexpr std::array<std::string_view, 9> kNames{"Int8",   "Int16",  "Int32",  "Int64", "UInt8",
                                                   "UInt16", "UInt32", "UInt64", "Date"};
  return std::find(kNames.begin(), kNames.end(), type) != kNames.end();
}

std::string joined(const std::vector<std::string>& texts, std::string_view separator) {
  return fmt::format("{}", fmt::join(texts, separator));
}

// Neighbouring ranges that the sorted bounds cut the whole line into.
std::vector<flow::Partition> ranges(std::string_view column, const std::vector<std::string>& bounds) {
  std::vector<flow::Partition> partitions;
  for (std::size_t i = 0; i <= bounds.size(); ++i) {
    std::vector<std::string> conditions;
    if (i != 0) conditions.push_back(fmt::format("{} >= {}", column, bounds[i - 1]));
    if (i != bounds.size()) conditions.push_back(fmt::format("{} < {}", column, bounds[i]));
    partitions.push_back({joined(conditions, " AND ")});
  }
  return partitions;
}

class ClickhouseSource final : public flow::Source {
 public:
  explicit ClickhouseSource(std::shared_ptr<ClientPool> pool) : pool_(std::move(pool)) {}

  Result<std::vector<flow::Stream>> discover(std::stop_token stop) override {
    const auto server = WEIR_TRY(pool_->server(stop));
    const auto database = quote_text(pool_->options().database);
    const auto rows = WEIR_TRY(pool_->take()->rows(
        {.sql = fmt::format("SELECT name, {} FROM system.tables WHERE database = {} AND NOT startsWith(name, '.') "
                            "ORDER BY name",
                            server.version >= kFirstVersionWithRowCounts ? "toString(total_rows)" : "NULL", database)},
        stop));
    const auto columns = WEIR_TRY(pool_->take()->rows(
        {.sql =
             fmt::format("SELECT table, name, type, default_kind FROM system.columns WHERE database = {}", database)},
        stop));
    std::map<std::string, std::vector<CatalogColumn>> by_table;
    for (const auto& row : columns) {
      by_table[row[0].value_or("")].push_back({row[1].value_or(""), row[2].value_or(""), row[3].value_or("")});
    }
    std::vector<flow::Stream> streams;
    for (const auto& row : rows) {
      auto name = row[0].value_or("");
      if (is_internal_table(name)) continue;
      // A table that cannot be read as it stands is still there.
      auto read = read_columns(by_table[name], server.zone);
      flow::Stream stream{.name = std::move(name),
                          .schema = read.ok() ? schema_of(*read) : data::Schema{},
                          .key = {},
                          .rows_estimate = {}};
      if (row[1]) stream.rows_estimate = number(row[1]);
      streams.push_back(std::move(stream));
    }
    return streams;
  }

  Result<flow::Stream> describe(const flow::ReadRequest& request, std::stop_token stop) override {
    const auto server = WEIR_TRY(pool_->server(stop));
    const auto read = WEIR_TRY(read_columns(WEIR_TRY(columns(request, stop)), server.zone));
    // No key: ClickHouse's primary key is an order, several rows may have the same.
    return flow::Stream{.name = request.stream, .schema = schema_of(read), .key = {}, .rows_estimate = {}};
  }

  Result<std::vector<flow::Partition>> partitions(const flow::ReadRequest& request, int wanted,
                                                  std::stop_token stop) override {
    const std::vector<flow::Partition> whole{flow::Partition{}};
    if (wanted <= 1 || !request.query.empty()) return whole;
    const auto relation = in_database(flow::parse_relation(request.stream), pool_->options());
    const auto table = WEIR_TRY(find_table(*pool_, relation, stop));
    if (!table) return not_found(request);
    if (!table->is_merge_tree()) return whole;
    const auto parts = WEIR_TRY(pool_->take()->rows(
        {.sql = fmt::format("SELECT partition_id, sum(rows) AS n FROM system.parts WHERE active AND database = {} AND "
                            "table = {} GROUP BY partition_id ORDER BY n DESC, partition_id",
                            quote_text(relation.space), quote_text(relation.name))},
        stop));
    std::uint64_t rows = 0;
    for (const auto& part : parts) rows += number(part[1]);
    const auto useful =
        static_cast<int>(std::min<std::uint64_t>(rows / kPartitionRowsMin, static_cast<std::uint64_t>(wanted)));
    if (useful <= 1) return whole;
    auto by_key = WEIR_TRY(key_ranges(relation, *table, useful, stop));
    return by_key.empty() ? whole : by_key;
  }

  Result<std::unique_ptr<flow::Reader>> open(const flow::ReadRequest& request, const flow::Partition& partition,
                                             const std::optional<flow::Checkpoint>& from,
                                             std::stop_token stop) override {
    if (from) {
      return Error::user(Code::InvalidArgument, "a checkpoint that ClickHouse did not write: {}", from->text);
    }
    if (!request.query.empty() && request.columns.empty()) {
      return open_reader(pool_, request.query, request.limits, stop);
    }
    const auto server = WEIR_TRY(pool_->server(stop));
    auto described = WEIR_TRY(columns(request, stop));
    const auto read = WEIR_TRY(read_columns(described, server.zone));
    std::erase_if(described, [](const CatalogColumn& column) { return !column.is_ordinary(); });
    auto sql = fmt::format("SELECT {} FROM {}", select_list(read), from_clause(request));
    if (!partition.text.empty()) sql += " WHERE " + partition.text;
    return open_reader(pool_, std::move(sql), std::move(described), request.limits, stop);
  }

 private:
  static Error not_found(const flow::ReadRequest& request) {
    return Error::user(Code::NotFound, "no such table in ClickHouse: {}", request.stream);
  }

  std::string from_clause(const flow::ReadRequest& request) const {
    if (!request.query.empty()) return fmt::format("(\n{}\n)", trim_statement(request.query));
    auto clause = quote_relation(flow::parse_relation(request.stream), pool_->options());
    if (request.options.has("final") && request.options.flag("final")) clause += " FINAL";
    return clause;
  }

  // All columns of the request's table or query, or those that it names, in its order.
  Result<std::vector<CatalogColumn>> columns(const flow::ReadRequest& request, std::stop_token stop) {
    std::vector<CatalogColumn> all;
    if (request.query.empty()) {
      auto table = WEIR_TRY(find_table(*pool_, flow::parse_relation(request.stream), stop));
      if (!table) return not_found(request);
      all = std::move(table->columns);
    } else {
      all = WEIR_TRY(describe_query(*pool_, request.query, stop));
    }
    if (request.columns.empty()) return all;
    std::vector<CatalogColumn> chosen;
    for (const auto& name : request.columns) {
      const auto found =
          std::find_if(all.begin(), all.end(), [&](const CatalogColumn& column) { return column.name == name; });
      if (found == all.end()) return Error::user(Code::NotFound, "no column {} in {}", name, request.stream);
      chosen.push_back(*found);
      chosen.back().default_kind.clear();  // a MATERIALIZED or ALIAS column that is named is read
    }
    return chosen;
  }

  Result<std::vector<flow::Partition>> key_ranges(const flow::Relation& relation, const CatalogTable& table, int count,
                                                  std::stop_token stop) {
    const auto names = plain_names(table.sorting_key);
    if (names.empty()) return std::vector<flow::Partition>{};
    const auto column = std::find_if(table.columns.begin(), table.columns.end(),
                                     [&](const CatalogColumn& candidate) { return candidate.name == names[0]; });
    if (column == table.columns.end() || !is_range_type(column->type)) return std::vector<flow::Partition>{};
    std::vector<std::string> levels;
    for (int i = 1; i < count; ++i) levels.push_back(fmt::format("{}", static_cast<double>(i) / count));
    const auto cuts = WEIR_TRY(pool_->take()->rows(
        {.sql = fmt::format("SELECT toString(arrayJoin(arraySort(arrayDistinct(arrayMap(x -> CAST(x AS {}), "
                            "quantiles({})({})))))) FROM {}",
                            column->type, joined(levels, ", "), quote_name(column->name),
                            quote_relation(relation, pool_->options()))},
        stop));
    std::vector<std::string> bounds;
    for (const auto& cut : cuts)
      bounds.push_back(fmt::format("CAST({} AS {})", quote_text(cut[0].value_or("")), column->type));
    return ranges(quote_name(column->name), bounds);
  }

  std::shared_ptr<ClientPool> pool_;
};

}  // namespace

std::unique_ptr<flow::Source> make_source(std::shared_ptr<ClientPool> pool) {
  return std::make_unique<ClickhouseSource>(std::move(pool));
}

}  // namespace weir::clickhouse
