#pragma once

#include <optional>
#include <string>
#include <vector>

#include "flow/sink.hpp"
#include "flow/source.hpp"

// Rows as texts, for tests: what goes into a sink and what comes out of a source. A library of its own, which no program links.
namespace weir::flow::testing {

// A value's text; nothing for NULL.
using Cell = std::optional<std::string>;
using Table = std::vector<std::vector<Cell>>;

data::SchemaPtr schema(std::vector<data::Field> fields);
// Every cell is read as its column's type; one that cannot be stops the process.
data::Batch batch(const data::SchemaPtr& schema, const Table& rows);
Table table_of(const data::Batch& batch);
// A batch that says what happened to its rows, as lines: "u 1|a" is there now, "d 2" is gone (its cells without a value untold).
std::vector<std::string> change_lines(const data::Batch& batch);
// Everything that a request reads, in all of its partitions.
Result<Table> read_all(Source& source, const ReadRequest& request, int partitions = 1);
// All that a stream tells as changes from a checkpoint on, read as the pump reads it: in its one partition.
struct ChangesRead {
  std::vector<std::string> lines;
  std::optional<Checkpoint> end;
  Stream::Continuity continuity = Stream::Continuity::GoesOn;
};
Result<ChangesRead> read_changes(Source& source, const std::string& stream, const std::optional<Checkpoint>& from);
// Opens a load, writes the batches with one writer, and commits.
Result<Receipt> load(Sink& sink, const WriteRequest& request, const std::vector<data::Batch>& batches,
                     const std::string& commit);

}  // namespace weir::flow::testing
