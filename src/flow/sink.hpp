#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/id.hpp"
#include "base/result.hpp"
#include "base/setting.hpp"
#include "data/batch.hpp"

namespace weir::flow {

enum class WriteMode {
  Append,   // adds the rows
  Replace,  // the table becomes the rows: readers see the old table or the new, never none and never a part
  Merge,    // upserts by key; applies deletes where the batches carry changes
};

// An index to build after the rows are in.
struct Index {
  std::vector<std::string> columns;
};

// Rows that an earlier commit of the same run appended, and whose place the load's rows take: the task is done again.
struct Superseded {
  CommitId commit;
  std::uint64_t rows = 0;
  // The columns that say which run a row is of, and what they hold for this one. Never empty.
  std::vector<std::pair<std::string, std::string>> marks;
};

// What a sink says when a table holds another number of rows with these marks: taking them away could be wrong.
Error changed_since(const Superseded& superseded, std::string_view table, std::uint64_t found);

struct WriteRequest {
  std::string table;  // as the user wrote it after the connection's name; may carry a schema or database ("crm.sales")
  data::SchemaPtr schema;
  WriteMode mode = WriteMode::Append;
  std::vector<std::string> key;  // becomes the primary key; required by Merge
  // The key is the stream's and not the user's word: a table that is there keeps the key that it has.
  bool key_yields = false;
  // Merge: the columns that rows of one origin share (Stream::origin). A Delete takes away all rows of its origin but those
  // that come after it in the load; its other columns say nothing. Empty: the key's.
  std::vector<std::string> origin = {};
  std::vector<Index> indexes;
  Settings options;  // the connector's own write options (engine, order_by, …)
  // Append: taken away by the commit. A sink that cannot do that refuses: Unsupported.
  std::optional<Superseded> superseded = {};
};

// Proof that a commit is in the destination.
struct Receipt {
  CommitId commit;
  std::uint64_t rows = 0;
  bool operator==(const Receipt&) const = default;
};

// Takes batches for one load. Used by one thread; several writers of one load may work at once.
class Writer {
 public:
  virtual ~Writer() = default;
  // The batch's schema equals the request's. When it returns, the batch may be released.
  virtual Result<void> write(const data::Batch& batch, std::stop_token stop) = 0;
  // Everything written is with the server. Required before Load::commit; a writer destroyed without it spoils the load.
  virtual Result<void> finish(std::stop_token stop) = 0;
};

// One atomic change of one table. Destroyed without commit: nothing happened, and what it staged is removed (at the
// latest by the next load of that table, when this process was killed).
class Load {
 public:
  virtual ~Load() = default;
  virtual Result<std::unique_ptr<Writer>> writer(std::stop_token stop) = 0;
  // Makes everything visible at once and leaves the commit's id in the destination, atomically with the rows or so that
  // a second commit of the same id changes nothing. After an Unavailable error the outcome is unknown: ask Sink::find.
  virtual Result<Receipt> commit(const CommitId& commit, std::stop_token stop) = 0;
};

// The role of a connection to which rows can be written. Thread-safe.
class Sink {
 public:
  virtual ~Sink() = default;
  // Makes the table when it is missing (types by docs/types.md), checks that the schema fits when it is there.
  virtual Result<std::unique_ptr<Load>> open(const WriteRequest& request, std::stop_token stop) = 0;
  // The receipt of a commit that the destination already holds.
  virtual Result<std::optional<Receipt>> find(const WriteRequest& request, const CommitId& commit,
                                              std::stop_token stop) = 0;
};

}  // namespace weir::flow
