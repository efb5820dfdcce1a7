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
