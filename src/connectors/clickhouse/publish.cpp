#include "connectors/clickhouse/publish.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "connectors/clickhouse/staging.hpp"
#include "connectors/clickhouse/table_clauses.hpp"

namespace weir::clickhouse {
namespace {

constexpr int kFirstVersionWithExchange = 20'010;
// The blocks of an INSERT that may be repeated: their size decides which rows share a token.
constexpr int kInsertBlockRows = 1'048'449;

flow::Receipt receipt_of(const CommitRecord& record) { return {.commit = record.commit, .rows = record.rows}; }

std::set<std::string> words_of(std::string_view text) {
  std::set<std::string> words;
  while (!text.empty()) {
    const auto end = std::min(text.find(','), text.size());
    if (end != 0) words.emplace(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

}  // namespace

// "hash,hash;blocks,blocks": the parts of the staging table, and those of the target that look like them but lie there from
// before: rows that are appended a second time make parts of the same hash.
struct Publisher::MoveProof {
  explicit MoveProof(std::string_view text) {
    const auto end = std::min(text.find(';'), text.size());
    const auto list = text.substr(0, end);
    prepared = list.empty() ? 0 : static_cast<std::size_t>(std::count(list.begin(), list.end(), ',')) + 1;
    hashes = words_of(list);
    if (end != text.size()) there_before = words_of(text.substr(end + 1));
  }

  bool names(const Part& part) const { return !part.hash.empty() && hashes.contains(part.hash); }

  std::size_t prepared = 0;  // parts; several may have one hash
  std::set<std::string> hashes;
  std::set<std::string> there_before;  // their blocks
};

Result<void> Publisher::execute(const std::string& sql, std::stop_token stop) {
  WEIR_TRY(pool_->take()->execute({.sql = sql}, stop));
  return {};
}

Result<void> Publisher::drop(const flow::Relation& table, std::stop_token stop) {
  const auto server = WEIR_TRY(pool_->server(stop));
  // SYNC waits for queries on the table and frees its name and disk at once.
  return execute(fmt::format("DROP TABLE IF EXISTS {}{}{}", quoted(table), on_cluster(cluster_),
                             server.version >= kFirstVersionWithExchange ? " SYNC" : ""),
                 stop);
}

Result<std::vector<Publisher::Part>> Publisher::parts(const flow::Relation& table, Which which, std::stop_token stop) {
  const auto server = WEIR_TRY(pool_->server(stop));
  const auto rows = WEIR_TRY(pool_->take()->rows(
      {.sql =
           fmt::format("SELECT {0}, {1}, concat({0}, ':', toString(min_block_number), ':', toString(max_block_number)) "
                       "FROM system.parts WHERE database = {2} AND table = {3} AND rows > 0{4} ORDER BY name",
                       server.version >= kFirstVersionWithExchange ? "partition_id" : "partition",
                       server.version >= kFirstVersionWithExchange ? "hash_of_all_files" : "''",
                       quote_text(table.space), quote_text(table.name), which == Which::Active ? " AND active" : "")},
      stop));
  std::vector<Part> parts;
  for (const auto& row : rows) parts.push_back({row[0].value_or(""), row[1].value_or(""), row[2].value_or("")});
  return parts;
}

Result<flow::Receipt> Publisher::publish(CommitRecord record, std::stop_token stop) {
  record.proof = WEIR_TRY(proof_of(record, stop));
  record.done = false;
  WEIR_TRY(receipts_.add(record, stop));
  if (!record.superseded.empty()) {
    WEIR_TRY(execute(fmt::format("ALTER TABLE {} DELETE WHERE {} SETTINGS mutations_sync = 2", quoted(record.target),
                                 record.superseded),
                     stop));
  }
  WEIR_TRY(change(record, stop));
  record.done = true;
  WEIR_TRY(receipts_.add(record, stop));
  return receipt_of(record);
}

Result<std::string> Publisher::proof_of(const CommitRecord& record, std::stop_token stop) {
  if (record.method == Method::Exchange) {
    const auto staging = WEIR_TRY(find_table(*pool_, record.staging, stop));
    if (!staging) return Error::external(Code::Conflict, "the staging table {} is gone", record.staging.text());
    return staging->has_uuid() ? staging->uuid : std::string{};
  }
  if (record.method == Method::Insert) return std::string{};
  // A merge would change the hashes. Without the right to stop merges only a killed server could be misread.
  (void)execute(fmt::format("SYSTEM STOP MERGES {}", quoted(record.staging)), stop);
  std::vector<std::string> hashes;
  for (const auto& part : WEIR_TRY(parts(record.staging, Which::Active, stop))) hashes.push_back(part.hash);
  const MoveProof alike{fmt::format("{}", fmt::join(hashes, ","))};
  std::vector<std::string> there_before;
  for (const auto& part : WEIR_TRY(parts(record.target, Which::All, stop))) {
    if (alike.names(part)) there_before.push_back(part.blocks);
  }
  return fmt::format("{};{}", fmt::join(hashes, ","), fmt::join(there_before, ","));
}

Result<std::set<std::string>> Publisher::arrived_hashes(const CommitRecord& record, std::stop_token stop) {
  const MoveProof proof{record.proof};
  std::set<std::string> arrived;
  for (const auto& part : WEIR_TRY(parts(record.target, Which::All, stop))) {
    if (proof.names(part) && !proof.there_before.contains(part.blocks)) arrived.insert(part.hash);
  }
  return arrived;
}

Result<void> Publisher::change(const CommitRecord& record, std::stop_token stop) {
  switch (record.method) {
    case Method::Exchange: return exchange(record, stop);
    case Method::Move: return move(record, stop);
    case Method::Insert: return insert(record, stop);
  }
  return {};
}

Result<void> Publisher::exchange(const CommitRecord& record, std::stop_token stop) {
  const auto target = WEIR_TRY(find_table(*pool_, record.target, stop));
  const auto cluster = on_cluster(cluster_);
  if (!target) {
    return execute(fmt::format("RENAME TABLE {} TO {}{}", quoted(record.staging), quoted(record.target), cluster),
                   stop);
  }
  if (!record.proof.empty()) {
    return execute(fmt::format("EXCHANGE TABLES {} AND {}{}", quoted(record.staging), quoted(record.target), cluster),
                   stop);
  }
  const auto old = beside(record.target, kOldMark, owner_in(record.staging.name));
  WEIR_TRY(execute(fmt::format("RENAME TABLE {} TO {}, {} TO {}{}", quoted(record.target), quoted(old),
                               quoted(record.staging), quoted(record.target), cluster),
                   stop));
  return {};
}

Result<void> Publisher::move(const CommitRecord& record, std::stop_token stop) {
  const auto hashes = WEIR_TRY(arrived_hashes(record, stop));
  std::set<std::string> to_move;
  std::set<std::string> arrived;
  for (const auto& part : WEIR_TRY(parts(record.staging, Which::Active, stop)))
    (hashes.contains(part.hash) ? arrived : to_move).insert(part.partition_id);
  for (const auto& partition : to_move) {
    if (arrived.contains(partition)) {
      return Error::external(Code::Conflict, "partition {} of {} is only partly in {}", partition,
                             record.staging.text(), record.target.text())
          .retry(Retry::Never)
          .hint("the server was killed while it moved parts, and the disk lost some: compare both tables by hand");
    }
    WEIR_TRY(execute(fmt::format("ALTER TABLE {} MOVE PARTITION ID {} TO TABLE {}", quoted(record.staging),
                                 quote_text(partition), quoted(record.target)),
                     stop));
  }
  return {};
}

Result<void> Publisher::insert(const CommitRecord& record, std::stop_token stop) {
  const auto staging = WEIR_TRY(find_table(*pool_, record.staging, stop));
  if (!staging) return Error::external(Code::Conflict, "the staging table {} is gone", record.staging.text());
  std::vector<std::string> names;
  for (const auto& column : staging->columns) names.push_back(quote_name(column.name));
  const auto list = fmt::format("{}", fmt::join(names, ", "));
  Query query{.sql = fmt::format("INSERT INTO {} ({}) SELECT {} FROM {} ORDER BY {}", quoted(record.target), list, list,
                                 quoted(record.staging), list)};
  const auto block = std::to_string(kInsertBlockRows);
  query.settings = {{"insert_deduplicate", "1"},
                    {"insert_deduplication_token", record.commit.text()},
                    {"max_threads", "1"},
                    {"max_insert_threads", "1"},
                    {"max_block_size", block},
                    {"max_insert_block_size", block},
                    {"min_insert_block_size_rows", block},
                    {"min_insert_block_size_bytes", "0"},
                    {"insert_distributed_sync", "1"}};
  // A server that died between the table and its views goes on with the views when the insert is repeated.
  if (WEIR_TRY(pool_->server(stop)).version >= kFirstVersionWithUuids) {
    query.settings.emplace_back("deduplicate_blocks_in_dependent_materialized_views", "1");
  }
  WEIR_TRY(pool_->take()->execute(query, stop));
  return {};
}

Result<std::optional<flow::Receipt>> Publisher::settle(const flow::Relation& target, const CommitId& commit,
                                                       std::stop_token stop) {
  auto record = WEIR_TRY(receipts_.find(target, commit, stop));
  if (!record) return std::nullopt;
  return settle(std::move(*record), stop);
}

Result<bool> Publisher::was_prepared(const flow::Relation& target, const CommitId& commit, std::stop_token stop) {
  return WEIR_TRY(receipts_.find(target, commit, stop)).has_value();
}

Result<std::optional<flow::Receipt>> Publisher::settle(CommitRecord record, std::stop_token stop) {
  if (!record.done) {
    WEIR_TRY(refuse_while_running(record.staging, stop));
    if (!WEIR_TRY(finish(record, stop))) return std::nullopt;
    record.done = true;
    WEIR_TRY(receipts_.add(record, stop));
  }
  return receipt_of(record);
}

Result<bool> Publisher::finish(const CommitRecord& record, std::stop_token stop) {
  if (record.method == Method::Exchange) return finish_exchange(record, stop);
  const auto staging = WEIR_TRY(find_table(*pool_, record.staging, stop));
  if (!staging) return false;
  if (record.method == Method::Move) return finish_move(record, stop);
  WEIR_TRY(insert(record, stop));
  return true;
}

Result<bool> Publisher::finish_exchange(const CommitRecord& record, std::stop_token stop) {
  const auto target = WEIR_TRY(find_table(*pool_, record.target, stop));
  if (!record.proof.empty()) return target && target->uuid == record.proof;
  if (!WEIR_TRY(find_table(*pool_, record.staging, stop))) return target.has_value();
  const auto old = beside(record.target, kOldMark, owner_in(record.staging.name));
  if (!target && WEIR_TRY(find_table(*pool_, old, stop))) {
    WEIR_TRY(execute(fmt::format("RENAME TABLE {} TO {}{}", quoted(old), quoted(record.target), on_cluster(cluster_)),
                     stop));
  }
  return false;
}

Result<bool> Publisher::finish_move(const CommitRecord& record, std::stop_token stop) {
  const MoveProof proof{record.proof};
  std::size_t left = 0;
  for (const auto& part : WEIR_TRY(parts(record.staging, Which::Active, stop))) left += proof.names(part) ? 1 : 0;
  // Nothing of it has happened: it is as if it was never prepared, and the staging table goes with its load.
  if (left == proof.prepared && WEIR_TRY(arrived_hashes(record, stop)).empty()) return proof.prepared == 0;
  WEIR_TRY(move(record, stop));
  return true;
}

Result<void> Publisher::refuse_while_running(const flow::Relation& staging, std::stop_token stop) {
  // In two halves, so that this query does not find itself.
  const auto half = staging.name.size() / 2;
  const auto rows = WEIR_TRY(pool_->take()->rows(
      {.sql = fmt::format("SELECT count() FROM system.processes WHERE position(query, concat({}, {})) > 0",
                          quote_text(staging.name.substr(0, half)), quote_text(staging.name.substr(half)))},
      stop));
  if (!rows.empty() && rows[0][0] != "0") {
    return Error::external(Code::Unavailable, "a commit of an earlier attempt still runs at the server: {}",
                           staging.text());
  }
  return {};
}

Result<void> Publisher::remove_leftover(const flow::Relation& leftover, std::stop_token stop) {
  auto record = WEIR_TRY(receipts_.find_by_staging(leftover, stop));
  if (record && !record->done) WEIR_TRY(settle(std::move(*record), stop));
  return drop(leftover, stop);
}

}  // namespace weir::clickhouse
