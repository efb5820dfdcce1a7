#include "flow/text_tables.hpp"

#include "data/text.hpp"

namespace weir::flow::testing {

data::SchemaPtr schema(std::vector<data::Field> fields) {
  return std::make_shared<const data::Schema>(data::Schema{std::move(fields)});
}

data::Batch batch(const data::SchemaPtr& schema, const Table& rows) {
  std::vector<data::Column> columns;
  for (std::size_t i = 0; i < schema->fields.size(); ++i) {
    data::ColumnBuilder builder{schema->fields[i].type};
    for (const auto& row : rows) {
      if (row[i]) {
        data::append_parsed(builder, *row[i]).value();
      } else {
        builder.append_null();
      }
    }
    columns.push_back(builder.finish());
  }
  return {schema, std::move(columns), rows.size()};
}

Table table_of(const data::Batch& batch) {
  Table table(batch.rows());
  for (std::size_t row = 0; row < batch.rows(); ++row) {
    for (const auto& column : batch.columns())
      table[row].push_back(column.is_null(row) ? Cell{} : Cell{data::value_text(column, row)});
  }
  return table;
}

std::vector<std::string> change_lines(const data::Batch& batch) {
  std::vector<std::string> lines;
  const auto table = table_of(batch);
  for (std::size_t row = 0; row < table.size(); ++row) {
    const bool gone = (*batch.changes())[row] == data::Change::Delete;
    std::string line = gone ? "d" : "u";
    for (const auto& cell : table[row]) {
      if (!gone || cell) line += (line.size() == 1 ? " " : "|") + cell.value_or("NULL");
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

Result<Table> read_all(Source& source, const ReadRequest& request, int partitions) {
  Table table;
  for (const auto& partition : WEIR_TRY(source.partitions(request, partitions, {}))) {
    const auto reader = WEIR_TRY(source.open(request, partition, request.from, {}));
    while (const auto delivery = WEIR_TRY(reader->next({}))) {
      for (auto& row : table_of(delivery->batch)) table.push_back(std::move(row));
    }
  }
  return table;
}

Result<ChangesRead> read_changes(Source& source, const std::string& stream, const std::optional<Checkpoint>& from) {
  ReadRequest request{.stream = stream};
  request.from = from;
  request.deliver = ReadRequest::Deliver::Changes;
  ChangesRead read;
  read.continuity = WEIR_TRY(source.describe(request, {})).continuity;
  const auto partitions = WEIR_TRY(source.partitions(request, 4, {}));
  if (partitions.size() != 1) return Error::bug("changes in {} partitions", partitions.size());
  const auto reader = WEIR_TRY(source.open(request, partitions.front(), from, {}));
  while (const auto delivery = WEIR_TRY(reader->next({}))) {
    for (auto& line : change_lines(delivery->batch)) read.lines.push_back(std::move(line));
  }
  read.end = reader->end();
  return read;
}

Result<Receipt> load(Sink& sink, const WriteRequest& request, const std::vector<data::Batch>& batches,
                     const std::string& commit) {
  const auto load = WEIR_TRY(sink.open(request, {}));
  // As in the pump, the writer is there until the end.
  const auto writer = WEIR_TRY(load->writer({}));
  for (const auto& batch : batches) WEIR_TRY(writer->write(batch, {}));
  WEIR_TRY(writer->finish({}));
  return load->commit(CommitId{commit}, {});
}

}  // namespace weir::flow::testing
