#include "connectors/postgres/source.hpp"

#include <algorithm>
#include <deque>
#include <mutex>
#include <optional>

#include "base/json.hpp"
#include "connectors/postgres/catalog.hpp"
#include "connectors/postgres/read_query.hpp"
#include "connectors/postgres/server_error.hpp"
#include "connectors/postgres/statement.hpp"

namespace weir::postgres {
namespace {

constexpr int kPartitionVersion = 1;
constexpr int kTidRangeScans = 140000;    // older servers would read the whole table for every range
constexpr std::size_t kSnapshotsMax = 8;  // of a source that is asked for partitions again and again
constexpr std::int64_t kBlocksMin = 256;  // 2 MiB: below it another connection costs more than it brings

// What a Partition's text says: blocks first..end of the table in a snapshot; no end is the table's end.
struct BlockRange {
  std::string snapshot;
  std::int64_t first = 0;
  std::optional<std::int64_t> end;

  std::string text() const {
    Json json{{"version", kPartitionVersion}, {"snapshot", snapshot}, {"first", first}};
    if (end) json["end"] = *end;
    return to_text(json);
  }

  std::string condition() const {
    std::string condition;
    if (first > 0) condition = fmt::format("ctid >= '({},0)'", first);
    if (end) condition += fmt::format("{}ctid < '({},0)'", condition.empty() ? "" : " AND ", *end);
    return condition;
  }
};

Result<BlockRange> parse_block_range(const std::string& text) {
  const auto foreign = [] { return Error::bug("a partition that the PostgreSQL connector did not make"); };
  const auto json = parse_json(text);
  if (!json || !json->is_object() || json->value("version", 0) != kPartitionVersion) return foreign();
  const auto& fields = *json;
  BlockRange range;
  if (!fields.contains("snapshot") || !fields["snapshot"].is_string() || !fields.contains("first") ||
      !fields["first"].is_number_integer()) {
    return foreign();
  }
  range.snapshot = fields["snapshot"].get<std::string>();
  range.first = fields["first"].get<std::int64_t>();
  if (fields.contains("end") && fields["end"].is_number_integer()) range.end = fields["end"].get<std::int64_t>();
  return range;
}

class PostgresSource final : public flow::Source {
 public:
  PostgresSource(std::shared_ptr<ConnectionPool> pool, std::string default_schema)
      : pool_(std::move(pool)), default_schema_(std::move(default_schema)) {}

  Result<std::vector<flow::Stream>> discover(std::stop_token stop) override {
    auto connection = WEIR_TRY(pool_->take(stop));
    std::vector<flow::Stream> streams;
    for (const auto& relation : WEIR_TRY(list_relations(*connection, stop))) {
      if (relation.columns.empty()) continue;
      const auto query = WEIR_TRY(relation_query(*connection, relation, {}, {}, stop));
      streams.push_back(stream_of(relation, query));
    }
    return streams;
  }

  Result<flow::Stream> describe(const flow::ReadRequest& request, std::stop_token stop) override {
    auto connection = WEIR_TRY(pool_->take(stop));
    const auto rules = WEIR_TRY(ReadRules::from(request.options));
    if (!request.query.empty()) {
      const auto query = WEIR_TRY(statement_query(*connection, request.query, request.columns, rules, stop));
      return flow::Stream{.name = "", .schema = schema_of(query), .key = {}, .rows_estimate = std::nullopt};
    }
    const auto relation = WEIR_TRY(require_relation(*connection, request.stream, stop));
    const auto query = WEIR_TRY(relation_query(*connection, relation, request.columns, rules, stop));
    return stream_of(relation, query);
  }

  Result<std::vector<flow::Partition>> partitions(const flow::ReadRequest& request, int wanted,
                                                  std::stop_token stop) override {
    auto holder = WEIR_TRY(pool_->connect(stop));
    WEIR_TRY(holder.run("SET idle_in_transaction_session_timeout = 0; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
                        stop));
    const auto snapshot = WEIR_TRY(holder.query("SELECT pg_export_snapshot()", {}, stop)).text(0, 0);
    auto partitions = WEIR_TRY(partitions_in(holder, snapshot, request, wanted, stop));
    keep(std::move(holder));
    return partitions;
  }
  Result<std::unique_ptr<flow::Reader>> open(const flow::ReadRequest& request, const flow::Partition& partition,
                                             const std::optional<flow::Checkpoint>& from,
                                             std::stop_token stop) override {
    if (from)
      return Error::user(Code::InvalidArgument,
                         "a PostgreSQL table is read as a whole: it does not resume at a checkpoint");
    const auto range = WEIR_TRY(parse_block_range(partition.text));
    const auto rules = WEIR_TRY(ReadRules::from(request.options));
    auto connection = WEIR_TRY(pool_->take(stop));
    WEIR_TRY(enter_snapshot(*connection, range, stop));
    if (!request.query.empty()) {
      auto query = WEIR_TRY(statement_query(*connection, request.query, request.columns, rules, stop));
      return open_copy_reader(std::move(connection), "", query.sql, std::move(query.columns), request.limits, stop);
    }
    const auto relation = WEIR_TRY(require_relation(*connection, request.stream, stop));
    auto query = WEIR_TRY(relation_query(*connection, relation, request.columns, rules, stop));
    const auto sql = with_condition(query, range.condition());
    auto reader = open_copy_reader(std::move(connection), "", sql, std::move(query.columns), request.limits, stop);
    return std::move(reader).while_doing("reading " + relation.name.text());
  }

 private:
  static data::Schema schema_of(const ReadQuery& query) {
    data::Schema schema;
    for (const auto& column : query.columns) schema.fields.push_back({column.name, column.type, column.nullable});
    return schema;
  }

  flow::Stream stream_of(const CatalogRelation& relation, const ReadQuery& query) const {
    flow::Stream stream{.name = relation.name.space == default_schema_ ? relation.name.name : relation.name.text(),
                        .schema = schema_of(query),
                        .key = relation.key,
                        .rows_estimate = std::nullopt};
    if (relation.rows_estimate >= 0) stream.rows_estimate = static_cast<std::uint64_t>(relation.rows_estimate);
    return stream;
  }

  Result<CatalogRelation> require_relation(Connection& connection, const std::string& name,
                                           std::stop_token stop) const {
    const auto wanted = relation_from(name, default_schema_);
    auto relation = WEIR_TRY(find_relation(connection, wanted, stop));
    if (!relation) return no_such_relation(wanted);
    return std::move(*relation);
  }

  Result<std::vector<flow::Partition>> partitions_in(Connection& holder, const std::string& snapshot,
                                                     const flow::ReadRequest& request, int wanted,
                                                     std::stop_token stop) const {
    BlockRange range{.snapshot = snapshot, .first = 0, .end = std::nullopt};
    if (!request.query.empty()) return std::vector{flow::Partition{range.text()}};
    const auto relation = WEIR_TRY(require_relation(holder, request.stream, stop));
    const auto is_stored = relation.kind == 'r' || relation.kind == 'm';
    const auto splits = is_stored && !relation.has_children && holder.server_version() >= kTidRangeScans;
    const auto count = splits ? std::clamp<std::int64_t>(relation.blocks / kBlocksMin, 1, std::max(wanted, 1)) : 1;
    std::vector<flow::Partition> partitions;
    for (std::int64_t i = 0; i < count; ++i) {
      range.first = relation.blocks * i / count;
      // Blocks that are added from now on hold nothing that the snapshot sees, so the last range needs no end.
      range.end = i + 1 < count ? std::optional{relation.blocks * (i + 1) / count} : std::nullopt;
      partitions.push_back({range.text()});
    }
    return partitions;
  }

  // A snapshot lives as long as the session that exported it.
  void keep(Connection holder) {
    const std::lock_guard lock{mutex_};
    if (holders_.size() == kSnapshotsMax) holders_.pop_front();
    holders_.push_back(std::move(holder));
  }

  static Result<void> enter_snapshot(Connection& connection, const BlockRange& range, std::stop_token stop) {
    const auto entered = connection.run(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT " + quote_literal(range.snapshot),
        stop);
    if (entered.ok()) return {};
    // 42704: no such snapshot; the session that exported it has ended.
    if (!is_sqlstate(entered.error(), "42704") && !is_sqlstate(entered.error(), "22023")) return Error{entered.error()};
    return Error::external(Code::Conflict, "the snapshot that the read began with is gone: {}", range.snapshot)
        .retry(Retry::Reconnect);
  }

  const std::shared_ptr<ConnectionPool> pool_;
  const std::string default_schema_;
  std::mutex mutex_;
  std::deque<Connection> holders_;  // guarded by mutex_
};

}  // namespace

std::unique_ptr<flow::Source> make_source(std::shared_ptr<ConnectionPool> pool, std::string default_schema) {
  return std::make_unique<PostgresSource>(std::move(pool), std::move(default_schema));
}

}  // namespace weir::postgres
