#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/setting.hpp"
#include "data/batch.hpp"
#include "flow/checkpoint.hpp"

namespace weir::flow {

// How large a batch may become. A source closes a batch at whichever limit comes first; one row may exceed the bytes.
struct Limits {
  std::size_t batch_rows = 65'536;
  std::size_t batch_bytes = 8U << 20;
};

// Something that can be read: a table, a view, a file, an endpoint.
struct Stream {
  std::string name;
  data::Schema schema;
  std::vector<std::string> key;  // the primary key's columns in order; empty when there is none
  std::optional<std::uint64_t> rows_estimate;
  // The leading columns of the key that rows of one origin share, such as the document that a list's elements come from:
  // a Delete takes away all rows of its origin. Empty: a Delete takes away the row of its key.
  std::vector<std::string> origin = {};
  // No two rows of one reading have the same key: a destination that is replaced takes it as its own.
  bool key_is_unique = false;
  // A stream that was read incrementally may have to begin anew, because its source no longer has what came since: what a
  // destination has of it is then not to be added to but to be replaced.
  enum class Continuity { GoesOn, StartsOver } continuity = Continuity::GoesOn;
};

// What to read: a stream by name, or the rows of a query where the source takes one.
struct ReadRequest {
  std::string stream;
  std::string query;                 // instead of stream
  std::vector<std::string> columns;  // empty: all
  Settings options;                  // the connector's own read options (format, delimiter, …)
  Limits limits;
  std::optional<Checkpoint> from =
      {};  // where the read will begin: what an incremental stream looks like depends on it
  // Changes: for a merge. The batches say what happened to their rows, where the source knows.
  enum class Deliver { Rows, Changes } deliver = Deliver::Rows;
};

// A part of a stream that can be read on its own, opaque to all but its connector. The parts of one request are disjoint,
// and together they are the stream as it was when partitions() was called.
struct Partition {
  std::string text;
};

// A batch and, when the source can resume there, the checkpoint after it.
struct Delivery {
  data::Batch batch;
  std::optional<Checkpoint> checkpoint;
};

// One open read of one partition. Used by one thread at a time. Every call returns Cancelled within a second of a stop
// request, whatever the server does.
class Reader {
 public:
  virtual ~Reader() = default;

  // Known as soon as the reader is open, and the same for all of its batches.
  virtual const data::SchemaPtr& schema() const = 0;
  // The next batch, never empty; nothing at the end.
  virtual Result<std::optional<Delivery>> next(std::stop_token stop) = 0;
  // After the last batch: where the next read begins, also when there was no batch. Nothing: what came with the last one.
  virtual std::optional<Checkpoint> end() const { return std::nullopt; }
  // Called only after the destination has committed everything up to the checkpoint: what moves a replication slot.
  virtual Result<void> confirm(const Checkpoint&) { return {}; }
  // Bytes taken from the file or the wire so far, for progress.
  virtual std::uint64_t bytes_read() const = 0;
};

// The role of a connection from which rows can be read. Thread-safe: readers are opened from several threads.
class Source {
 public:
  virtual ~Source() = default;

  virtual Result<std::vector<Stream>> discover(std::stop_token stop) = 0;
  // The schema and key of what the request would read; NotFound when the stream is not there.
  virtual Result<Stream> describe(const ReadRequest& request, std::stop_token stop) = 0;
  // At most `wanted` partitions, at least one. All of them see the same snapshot while this Source lives, where the
  // server can do that.
  virtual Result<std::vector<Partition>> partitions(const ReadRequest& request, int wanted, std::stop_token stop) = 0;
  virtual Result<std::unique_ptr<Reader>> open(const ReadRequest& request, const Partition& partition,
                                               const std::optional<Checkpoint>& from, std::stop_token stop) = 0;
};

}  // namespace weir::flow
