#pragma once

#include <memory>
#include <string>

#include "base/log.hpp"
#include "connectors/clickhouse/client.hpp"
#include "connectors/clickhouse/staging.hpp"
#include "data/column.hpp"

namespace weir::clickhouse {

// The column that keeps the order of a file's rows.
constexpr std::string_view kRowColumn = "_weir_row";

// Settings of every INSERT into the table: in order, at once, and a NULL that does not fit is an error.
Pairs parquet_insert_settings();

// A private table for the rows of one file under way, dropped with this object. Its process's name is in its own, so that
// a later one can remove it after a kill.
class ParquetStaging {
 public:
  // `columns` as CREATE TABLE takes them; kRowColumn numbers the rows of an INSERT that does not give it.
  static Result<std::unique_ptr<ParquetStaging>> create(const std::shared_ptr<ClientPool>& pool,
                                                        const std::string& columns, Log& log, std::stop_token stop);
  ~ParquetStaging();
  ParquetStaging(const ParquetStaging&) = delete;
  ParquetStaging& operator=(const ParquetStaging&) = delete;

  const std::string& quoted() const { return quoted_; }

 private:
  ParquetStaging(std::shared_ptr<ClientPool> pool, std::string quoted)
      : pool_(std::move(pool)), quoted_(std::move(quoted)) {}

  std::shared_ptr<ClientPool> pool_;
  std::string quoted_;
};

// The same values under another type of the same layout: what integers and bytes mean. A number may become wider.
Result<data::Column> with_meaning(const data::Column& column, const data::Type& type);

}  // namespace weir::clickhouse
