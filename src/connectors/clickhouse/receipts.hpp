#pragma once

#include <optional>
#include <string>

#include "connectors/clickhouse/client.hpp"
#include "flow/database.hpp"
#include "flow/sink.hpp"

namespace weir::clickhouse {

// How a commit makes its rows visible (publish.hpp).
enum class Method { Exchange, Move, Insert };

// A commit that was prepared: everything that tells later whether it happened, and how to finish it.
struct CommitRecord {
  CommitId commit;
  flow::Relation target;
  Method method = Method::Exchange;
  flow::Relation staging;  // the table whose rows are published
  std::string proof;       // Exchange: the table's UUID; Move: its parts' hashes
  std::uint64_t rows = 0;
  bool done = false;
  // A condition: the target's rows that are taken away once the commit is prepared. Not kept: whoever loads again says so
  // again, and a commit whose own rows have begun to arrive has done it.
  std::string superseded = {};
};

// The table `_weir_commits` of one database: a row when a commit is prepared, another when it is done.
class Receipts {
 public:
  Receipts(std::shared_ptr<ClientPool> pool, std::string database, std::string cluster)
      : pool_(std::move(pool)), database_(std::move(database)), cluster_(std::move(cluster)) {}

  Result<void> make_table(std::stop_token stop);
  Result<void> add(const CommitRecord& record, std::stop_token stop);
  Result<std::optional<CommitRecord>> find(const flow::Relation& target, const CommitId& commit, std::stop_token stop);
  Result<std::optional<CommitRecord>> find_by_staging(const flow::Relation& staging, std::stop_token stop);

 private:
  Result<std::optional<CommitRecord>> find_where(const std::string& condition, std::stop_token stop);
  std::string table() const;

  std::shared_ptr<ClientPool> pool_;
  std::string database_;
  std::string cluster_;
};

}  // namespace weir::clickhouse
