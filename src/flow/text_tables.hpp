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
// Everything that a request reads, in all of its partitions.
Result<Table> read_all(Source& source, const ReadRequest& request, int partitions = 1);
// Opens a load, writes the batches with one writer, and commits.
Result<Receipt> load(Sink& sink, const WriteRequest& request, const std::vector<data::Batch>& batches,
                     const std::string& commit);

}  // namespace weir::flow::testing
