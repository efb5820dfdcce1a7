#pragma once

#include <set>

#include "connectors/clickhouse/catalog.hpp"
#include "connectors/clickhouse/receipts.hpp"

// How staged rows become visible, once, whatever dies in between.
//
// Every commit takes three steps: prepare (a row in _weir_commits names the staging table and what will prove the change),
// change (one of the statements below), done (a second row). Whoever comes after a crash or a lost answer finds the
// prepared row and asks the server for the proof. A commit that supersedes rows deletes them between prepare and change:
// readers miss them for that moment, and until the next attempt when the process dies there.
//
//   Exchange  EXCHANGE TABLES (or RENAME onto a free name). A table keeps its UUID when it is renamed, so the change
//             happened exactly when the target's UUID is the staging table's. Not happened: nothing of it did, since the
//             database swaps one metadata file for another. Databases without UUIDs rename the old table away and the new
//             one to its place; the proof is then that the staging name is gone, and a target that is missing in between
//             is put back.
//   Move      ALTER TABLE … MOVE PARTITION, a partition at a time: the server takes the parts (hard links, no copying)
//             out of the staging table as it puts them into the target. What is left in the staging table is what has
//             not happened, so a commit that has begun is carried on. When the *server* is killed within a move, both
//             tables may hold the parts; they are known by their hashes, which the prepared row names and which the
//             target shows for eight minutes after a merge. Parts of the same rows from before have the same hashes; the
//             prepared row names those too, by their blocks.
//   Insert    INSERT … SELECT with the commit's id as insert_deduplication_token, in fixed blocks of a fixed order, for
//             replicated tables: Keeper holds each block's token together with its part, so repeating it adds what is
//             missing and nothing else. rows_written counts deduplicated rows too: it is not looked at. Also for tables
//             with materialised views, which do not see partitions that are moved; a table that is not replicated holds
//             the tokens itself (non_replicated_deduplication_window). A repeated insert reaches the views again: one
//             whose own table has such a window takes it once, others may hold its rows twice.
//
// A statement of a dead client may still run at the server. Nobody decides while one runs: settle() is then Unavailable
// (Later).
namespace weir::clickhouse {

class Publisher {
 public:
  Publisher(const std::shared_ptr<ClientPool>& pool, std::string database, std::string cluster)
      : pool_(pool), cluster_(cluster), receipts_(pool, std::move(database), std::move(cluster)) {}

  // Prepares, changes, and says done. The record's proof is filled in.
  Result<flow::Receipt> publish(CommitRecord record, std::stop_token stop);
  // Whether the commit happened; finishes one that has begun.
  Result<std::optional<flow::Receipt>> settle(const flow::Relation& target, const CommitId& commit,
                                              std::stop_token stop);
  // Whether a commit, not done, was prepared once: it may have taken away what it supersedes, or some of it.
  Result<bool> was_prepared(const flow::Relation& target, const CommitId& commit, std::stop_token stop);
  // Removes a table of a dead load, once the commit that it belongs to is settled.
  Result<void> remove_leftover(const flow::Relation& leftover, std::stop_token stop);
  Result<void> drop(const flow::Relation& table, std::stop_token stop);
  Result<void> make_receipts_table(std::stop_token stop) { return receipts_.make_table(stop); }

 private:
  Result<std::string> proof_of(const CommitRecord& record, std::stop_token stop);
  Result<void> change(const CommitRecord& record, std::stop_token stop);
  Result<void> exchange(const CommitRecord& record, std::stop_token stop);
  Result<void> move(const CommitRecord& record, std::stop_token stop);
  Result<void> insert(const CommitRecord& record, std::stop_token stop);
  Result<std::optional<flow::Receipt>> settle(CommitRecord record, std::stop_token stop);
  // Whether the change happened (true), has not begun (false); finishes what has begun.
  Result<bool> finish(const CommitRecord& record, std::stop_token stop);
  Result<bool> finish_exchange(const CommitRecord& record, std::stop_token stop);
  Result<bool> finish_move(const CommitRecord& record, std::stop_token stop);
  // Of the prepared parts, those that the move has brought into the target.
  Result<std::set<std::string>> arrived_hashes(const CommitRecord& record, std::stop_token stop);
  Result<void> refuse_while_running(const flow::Relation& staging, std::stop_token stop);

  struct Part {
    std::string partition_id;
    std::string hash;
    std::string blocks;  // tells it from other parts of one hash, whatever its mutations
  };
  struct MoveProof;
  enum class Which { Active, All };
  Result<std::vector<Part>> parts(const flow::Relation& table, Which which, std::stop_token stop);
  Result<void> execute(const std::string& sql, std::stop_token stop);
  std::string quoted(const flow::Relation& relation) const { return quote_relation(relation, pool_->options()); }

  std::shared_ptr<ClientPool> pool_;
  std::string cluster_;
  Receipts receipts_;
};

}  // namespace weir::clickhouse
