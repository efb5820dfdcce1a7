#include "data/take.hpp"

#include <cstring>

namespace weir::data {

void append_value(ColumnBuilder& builder, const Column& column, std::size_t row) {
  if (column.is_null(row)) {
    builder.append_null();
    return;
  }
  const auto& type = column.type();
  if (type.kind == Kind::Bool) {
    builder.append_bool(column.bit(row));
  } else if (is_text_like(type.kind)) {
    builder.append_text(column.text(row));
  } else if (type.kind == Kind::List) {
    for (auto i = column.offsets()[row]; i < column.offsets()[row + 1]; ++i) {
      append_value(builder.child(0), column.children().front(), static_cast<std::size_t>(i));
    }
    builder.append_nested();
  } else if (type.kind == Kind::Struct) {
    for (std::size_t i = 0; i < column.children().size(); ++i)
      append_value(builder.child(i), column.children()[i], row);
    builder.append_nested();
  } else {
    const auto width = static_cast<std::size_t>(value_width(type));
    std::memcpy(builder.extend_values(1), column.values<std::byte>() + row * width, width);
  }
}

Batch take(const Batch& batch, std::span<const std::size_t> rows) {
  std::vector<Column> columns;
  for (const auto& column : batch.columns()) {
    ColumnBuilder builder{column.type()};
    builder.reserve(rows.size());
    for (const auto row : rows) append_value(builder, column, row);
    columns.push_back(builder.finish());
  }
  Batch taken{batch.schema(), std::move(columns), rows.size()};
  if (!batch.changes()) return taken;
  std::vector<Change> changes;
  for (const auto row : rows) changes.push_back((*batch.changes())[row]);
  return std::move(taken).with_changes(std::move(changes));
}

}  // namespace weir::data
