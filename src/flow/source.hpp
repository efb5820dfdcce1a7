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
  // The columns of the key that name the document of which a row is a part: its rows come and go together. Empty for rows
  // that stand for themselves.
  std::vector<std::string> owner = {};
};

// What to read: a stream by name, or the rows of a query where the source takes one.
struct ReadRequest {
  std::string stream;
  std::string query;                 // instead of stream
  std::vector<std::string> columns;  // empty: all
  Settings options;                  // the connector's own read options (format, delimiter, …)
  Limits limits;
  // A merge has to know which owners come, also those of which no row is left.
  enum class Clears { None, BeforeEachOwner } clears = Clears::None;
  std::optional<Checkpoint> from =
      {};  // where the read will begin: what an incremental stream looks like depends on it
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
