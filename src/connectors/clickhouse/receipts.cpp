#include "connectors/clickhouse/receipts.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "connectors/clickhouse/catalog.hpp"
#include "connectors/clickhouse/staging.hpp"
#include "connectors/clickhouse/table_clauses.hpp"

namespace weir::clickhouse {
namespace {

constexpr std::array<std::string_view, 3> kMethods{"exchange", "move", "insert"};
constexpr int kFirstVersionWithFsync = 20'010;

}  // namespace

std::string Receipts::table() const { return fmt::format("{}.{}", quote_name(database_), quote_name(kCommitsTable)); }

Result<void> Receipts::make_table(std::stop_token stop) {
  const auto server = WEIR_TRY(pool_->server(stop));
  // A receipt that a power failure takes back would let its commit happen twice.
  const bool modern = server.version >= kFirstVersionWithFsync;
  const auto sql = fmt::format(
      "CREATE TABLE IF NOT EXISTS {}{} (commit String, target String, method String, staging String, proof String, "
      "rows UInt64, done UInt8, at {}) ENGINE = {} ORDER BY (target, commit){}",
      table(), on_cluster(cluster_), modern ? "DateTime64(6, 'UTC')" : "DateTime",
      cluster_.empty() ? "MergeTree" : "ReplicatedMergeTree",
      modern ? " TTL toDateTime(at) + INTERVAL 1 YEAR SETTINGS fsync_after_insert = 1, fsync_part_directory = 1" : "");
  WEIR_TRY(pool_->take()->execute({.sql = sql}, stop));
  return {};
}

Result<void> Receipts::add(const CommitRecord& record, std::stop_token stop) {
  const auto server = WEIR_TRY(pool_->server(stop));
  const auto sql = fmt::format(
      "INSERT INTO {} (commit, target, method, staging, proof, rows, done, at) SELECT {}, {}, {}, {}, {}, {}, {}, {}",
      table(), quote_text(record.commit.text()), quote_text(record.target.name),
      quote_text(kMethods[static_cast<std::size_t>(record.method)]), quote_text(record.staging.name),
      quote_text(record.proof), record.rows, record.done ? 1 : 0,
      server.version >= kFirstVersionWithFsync ? "now64(6)" : "now()");
  WEIR_TRY(pool_->take()->execute({.sql = sql}, stop));
  return {};
}

Result<std::optional<CommitRecord>> Receipts::find(const flow::Relation& target, const CommitId& commit,
                                                   std::stop_token stop) {
  return find_where(fmt::format("target = {} AND commit = {}", quote_text(target.name), quote_text(commit.text())),
                    stop);
}

Result<std::optional<CommitRecord>> Receipts::find_by_staging(const flow::Relation& staging, std::stop_token stop) {
  return find_where(fmt::format("staging = {}", quote_text(staging.name)), stop);
}

Result<std::optional<CommitRecord>> Receipts::find_where(const std::string& condition, std::stop_token stop) {
  // A commit may have been prepared several times, and what was taken back says nothing; done is done.
  auto found = pool_->take()->rows(
      {.sql = fmt::format("SELECT commit, target, method, staging, proof, rows, done FROM {} WHERE {} "
                          "ORDER BY done DESC, at DESC LIMIT 1",
                          table(), condition)},
      stop);
  if (!found.ok() && found.error().code() == Code::NotFound) return std::nullopt;
  const auto rows = WEIR_TRY(std::move(found));
  if (rows.empty()) return std::nullopt;
  const auto cell = [&](std::size_t index) { return rows[0].at(index).value_or(""); };
  CommitRecord record;
  record.commit = CommitId{cell(0)};
  record.target = {database_, cell(1)};
  for (std::size_t i = 0; i < kMethods.size(); ++i) {
    if (kMethods[i] == cell(2)) record.method = static_cast<Method>(i);
  }
  record.staging = {database_, cell(3)};
  record.proof = cell(4);
  const auto rows_text = cell(5);
  std::from_chars(rows_text.data(), rows_text.data() + rows_text.size(), record.rows);
  record.done = cell(6) == "1";
  return record;
}

}  // namespace weir::clickhouse
